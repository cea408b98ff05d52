"""`aiwave compress`: compress an image to an .aiw file."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AiwaveError
from ..images.image_files import ENDINGS, STREAM
from ..pretrained.choice import AUTO
from .arguments import (
    UNASKED,
    add_image,
    add_model,
    add_quality,
    check_modality,
    check_unused,
    parser,
    progress_bar,
    quality_of,
)

if TYPE_CHECKING:
    from ..evaluation.anchors.smaller_codec import Smaller
    from ..images.image import Image


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    check_unused(args.output, args.force)
    check_modality(args.modality, args.model)
    from ..api import compress, find_model
    from ..bitstream.encoder import side_of
    from ..evaluation.anchors.smaller_codec import smaller_codec
    from ..images.image_metadata import image_metadata
    from ..pretrained.choice import automatic_model

    quality, error = _checked(args)
    model = None if args.model == AUTO else find_model(args.model)
    if model is not None:
        side_of(args.tile, model.levels)
    image = _read(args)
    said = [image.note] if image.note else []
    if model is None:
        model, why = automatic_model(image.voxels, not quality or error is not None, args.modality, error)
        said.append(why)
    if not (quality or args.lossless):
        said.append(UNASKED)
    if said and not args.quiet:
        print("; ".join(said), file=sys.stderr)
    with progress_bar(image.voxels.size, "compressing", args.quiet) as progress:
        data = compress(
            image.voxels,
            model,
            **(quality or {"lossless": True}),
            metadata={"model": model.name, **image_metadata(image)},
            original=b"" if image.original is None else image.original.data,
            embed_model=args.embed_model,
            tile=args.tile,
            optimise=not args.nearest,
            progress=progress,
        )
    _write(data, args.output, args.force)
    if args.quiet:
        return
    if args.output != STREAM:
        voxels, before = image.voxels.size, image.voxels.nbytes
        print(f"{args.output}  {len(data)} bytes, {8 * len(data) / voxels:.4g} bit/voxel, 1:{before / len(data):.3g}")
    if smaller := smaller_codec(image.voxels, data, model, not args.nearest):
        print(_note(smaller), file=sys.stderr)


def _checked(args: argparse.Namespace) -> tuple[dict[str, Any], int | None]:
    """The lossy quality, empty if it is lossless, and the largest error, None without one.

    Raises AiwaveError for what can be refused before anything is read.
    """
    from ..bitstream.bounded_error import whole_error
    from ..bitstream.encoder import check_one, side_of

    if args.output.endswith("/"):
        raise AiwaveError(f"{args.output} is the name of a folder: give that of a file, in .aiw.")
    if ENDINGS.search(args.output):
        raise AiwaveError(f"{args.output} is the name of an image, but an .aiw stream is written: give a name in .aiw.")
    quality = quality_of(args)
    if args.nearest and not quality:
        raise AiwaveError("--nearest is for lossy coding: give --step, --psnr, --bpp or --max-error, or leave it out.")
    check_one(quality or {"lossless": True})
    side_of(args.tile)
    return quality, None if args.max_error is None else whole_error(args.max_error)


def _read(args: argparse.Namespace) -> "Image":
    """The image to compress, without its original header if that is not wanted."""
    from ..budget import allow_large
    from ..images.image_files import read_image

    with allow_large(args.allow_large):
        image = read_image(args.input, args.channel, args.series)
    return replace(image, original=None) if args.strip else image


def _write(data: bytes, name: str, force: bool) -> None:
    """Write to a file (atomically) or to standard output."""
    from ..writing import StandardOutput, replacing

    if name == STREAM:
        StandardOutput().write(data)
        return
    with replacing(Path(name), force, through_links=True) as temporary:
        temporary.write_bytes(data)


def _note(smaller: "Smaller") -> str:
    parts = "the only tile" if smaller.tiles == 1 else f"{smaller.tiles} tiles"
    return (
        f"note: {smaller.codec} would need about {100 * smaller.saved:.0f} % fewer bytes here "
        f"(measured on {parts} that it codes)"
    )


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    given = parser("compress", "Compress a volume or a series of volumes.")
    given.add_argument(
        "input",
        metavar="IN",
        help="NIfTI, NRRD, MetaImage, TIFF, NumPy, MGH, AFNI, MINC, Analyze, or a DICOM folder; -: .npy",
    )
    given.add_argument("output", metavar="OUT", help="the .aiw file; - for standard output")
    add_model(given, "a name of `aiwave models list`, a model file, a run's folder or a checkpoint")
    add_image(given)
    add_quality(given, psnr="reach this PSNR within 0.1 dB", bpp="reach this many bits per voxel within 2 %%")
    given.add_argument("--strip", action="store_true", help="keep only the geometry of the original header")
    given.add_argument("--embed-model", action="store_true", help="also store the model in the file")
    given.add_argument("--tile", type=int, default=64, metavar="N", help="voxels a side of a tile (default 64)")
    given.add_argument("--nearest", action="store_true", help="lossy: round to the nearest; faster, larger files")
    given.add_argument("--force", action="store_true", help="replace OUT if it exists")
    given.add_argument("--quiet", action="store_true", help="print nothing")
    return given
