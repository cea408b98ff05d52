"""Preparation of one subject: from its raw image to its files and their manifest entries."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import AiwaveError
from ...images.exact import Stored, to_stored
from ...images.image import Image, check_single_channel
from ...images.image_files import read_images, write_image
from ...system import check_free_space
from ..manifest import Entry, sha256_of
from .cropping import Crops
from .source import Raw
from .splits import Box, Share, regions


@dataclass(frozen=True)
class Conversion:
    """Conversion of images into files: see `conf/source`."""

    suffix: str
    offset: int | None
    allow_float: bool
    crops: Crops


@dataclass(frozen=True)
class Prepared:
    """The entries of a subject's files, and the largest rounding of its voxels (0 unless floats with fractions)."""

    entries: tuple[Entry, ...]
    rounding: float


def prepare_subject(raw: Raw, shares: Sequence[Share], how: Conversion, folder: Path) -> Prepared:
    """Write the crops of one subject into `folder`; on failure, none is left.

    Raises AiwaveError if its image cannot be read or stored exactly, or a file cannot be written.
    """
    from tqdm import tqdm

    images = read_images(raw.path)
    for image in images:
        if image.channel_count:
            check_single_channel(str(raw.path), image.channel_count)
        _check_geometry(raw, image)
    stored = _stored(raw, images, how)
    written: list[Path] = []
    entries = []
    try:
        check_free_space(folder, sum(one.voxels.nbytes for one in stored), f"write the crops of {raw.subject}")
        frames = [
            (frame, one.offset)
            for image, one in zip(images, stored, strict=True)
            for frame in replace(image, voxels=one.voxels).frames()
        ]
        for time, (frame, offset) in enumerate(tqdm(frames, raw.subject, unit="volume", leave=False, disable=None)):
            label = time if len(frames) > 1 else None
            for share, box in _boxes(raw, shares, how.crops, frame, offset, label):
                name = f"{share.split}/{file_stem(raw.subject)}{_place(box, label)}{how.suffix}"
                written.append(folder / name)
                crop = replace(frame, voxels=frame.voxels[box.slices], origin=frame.position(box.start))
                # its slope and intercept belong to voxels plus offset, so the manifest alone has them
                write_image(replace(crop, slope=1.0, intercept=0.0), str(written[-1]))
                entries.append(_entry(name, written[-1], raw, share.split, crop, offset, _box(box, label)))
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    return Prepared(tuple(entries), max(one.rounding for one in stored))


def _check_geometry(raw: Raw, image: Image) -> None:
    """Raise AiwaveError if a number that the manifest records of an image is not finite."""
    facts = {"spacing": image.spacing, "origin": image.origin, "direction": image.direction}
    facts |= {"slope": (image.slope,), "intercept": (image.intercept,)}
    for fact, numbers in facts.items():
        if not np.isfinite(numbers).all():
            words = ", ".join(f"{number:g}" for number in numbers)
            raise AiwaveError(f"{raw.path} has the {fact} {words}, not only numbers: correct its header.")


def file_stem(subject: str) -> str:
    """The subject's name without characters that are special to file systems or shells."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", subject).strip(".") or "_"


def _stored(raw: Raw, images: Sequence[Image], how: Conversion) -> list[Stored]:
    """The images as unsigned integers, all with the same offset."""
    name = str(raw.path)
    stored = [to_stored(name, image.voxels, how.offset, how.allow_float) for image in images]
    lowest = min(one.offset for one in stored)
    if all(one.offset == lowest for one in stored):
        return stored
    return [to_stored(name, image.voxels, lowest, how.allow_float) for image in images]


def _boxes(
    raw: Raw, shares: Sequence[Share], crops: Crops, frame: Image, offset: int, time: int | None
) -> Iterator[tuple[Share, Box]]:
    depth, height, width = frame.voxels.shape
    for share, region in zip(shares, regions(shares, (depth, height, width), crops.size), strict=True):
        if 0 in region.shape:
            raise AiwaveError(
                f"{raw.path} has {depth}×{height}×{width} voxels, too few along the axis of the split to give any to "
                f"{share.split}: set source.split.axis, or raise source.split.{share.split}."
            )
        for box in crops.boxes(frame.voxels, offset, region, f"{raw.subject}/{time or 0}"):
            yield share, box


def _place(box: Box, time: int | None) -> str:
    z, y, x = box.start
    return ("" if time is None else f"_t{time}") + f"_z{z}_y{y}_x{x}"


def _box(box: Box, time: int | None) -> str:
    return str(box) if time is None else f"{time};{box}"


def _entry(name: str, path: Path, raw: Raw, split: str, crop: Image, offset: int, box: str) -> Entry:
    depth, height, width = crop.voxels.shape
    return Entry(
        file=name,
        sha256=sha256_of(path),
        subject=raw.subject,
        split=split,
        shape=(depth, height, width),
        dtype=crop.voxels.dtype.name,
        minimum=int(crop.voxels.min()),
        maximum=int(crop.voxels.max()),
        distinct=int(np.count_nonzero(np.bincount(crop.voxels.ravel()))),
        spacing=crop.spacing,
        origin=crop.origin,
        direction=crop.direction,
        offset=offset,
        slope=crop.slope,
        intercept=crop.intercept,
        box=box,
        source=raw.source,
    )
