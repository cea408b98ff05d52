"""MONAI's persistent dataset, with files that are whole or not there."""

from contextlib import suppress
from copy import deepcopy
from io import BytesIO
from pickle import UnpicklingError
from typing import Any

import torch
from monai.data.dataset import PersistentDataset
from monai.utils.type_conversion import convert_to_tensor

from ..atomic import replacing


class KeptDataset(PersistentDataset):
    """Records kept on disk after their deterministic transforms, in a file each, named by record and transforms.

    MONAI moves files in from the temporary folder, which leaves half of one where the disk is full, and fails on it
    ever after. Here a file takes its name when it is complete, and one that cannot be read is made anew.
    Raises AiwaveError if one cannot be written.
    """

    def _cachecheck(self, item_transformed: Any) -> Any:
        """Return the record `item_transformed` as it is kept; keep it first if it is not."""
        assert self.cache_dir is not None
        path = self.cache_dir / f"{self.hash_func(item_transformed).decode()}{self.transform_hash}.pt"
        with suppress(OSError, RuntimeError, EOFError, UnpicklingError):
            return torch.load(path, weights_only=True)
        made = self._pre_transform(deepcopy(item_transformed))
        content = BytesIO()  # torch reports a full disk in words of its own
        torch.save(convert_to_tensor(made, convert_numeric=False, track_meta=self.track_meta), content)
        with replacing(path) as temporary:
            temporary.write_bytes(content.getbuffer())
        return made
