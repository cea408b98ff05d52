"""Images: voxels as stored with their geometry, and checks that refuse files of another kind."""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import AiwaveError, printable

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
GEOMETRY = ("spacing", "origin", "direction", "slope", "intercept", "period")
"""Numeric fields of an `Image` besides its voxels."""
FORMATS = {"nifti": "NIfTI", "tiff": "TIFF", "nrrd": "NRRD", "metaimage": "MetaImage", "dicom": "DICOM"}
"""Formats of original headers, with their display names."""
WIDER = {"bool": "uint8", "float16": "float32"}
"""Types that hold every value of those that NIfTI, NRRD and MetaImage lack."""
DTYPES = ("uint8", "int8", "uint16", "int16")
"""Voxel types for training and evaluation."""


def peak_of(dtype: np.dtype) -> float:
    """The PSNR peak of 8- and 16-bit integers."""
    return 255.0 if dtype.itemsize == 1 else 65535.0


@dataclass(frozen=True)
class Original:
    """The header of the file that an image was read from, to be restored when the same format is written.

    `format` names the module that understands `data`, such as "nifti"; what `data` holds is the module's affair.
    """

    format: str
    data: bytes


@dataclass(frozen=True, eq=False)
class Image:
    """One volume, or a series of them that share their geometry.

    `voxels` are (D, H, W) or (T, D, H, W), of any numeric type, as stored: no rescaling is applied. `spacing` is
    (z, y, x) and `origin` (x, y, z) in mm; `direction` has 9 numbers row by row, as in ITK: its columns have unit
    length, and are orthogonal unless the image is sheared. The physical value of a voxel is `slope` * voxel +
    `intercept`. `modality` is DICOM's, such as CT or MR, if it is known. `period` is the time between the volumes of a
    series in seconds, 0 if unknown. `channels` is true if the first axis (T) counts channels, such as the colours of a
    pixel or the components of a vector, instead of times; if it counts both, `hyperstack` is the number of channels of
    each time, which adjoin, else 0. `original` is the header of the file, if it is kept. `note`
    says what a reader left out, such as other files of a folder.
    """

    voxels: np.ndarray
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = IDENTITY
    slope: float = 1.0
    intercept: float = 0.0
    modality: str = ""
    period: float = 0.0
    channels: bool = False
    hyperstack: int = 0
    original: Original | None = None
    note: str = ""

    @property
    def channel_count(self) -> int:
        """Number of channels; 0 if the first axis counts none."""
        return len(self.voxels) if self.channels else self.hyperstack

    def frames(self) -> list["Image"]:
        """The volumes of a series, each (D, H, W), in order; a volume is its only frame."""
        return [self] if self.voxels.ndim == 3 else [replace(self, voxels=frame) for frame in self.voxels]

    def position(self, index: tuple[int, int, int]) -> tuple[float, float, float]:
        """Position (x, y, z) in mm of the voxel at `index` (z, y, x)."""
        steps = np.multiply(index, self.spacing)[::-1]
        x, y, z = np.asarray(self.origin) + np.reshape(self.direction, (3, 3)) @ steps
        return float(x), float(y), float(z)


def unreadable(file: str, reason: str) -> AiwaveError:
    """Return the error for a truncated or damaged `file`; `reason` is what its decoder reported.

    Files that are whole, but of a kind that is not supported, need another sentence.
    """
    return AiwaveError(
        f"{file} cannot be read ({printable(reason, 200)}): it is truncated or damaged, so fetch it again."
    )


def not_finite(file: str) -> AiwaveError:
    """Return the error for a `file` with float voxels that are not all finite."""
    return AiwaveError(f"{file} holds NaN or infinite voxels: replace them and convert it to integers.")


def check_single_channel(file: str, channels: int) -> None:
    """Raise AiwaveError if a voxel of `file` has more than one channel."""
    if channels != 1:
        raise AiwaveError(
            f"{file} is a colour image or has several channels ({channels} values per voxel): save one channel of it."
        )


def check_channel(file: str, channel: int, channels: int) -> None:
    """Raise AiwaveError unless `channel`, counted from 1, is one of the `channels` of `file`."""
    if channels < 1:
        raise AiwaveError(f"{file} has no channels: leave out --channel.")
    if not 1 <= channel <= channels:
        raise AiwaveError(f"{file} has no channel {channel}: give --channel 1 to {channels}.")


def channel_of(file: str, image: Image, channel: int) -> Image:
    """The channel of `image`, counted from 1, as a volume or series, without the header of `file`.

    Raises AiwaveError, naming the file, if it does not exist.
    """
    check_channel(file, channel, image.channel_count)
    voxels = image.voxels[channel - 1 :: image.hyperstack] if image.hyperstack else image.voxels[channel - 1]
    return replace(image, voxels=voxels, channels=False, hyperstack=0, original=None)


def check_numeric(file: str, dtype: np.dtype) -> None:
    """Raise AiwaveError unless `dtype` is bool, an integer or a float of up to 64 bits."""
    if dtype.kind == "c":
        raise AiwaveError(f"{file} holds complex voxels: save their real and imaginary parts, or magnitudes, apart.")
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        raise AiwaveError(f"{file} holds {dtype.name} values, which are no voxels: save it with integers or floats.")


def check_dimensions(file: str, shape: tuple[int, ...]) -> None:
    """Raise AiwaveError unless `shape` is (D, H, W) or a series (T, D, H, W), without empty axes."""
    if len(shape) not in (3, 4):
        raise AiwaveError(
            f"{file} has {len(shape)} axes {list(shape)}: save a volume (z, y, x) or a series of volumes (t, z, y, x)."
        )
    if 0 in shape:
        raise AiwaveError(f"{file} has an empty axis in its shape {list(shape)}: save it with voxels.")


def check_plain(file: str, image: Image) -> None:
    """Raise AiwaveError, naming `file`, unless its voxels are integers of 8 or 16 bits without slope and intercept.

    Non-finite floats have an error of their own.
    """
    voxels = image.voxels
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise not_finite(file)
    if voxels.dtype.name not in DTYPES:
        raise AiwaveError(f"{file} holds {voxels.dtype} voxels: convert it to one of {', '.join(DTYPES)}.")
    if (image.slope, image.intercept) != (1, 0):
        raise AiwaveError(
            f"{file} declares a slope of {image.slope:g} and an intercept of {image.intercept:g}: run aiwave "
            "prepare, which keeps both, or save it without them."
        )


def native(voxels: np.ndarray) -> np.ndarray:
    """`voxels` in native byte order; the same array if they already are."""
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
