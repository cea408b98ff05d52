"""Shared parts of the commands in this folder: refusal to overwrite, progress, arguments."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import AiwaveError
from ..images.image_files import STREAM
from ..writing import taken


def check_modality(modality: str | None, model: str) -> None:
    """Raise AiwaveError for an unknown `--modality`, and for one beside a `--model` that is named."""
    from ..pretrained.choice import AUTO, modalities

    if modality is None:
        return
    if modality not in modalities():
        raise AiwaveError(f"--modality is {modality}: give one of {', '.join(modalities())}, or leave it out.")
    if model != AUTO:
        raise AiwaveError("--modality chooses among ready-made models, but --model names one: leave one of them out.")


def tell_lost(name: str, lost: Sequence[str], quiet: bool) -> None:
    """Say on standard error what the file `name` cannot keep of an image."""
    if lost and name != STREAM and not quiet:
        print(f"aiwave: {name} cannot keep {', '.join(lost)}.", file=sys.stderr)


def check_unused(name: str, force: bool) -> None:
    """Raise AiwaveError if a file of this name exists, unless `force` is given."""
    if name != STREAM and os.path.lexists(name) and not force:
        raise taken(Path(name))


UNASKED = "lossless, since no quality was requested"
"""Note of a command that was given no quality."""


def add_quality(given: argparse.ArgumentParser, psnr: str, bpp: str | None = None) -> None:
    """Add the arguments for a quality, of which one may be given; `psnr` and `bpp` are the help for targets."""
    quality = given.add_mutually_exclusive_group()
    quality.add_argument("--lossless", action="store_true", help="reproduce every voxel exactly (the default)")
    quality.add_argument("--step", type=float, metavar="S", help="quantisation step, in units of the voxels")
    quality.add_argument("--psnr", type=float, metavar="DB", help=psnr)
    if bpp is not None:
        quality.add_argument("--bpp", type=float, metavar="B", help=bpp)
    quality.add_argument("--max-error", type=float, metavar="E", help="no voxel off by more than E grey levels")


def quality_of(args: argparse.Namespace) -> dict[str, Any]:
    """The lossy quality that was given, by its name; empty if there is none."""
    given = {name: getattr(args, name, None) for name in ("step", "psnr", "bpp", "max_error")}
    return {name: value for name, value in given.items() if value is not None}


def add_model(given: argparse.ArgumentParser, models: str) -> None:
    """Add the arguments for a model: one of `models`, or one chosen among those for a modality."""
    from ..pretrained.choice import AUTO

    given.add_argument("--model", default=AUTO, metavar="MODEL", help=f"{models}; auto (default) chooses")
    given.add_argument(
        "--modality", metavar="M", help="em, ct, mri, fmri or sections: --model auto leaves out models for others"
    )


def add_image(given: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to read of an image, and how much memory it may take."""
    given.add_argument("--channel", type=int, metavar="N", help="only channel N of a colour or vector image, from 1")
    given.add_argument(
        "--series", type=int, metavar="N", help="the one to take of several DICOM series or TIFF images, from 1"
    )
    given.add_argument("--allow-large", action="store_true", help="let an image take more memory than its size tells")


@contextmanager
def progress_bar(voxels: int, words: str, quiet: bool) -> Iterator[Callable[[int], object] | None]:
    """Progress bar over `voxels` on standard error; none if quiet, or if that is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=voxels, desc=words, unit="voxel", unit_scale=True, delay=1) as bar:
        yield bar.update


def read_stream(name: str) -> bytes | memoryview:
    """The bytes of standard input or of a file, which is memory-mapped so that only the used parts are read.

    Raises AiwaveError if it cannot be read.
    """
    import mmap

    if name == STREAM:
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:
            if not Path(name).stat().st_size:
                return b""
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise AiwaveError(f"{name} cannot be read: {error.strerror or error}.") from error


def region_of(text: str) -> list[slice]:
    """Parse `z0:z1,y0:y1,x0:x1`, where either end may be omitted, into slices. Raises AiwaveError otherwise."""
    try:
        return [slice(*(int(end) if end else None for end in _pair(part))) for part in text.split(",")]
    except ValueError as error:
        raise AiwaveError(f"The region {text!r} cannot be read: give z0:z1,y0:y1,x0:x1.") from error


def _pair(part: str) -> tuple[str, str]:
    first, last = part.split(":")
    return first.strip(), last.strip()


class _Parser(argparse.ArgumentParser):
    """A parser that takes no empty arguments, which would stand for the current folder."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse's. Raises AiwaveError for an empty argument."""
        if args is not None and "" in args:
            raise AiwaveError(
                f"Argument {list(args).index('') + 1} of {self.prog} is empty, as an unset variable leaves it: give a "
                "name or a value."
            )
        return super().parse_args(args, namespace)


def parser(command: str, words: str) -> argparse.ArgumentParser:
    """Argument parser for a command."""
    return _Parser(prog=f"aiwave {command}", description=words, allow_abbrev=False)
