"""Images in and out, by the suffix of their names; `-` is a NumPy array on standard input or output."""

import errno
import gzip
import io
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import replacing
from ..errors import AiwaveError
from ..preparing.image import Image
from .output import STREAM

NIFTI_HEADER = 352
NIFTI_SCALE = 112


def read_image(name: str) -> Image:
    """The one image of a file or folder, or a .npy array on standard input.

    Raises AiwaveError if there is none, or several.
    """
    if name == STREAM:
        try:
            return Image(np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False))
        except (ValueError, EOFError, OSError) as error:
            raise AiwaveError("Standard input is no NumPy array: send what numpy.save writes.") from error
    from ..preparing.readers import read_images

    images = read_images(Path(name))
    if len(images) != 1:
        raise AiwaveError(f"{name} holds {len(images)} series: give the folder of one.")
    return images[0]


def write_image(image: Image, name: str) -> None:
    """Write an image, whole or not at all, or send it to standard output as .npy.

    Raises AiwaveError if the suffix is unknown or the operating system refuses.
    """
    if name == STREAM:
        np.save(sys.stdout.buffer, image.voxels)
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    write = writer_of(name)
    with replacing(path) as temporary:
        write(image, temporary)


def writer_of(name: str) -> Callable[[Image, Path], None]:
    """What writes files of such a name. Raises AiwaveError if nothing does."""
    for suffix, write in WRITERS.items():
        if name.lower().endswith(suffix):
            return write
    raise AiwaveError(f"{name} has a suffix that cannot be written: choose one of {', '.join(WRITERS)}, or -.")


def lost_by(name: str, image: Image) -> list[str]:
    """What of an image's geometry a file of such a name cannot keep."""
    suffix = next((suffix for suffix in WRITERS if name.lower().endswith(suffix)), "")
    kept = {"": (), ".npy": (), ".tif": ("spacing",), ".tiff": ("spacing",)}.get(
        suffix, ("spacing", "origin", "direction")
    )
    kept = (*kept, "slope", "intercept") if suffix.startswith(".nii") else kept
    plain = Image(image.voxels)
    names = ("spacing", "origin", "direction", "slope", "intercept")
    return [key for key in names if key not in kept and getattr(image, key) != getattr(plain, key)]


def _numpy(image: Image, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, image.voxels)


def _tiff(image: Image, path: Path) -> None:
    """As ImageJ reads it: spacing in mm, signed voxels included."""
    import tifffile

    z, y, x = image.spacing
    frames = image.voxels.shape[0] if image.voxels.ndim == 4 else 1
    slices = image.voxels.shape[-3]
    words = [f"ImageJ=1.54f\nimages={frames * slices}", f"slices={slices}", f"frames={frames}" * (frames > 1)]
    words += ["hyperstack=true" * (frames > 1), "unit=mm", f"spacing={z!r}", "loop=false\n"]
    pages = image.voxels.reshape(-1, *image.voxels.shape[-2:])
    tifffile.imwrite(
        path,
        pages,
        photometric="minisblack",
        compression="zlib",
        resolution=(1 / x, 1 / y),
        description="\n".join(filter(None, words)),
        metadata=None,
        bigtiff=pages.nbytes > 1 << 31,
    )


def _itk(suffix: str) -> Callable[[Image, Path], None]:
    def write(image: Image, path: Path) -> None:
        with _written(image, path, suffix, compress=True) as plain:
            os.replace(plain, path)

    return write


def _nifti(image: Image, path: Path) -> None:
    path.write_bytes(_nifti_bytes(image, path))


def _nifti_gz(image: Image, path: Path) -> None:
    path.write_bytes(gzip.compress(_nifti_bytes(image, path), 6, mtime=0))


def _nifti_bytes(image: Image, path: Path) -> bytes:
    with _written(image, path, ".nii", compress=False) as plain:
        content = bytearray(plain.read_bytes())
    if len(content) != NIFTI_HEADER + image.voxels.nbytes:  # SimpleITK does not look whether the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    content[NIFTI_SCALE : NIFTI_SCALE + 8] = struct.pack("<2f", image.slope, image.intercept)
    return bytes(content)


@contextmanager
def _written(image: Image, path: Path, suffix: str, compress: bool) -> Iterator[Path]:
    """A file that SimpleITK wrote beside `path`, removed at the end if it is still there."""
    import SimpleITK as sitk

    plain = path.with_name(path.name + suffix)
    try:
        sitk.WriteImage(_simple_itk(image), str(plain), compress)
        yield plain
    except RuntimeError as error:
        from ..datamodules.itk_reader import last_line

        raise OSError(errno.EIO, last_line(error)) from error  # `replacing` knows the name of the file
    finally:
        plain.unlink(missing_ok=True)


def _simple_itk(image: Image) -> Any:
    import SimpleITK as sitk

    stored = sitk.GetImageFromArray(np.ascontiguousarray(image.voxels), isVector=False)
    spacing, origin, direction = list(image.spacing[::-1]), list(image.origin), np.reshape(image.direction, (3, 3))
    if image.voxels.ndim == 4:
        spacing, origin, whole = [*spacing, 1.0], [*origin, 0.0], np.eye(4)
        whole[:3, :3] = direction
        direction = whole
    stored.SetSpacing(spacing)
    stored.SetOrigin(origin)
    stored.SetDirection(direction.flatten().tolist())
    return stored


WRITERS: dict[str, Callable[[Image, Path], None]] = {
    ".tif": _tiff,
    ".tiff": _tiff,
    ".nii.gz": _nifti_gz,
    ".nii": _nifti,
    ".nrrd": _itk(".nrrd"),
    ".mha": _itk(".mha"),
    ".npy": _numpy,
}
