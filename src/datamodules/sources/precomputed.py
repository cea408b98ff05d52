"""Cutouts of neuroglancer precomputed volumes."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AiwaveError
from ...stores.tensorstore_arrays import context_with, first_words, open_spec
from ...system import check_free_space
from ...writing import replacing
from .download import Checksum, record, recorded
from .source import Raw, Source
from .splits import Box, disjoint_boxes

ADVICE = "check the connection and the address, or give a local volume with from=FILE"


class PrecomputedVolume:
    """The image at `url` (http, https, gs or file), at the scale whose voxels are `resolution` nm (x, y, z).

    Raises:
        AiwaveError: If tensorstore is not installed, if the volume or scale does not exist, or if it has several
            channels or voxels that are neither uint8 nor uint16.
    """

    def __init__(self, url: str, resolution: tuple[float, ...]) -> None:
        self.url = url.rstrip("/")
        self._store = self._open(resolution)
        dtype, channels = self._store.dtype.name, self._store.domain[3].size
        if dtype not in ("uint8", "uint16") or channels != 1:
            raise AiwaveError(f"{url} holds {channels} channels of {dtype}: give a volume with one of uint8 or uint16.")

    def check_holds(self, box: Box) -> None:
        """Raise AiwaveError if `box` extends beyond the volume."""
        z, y, x = (self._store.domain[axis] for axis in (2, 1, 0))
        whole = Box(
            (z.inclusive_min, y.inclusive_min, x.inclusive_min), (z.exclusive_max, y.exclusive_max, x.exclusive_max)
        )
        if not (np.greater_equal(box.start, whole.start).all() and np.less_equal(box.stop, whole.stop).all()):
            raise AiwaveError(
                f"The box {box} extends beyond {self.url}, which is {whole}: choose another in source.fetch.boxes."
            )

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the voxels, uint8 or uint16."""
        return np.dtype(self._store.dtype.numpy_dtype)

    def read(self, box: Box) -> np.ndarray:
        """Return the voxels of a box as (z, y, x). Raises AiwaveError if a block of them is missing or unreadable."""
        (z0, y0, x0), (z1, y1, x1) = box.start, box.stop
        try:
            block: np.ndarray = self._store[x0:x1, y0:y1, z0:z1, 0].read().result()
        except (ValueError, IndexError) as error:
            raise AiwaveError(f"{self.url} cannot be read at {box}: {first_words(error)}.") from error
        return block.transpose(2, 1, 0)

    def _open(self, resolution: tuple[float, ...]) -> Any:
        try:
            import tensorstore  # noqa: F401
        except ImportError as error:
            raise AiwaveError(
                f"Reading {self.url} needs tensorstore, which is not installed: pip install 'aiwave[fetch]'."
            ) from error
        spec = {
            "driver": "neuroglancer_precomputed",
            "kvstore": f"{self.url}/",
            "scale_metadata": {"resolution": list(resolution)},
            "fill_missing_data_reads": False,  # a missing block is an error, not a block of zeros
        }
        return open_spec(spec, self.url, context_with({}), ADVICE)


SLAB = 64  # slices read at once: as deep as a block of the public volumes


class PrecomputedCutout(Source):
    """One box per split of a volume in Neuroglancer's precomputed format, each fetched into a .tif file.

    A fetched box is kept, with its SHA-256 beside it.

    Args:
        url: Address of the volume; see `PrecomputedVolume`.
        resolution: Voxel size in nm, (x, y, z), which selects the volume's scale.
        boxes: The voxels of each split, {train: "z0:z1,y0:y1,x0:x1", ...}, which must not overlap.
    """

    def __init__(self, url: str, resolution: Sequence[float], boxes: Mapping[str, str]) -> None:
        self.url, self.resolution = url.rstrip("/"), tuple(float(size) for size in resolution)
        self.boxes = disjoint_boxes(boxes, "source.fetch.boxes")
        self.size = sum(math.prod(box.shape) for box in self.boxes.values())  # of 8-bit voxels that do not compress

    def fetch(self, folder: Path) -> list[Raw]:
        """Fetch the boxes that are not yet in `folder`."""
        files = {split: folder / self._name(split, box) for split, box in self.boxes.items()}
        missing = {split: path for split, path in files.items() if not _is_whole(path)}
        if missing:
            volume = PrecomputedVolume(self.url, self.resolution)
            for split in missing:
                volume.check_holds(self.boxes[split])
            folder.mkdir(parents=True, exist_ok=True)
            for split, path in missing.items():
                self._fetch_box(volume, self.boxes[split], path)
        raws = (Raw(split, p, split, f"{self.url}#{self.boxes[split]}") for split, p in files.items())
        return sorted(raws, key=lambda raw: raw.subject)

    def _name(self, split: str, box: Box) -> str:
        """File name made of volume, scale and box, so that a changed configuration is fetched again."""
        volume = "_".join(self.url.split("/")[-2:])
        scale = "x".join(f"{size:g}" for size in self.resolution)
        sides = "_".join(f"{axis}{start}-{stop}" for axis, start, stop in zip("zyx", box.start, box.stop, strict=True))
        return f"{split}_{volume}_{scale}nm_{sides}.tif"

    def _fetch_box(self, volume: PrecomputedVolume, box: Box, path: Path) -> None:
        """Read a box slab by slab and store it atomically."""
        from tqdm import tqdm

        (start, y0, x0), (stop, y1, x1) = box.start, box.stop
        voxels = np.empty(box.shape, volume.dtype)
        check_free_space(path.parent, voxels.nbytes, f"store {path.name}")
        edges = [start, *range((start // SLAB + 1) * SLAB, stop, SLAB), stop]
        with tqdm(desc=path.name, total=voxels.nbytes, unit="B", unit_scale=True, disable=None) as bar:
            for low, high in pairwise(edges):
                voxels[low - start : high - start] = volume.read(Box((low, y0, x0), (high, y1, x1)))
                bar.update(voxels[low - start : high - start].nbytes)
        self._store(voxels, path)

    def _store(self, voxels: np.ndarray, path: Path) -> None:
        """Write a stack in ImageJ's format, which has fields for the voxel size (here in micrometres)."""
        import tifffile

        x, y, z = (size / 1000 for size in self.resolution)
        about = {"axes": "ZYX", "spacing": z, "unit": "um"}
        with replacing(path) as temporary:
            tifffile.imwrite(temporary, voxels, imagej=True, resolution=(1 / x, 1 / y), metadata=about)
        record(path, Checksum.of(path))


def _is_whole(path: Path) -> bool:
    """True if a box was fetched completely. Raises AiwaveError if its file has changed since."""
    if not path.exists() or (expected := recorded(path)) is None:
        return False
    if Checksum.of(path) != expected:
        raise AiwaveError(f"{path} has changed since it was fetched: delete it to fetch it again.")
    return True
