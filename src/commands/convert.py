"""`aiwave convert`: arrays of any size to OME-Zarr, and from it."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AiwaveError, Interrupted
from ..pretrained.choice import AUTO
from ..system import cores
from .arguments import (
    UNASKED,
    add_image,
    add_model,
    add_quality,
    check_modality,
    check_unused,
    parser,
    quality_of,
    region_of,
    tell_lost,
)

if TYPE_CHECKING:
    from ..conversion.levels import Level
    from ..stores import StoredArray

METHODS = ("low-band", "mean", "nearest")


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    check_modality(args.modality, args.model)
    if args.levels is not None and args.levels < 1:
        raise AiwaveError(f"--levels is {args.levels}: give the number of levels, from 1, or leave it out.")
    if args.workers is not None and args.workers < 1:
        raise AiwaveError(f"--workers is {args.workers}: give the number of processes, from 1.")
    from ..images.image_files import ENDINGS

    if (store := args.target.rstrip("/")).endswith(".zarr"):
        args.target = store
        _to_store(args)
    elif ENDINGS.search(args.target):
        _to_image(args)
    else:
        raise AiwaveError(f"{args.target} is neither a store nor an image: give a name in .zarr, .nii.gz or .tif.")


FOR_IMAGES = {"source", "target", "region", "axes", "channel", "series", "allow_large", "force", "quiet"}
"""Arguments that matter where the target is an image."""


def _to_image(args: argparse.Namespace) -> None:
    from ..conversion.to_image import convert_to_image
    from ..images.image_files import check_writable

    plain = arguments_of().parse_args([args.source, args.target])
    for name, value in vars(plain).items():
        if name not in FOR_IMAGES and getattr(args, name) != value:
            raise AiwaveError(f"--{name.replace('_', '-')} is for stores, but {args.target} is an image: leave it out.")
    check_unused(args.target, args.force)
    check_writable(args.target, None)
    with tempfile.TemporaryDirectory(prefix="aiwave-") as scratch:
        whole = _open(args, Path(scratch))
        lost = convert_to_image(_region(whole, args.region), args.target, args.force, args.allow_large)
    tell_lost(args.target, lost, args.quiet)


def _to_store(args: argparse.Namespace) -> None:
    from ..conversion.job import Job
    from ..conversion.journal import is_begun, unfinished
    from ..conversion.levels import Sides, pyramid
    from ..conversion.to_store import convert_to_store
    from ..images.image_files import lost_without

    sides = Sides(_three(args.chunk, "--chunk"), args.shard and _three(args.shard, "--shard"))
    target = Path(args.target)
    folder = unfinished(target)
    was_there = folder.exists()

    def opened(tell: bool = False) -> "StoredArray":
        return _region(_open(args, folder / "journal", tell), args.region)

    try:
        source = opened(tell=True)
        codec = _codec(args, source)
        has_low_band = codec is not None and source.dtype.kind in "ui" and source.dtype.itemsize <= 2
        method = args.downsample or _for_labels(source)
        levels = pyramid(source.shape, source.axes, sides, args.levels, method, has_low_band)
        if len(levels) < (args.levels or 0) and not args.quiet:
            print(f"levels: {len(levels)}, not {args.levels}, since nothing is left to halve then", file=sys.stderr)
        lost, source = lost_without(source.original), replace(source, original=None)
        job = Job(source, folder.resolve(), tuple(levels), codec, args.codec, args.verify)
        done = convert_to_store(job, target, opened, args.workers or cores(), args.scheduler, _bar(args.quiet))
    except KeyboardInterrupt as error:
        if not is_begun(folder):
            raise Interrupted("Interrupted before anything was finished: the same command starts again.") from error
        raise Interrupted(
            f"Interrupted: what is finished is in {folder}, and the same command goes on from there."
        ) from error
    finally:
        if not was_there and not is_begun(folder):
            shutil.rmtree(folder, ignore_errors=True)  # where a file was unpacked
    if not args.quiet:
        _report(target, done, levels)
    tell_lost(args.target, lost, args.quiet)


def _open(args: argparse.Namespace, scratch: Path, tell: bool = True) -> "StoredArray":
    from ..budget import allow_large
    from ..conversion.image_source import open_image
    from ..stores import is_store, open_store

    if is_store(args.source):
        if args.channel is not None or args.series is not None:
            raise AiwaveError("--channel and --series choose from image files: leave them out, or give a --region.")
        return open_store(args.source, args.axes)
    if args.axes is not None:
        raise AiwaveError("--axes names the axes of stores: image files tell theirs, so leave it out.")
    with allow_large(args.allow_large):
        source, note = open_image(args.source, scratch, args.channel, args.series)
    if note and tell and not args.quiet:
        print(note, file=sys.stderr)
    return source


def _region(source: "StoredArray", text: str | None) -> "StoredArray":
    """The part of a source in a region. Raises AiwaveError if it does not lie in it."""
    if text is None:
        return source
    given = region_of(text)
    if not 3 <= len(given) <= len(source.shape):
        raise AiwaveError(f"The region {text} has {len(given)} axes: give z, y, x, or all {len(source.shape)}.")
    region = [slice(None)] * (len(source.shape) - len(given)) + given
    found = []
    for axis, part, size in zip(source.axes, region, source.shape, strict=True):
        start, stop = part.start or 0, size if part.stop is None else part.stop
        if not 0 <= start < stop <= size:
            raise AiwaveError(
                f"The region {start}:{stop} along {axis.name} does not lie in 0:{size}: choose one inside it."
            )
        found.append(slice(start, stop))
    return source.part(found)


def _codec(args: argparse.Namespace, source: "StoredArray") -> dict[str, Any] | None:
    """Configuration of our codec; None for another. Raises AiwaveError for voxels or a quality that it cannot code."""
    given = quality_of(args)
    if args.codec != "aiwave":
        if given or args.lossless or args.model != AUTO or args.modality:
            raise AiwaveError(f"Quality and model are those of the codec aiwave, not of {args.codec}: leave them out.")
        return None
    from ..bitstream.bounded_error import whole_error
    from ..conversion.looks import model_for, step_for
    from ..zarr.settings import Settings
    from ..zarr.volumes import require_codable

    require_codable(source.shape, source.dtype)
    mode: Any = given or "lossless"
    said = [] if given or args.lossless else [UNASKED]
    model = str(Path(args.model).resolve()) if Path(args.model).exists() else args.model
    if model == AUTO:
        error = None if args.max_error is None else whole_error(args.max_error)
        model, why = model_for(source, mode == "lossless" or error is not None, args.modality, error)
        said.insert(0, why)
    if args.psnr is not None:
        mode = {"step": step_for(source, model, args.psnr)}
        said.append(f"step {mode['step']:.4g}, which gives {args.psnr:g} dB on a sample")
    Settings(model, mode)
    if said and not args.quiet:
        print("; ".join(said), file=sys.stderr)
    return {"model": model, "mode": mode}


def _for_labels(source: "StoredArray") -> str | None:
    """The way of making levels for numbers that name things, of which there are no means."""
    is_label = source.dtype.kind == "b" or (source.dtype.kind in "ui" and source.dtype.itemsize > 2)
    return "nearest" if is_label else None


def _three(text: str, name: str) -> list[int]:
    try:
        sides = [int(one) for one in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) == 1:
        sides *= 3
    if len(sides) != 3 or min(sides) < 1:
        raise AiwaveError(f"{name} is {text}: give voxels per side along z, y, x, as in 64,128,128, or one number.")
    return sides


def _bar(quiet: bool) -> Any:
    @contextmanager
    def bar(whole: int, done: int) -> Iterator[Callable[[int], object]]:
        if quiet or not sys.stderr.isatty():
            yield lambda voxels: None
            return
        from tqdm import tqdm

        with tqdm(total=whole, initial=done, desc="converting", unit="voxel", unit_scale=True) as shown:
            yield shown.update

    return bar


def _report(target: Path, done: Any, levels: "Sequence[Level]") -> None:
    from ..conversion.outcome import table_of

    print(table_of(done.levels, [level.shape for level in levels]))
    if not done.voxels:
        print(f"{target} was whole: nothing was left to do.")
        return
    print(
        f"{target}: {done.voxels} voxels in {done.seconds:.1f} s, {done.voxels / done.seconds:.3g} voxel/s; "
        f"at most {done.peak / 1e6:.0f} MB of memory in a worker."
    )


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    given = parser("convert", "Convert arrays of any size to OME-Zarr, or a region of one to an image.")
    given.add_argument(
        "source", metavar="SOURCE", help="OME-Zarr, Zarr, N5, precomputed (path or address), TIFF sections, an image"
    )
    given.add_argument("target", metavar="TARGET", help="a new store in .zarr, or .nii.gz, .tif, .nrrd, .mha, .npy")
    given.add_argument("--codec", default="aiwave", metavar="NAME", help="or blosc, zstd, ...: any of zarr; none")
    add_quality(given, psnr="the step that reaches this PSNR on a sample")
    add_model(given, "a ready-made model or a file")
    given.add_argument("--region", metavar="z0:z1,y0:y1,x0:x1", help="convert only these voxels (ends are exclusive)")
    given.add_argument("--axes", metavar="LETTERS", help="axes of a store that does not name them, as in czyx")
    add_image(given)
    given.add_argument("--chunk", default="128", metavar="Z,Y,X", help="voxels per side of a chunk (default 128)")
    given.add_argument("--shard", metavar="Z,Y,X", help="voxels per side of a shard, a file (default 1024)")
    given.add_argument("--levels", type=int, metavar="N", help="of the pyramid (default: until one chunk is all)")
    given.add_argument(
        "--downsample", choices=METHODS, help="how to make levels (default: low-band if the codec has it, else mean)"
    )
    given.add_argument("--workers", type=int, metavar="N", help="processes on this machine (default: its processors)")
    given.add_argument("--scheduler", metavar="HOST:PORT", help="let the workers of this Dask scheduler do it")
    given.add_argument("--verify", action="store_true", help="decode and compare all chunks, not a sample")
    given.add_argument("--force", action="store_true", help="replace TARGET if it is an image that exists")
    given.add_argument("--quiet", action="store_true", help="print nothing")
    return given
