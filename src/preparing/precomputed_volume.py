"""Public volumes in Neuroglancer's precomputed format, read with tensorstore."""

from typing import Any

import numpy as np

from ..errors import AiwaveError
from .box import Box

RETRIES = {"max_retries": 5, "initial_delay": "500ms", "max_delay": "4s"}


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
            raise AiwaveError(f"{self.url} cannot be read at {box}: {_first_words(error)}.") from error
        return block.transpose(2, 1, 0)

    def _open(self, resolution: tuple[float, ...]) -> Any:
        try:
            import tensorstore
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
        context = tensorstore.Context({"http_request_retries": RETRIES, "gcs_request_retries": RETRIES})
        try:
            return tensorstore.open(spec, read=True, context=context).result()
        except ValueError as error:
            raise AiwaveError(
                f"{self.url} cannot be opened ({_first_words(error)}): check the connection and the address, "
                f"or give a local volume with from=FILE."
            ) from error


def _first_words(error: Exception) -> str:
    """tensorstore's message, without the specification that it repeats."""
    return str(error).split(" [")[0].split("\n")[0].rstrip(".")
