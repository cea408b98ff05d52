"""MONAI's persistent dataset, with files written atomically."""

from contextlib import suppress
from copy import deepcopy
from io import BytesIO
from pickle import UnpicklingError
from typing import Any

import torch
from monai.data.dataset import PersistentDataset
from monai.utils.type_conversion import convert_to_tensor

from ..system import replacing


class KeptDataset(PersistentDataset):
    """Records kept on disk after their deterministic transforms, one file each, named by record and transforms.

    MONAI moves files in from the temporary folder, which leaves a partial file if the disk is full, and fails on it
    ever after. Here a file gets its name only when complete, and an unreadable one is created again.
    Raises AiwaveError if one cannot be written.
    """

    def _cachecheck(self, item_transformed: Any) -> Any:
        """Return the stored form of the record `item_transformed`, storing it first if necessary."""
        assert self.cache_dir is not None
        path = self.cache_dir / f"{self.hash_func(item_transformed).decode()}{self.transform_hash}.pt"
        with suppress(OSError, RuntimeError, EOFError, UnpicklingError):
            return torch.load(path, weights_only=True)
        made = self._pre_transform(deepcopy(item_transformed))
        content = BytesIO()  # torch would report a full disk with its own error
        torch.save(convert_to_tensor(made, convert_numeric=False, track_meta=self.track_meta), content)
        with replacing(path) as temporary:
            temporary.write_bytes(content.getbuffer())
        return made
