"""Caches, which keep volumes in memory or on disk between crops."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from monai.data.dataset import CacheDataset, PersistentDataset
from monai.data.dataset import Dataset as MonaiDataset
from monai.data.utils import pickle_hashing
from monai.utils.type_conversion import convert_to_tensor
from torch.utils.data import Dataset

from ..bounds import Count
from ..errors import AiwaveError
from ..system import user_path
from ..writing import replacing
from .manifest import CACHE


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


Record = dict[str, Any]


class Cache(ABC):
    """Creates the MONAI dataset that applies deterministic transforms to records, once or every time.

    `crops_per_read` random crops are cut from a volume each time it is read: the slower reading is, the more crops pay
    off.
    """

    def __init__(self, crops_per_read: Count) -> None:
        self.crops_per_read = crops_per_read

    @abstractmethod
    def dataset(self, records: Sequence[Record], transform: Any, beside: Path | None) -> Dataset[Record]:
        """The records after `transform`, a MONAI `Compose`; `beside` is the folder of the data, if it has one."""


class MemoryCache(Cache):
    """Cache in memory, where every volume is read once: for sets that fit."""

    def dataset(self, records: Sequence[Record], transform: Any, beside: Path | None) -> Dataset[Record]:
        """See `Cache.dataset`."""
        return CacheDataset(
            records, transform, num_workers=1, progress=False, copy_cache=False, as_contiguous=False, hash_as_key=False
        )


class PersistentCache(Cache):
    """Cache of decoded volumes on disk, in `folder` or else in `.cache` beside the data: for sets larger than memory.

    A cached volume is keyed by the file's hash and the transforms: if either changes, it is created again.
    """

    def __init__(self, crops_per_read: Count, folder: str | None = None) -> None:
        super().__init__(crops_per_read)
        self.folder = folder

    def dataset(self, records: Sequence[Record], transform: Any, beside: Path | None) -> Dataset[Record]:
        """See `Cache.dataset`. Raises AiwaveError if there is no folder to keep volumes in."""
        folder = user_path(self.folder) if self.folder else beside and beside / CACHE
        if folder is None:
            raise AiwaveError("cache=persistent needs a folder for volumes without files: give cache.folder=...")
        try:
            return KeptDataset(records, transform, folder, hash_transform=pickle_hashing)
        except OSError as error:
            raise AiwaveError(f"Cannot cache volumes in {folder}: {error.strerror}; set cache.folder.") from error


class NoCache(Cache):
    """No cache: volumes are read whenever they are needed."""

    def dataset(self, records: Sequence[Record], transform: Any, beside: Path | None) -> Dataset[Record]:
        """See `Cache.dataset`."""
        return MonaiDataset(records, transform)
