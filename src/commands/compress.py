"""`aiwave compress`: compress an image to an .aiw file."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AiwaveError
from ..images.image_files import ENDINGS, STREAM
from ..pretrained.choice import AUTO
from .arguments import check_modality, check_unused, parser, progress_bar

if TYPE_CHECKING:
    from ..evaluation.anchors.smaller_codec import Smaller


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    check_unused(args.output, args.force)
    if args.output.endswith("/"):
        raise AiwaveError(f"{args.output} is the name of a folder: give that of a file, in .aiw.")
    if ENDINGS.search(args.output):
        raise AiwaveError(f"{args.output} is the name of an image, but an .aiw stream is written: give a name in .aiw.")
    check_modality(args.modality, args.model)
    from ..api import compress, find_model
    from ..bitstream.bounded_error import whole_error
    from ..budget import allow_large
    from ..evaluation.anchors.smaller_codec import smaller_codec
    from ..images.image_files import read_image
    from ..images.image_metadata import image_metadata
    from ..pretrained.choice import automatic_model

    model = None if args.model == AUTO else find_model(args.model)
    with allow_large(args.allow_large):
        image = read_image(args.input, args.channel, args.series)
    if args.strip:
        image = replace(image, original=None)
    unasked = not args.lossless and (args.step, args.psnr, args.bpp, args.max_error) == (None,) * 4
    lossless = args.lossless or unasked
    if args.nearest and lossless:
        raise AiwaveError("--nearest is for lossy coding: give --step, --psnr, --bpp or --max-error, or leave it out.")
    error = None if args.max_error is None else whole_error(args.max_error)
    said = [image.note] if image.note else []
    if model is None:
        model, why = automatic_model(image.voxels, lossless or error is not None, args.modality, error)
        said.append(why)
    if unasked:
        said.append("lossless, since no quality was requested")
    if said and not args.quiet:
        print("; ".join(said), file=sys.stderr)
    with progress_bar(image.voxels.size, "compressing", args.quiet) as progress:
        data = compress(
            image.voxels,
            model,
            lossless=lossless,
            step=args.step,
            psnr=args.psnr,
            bpp=args.bpp,
            max_error=error,
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
    given.add_argument(
        "--model",
        default=AUTO,
        metavar="MODEL",
        help="a name of `aiwave models list`, a model file, a run's folder or a checkpoint; auto (default) chooses",
    )
    given.add_argument("--channel", type=int, metavar="N", help="only channel N of a colour or vector image, from 1")
    given.add_argument(
        "--modality", metavar="M", help="em, ct, mri, fmri or sections: --model auto leaves out models for others"
    )
    given.add_argument(
        "--series", type=int, metavar="N", help="the one to compress of several DICOM series or TIFF images"
    )
    quality = given.add_mutually_exclusive_group()
    quality.add_argument("--lossless", action="store_true", help="reproduce every voxel exactly (the default)")
    quality.add_argument("--step", type=float, metavar="S", help="quantisation step, in units of the voxels")
    quality.add_argument("--psnr", type=float, metavar="DB", help="reach this PSNR within 0.1 dB")
    quality.add_argument("--bpp", type=float, metavar="B", help="reach this many bits per voxel within 2 %%")
    quality.add_argument("--max-error", type=float, metavar="E", help="no voxel off by more than E grey levels")
    given.add_argument("--strip", action="store_true", help="keep only the geometry of the original header")
    given.add_argument("--embed-model", action="store_true", help="also store the model in the file")
    given.add_argument("--tile", type=int, default=64, metavar="N", help="voxels a side of a tile (default 64)")
    given.add_argument("--nearest", action="store_true", help="lossy: round to the nearest; faster, larger files")
    given.add_argument("--allow-large", action="store_true", help="let IN take more memory than its size tells")
    given.add_argument("--force", action="store_true", help="replace OUT if it exists")
    given.add_argument("--quiet", action="store_true", help="print nothing")
    return given
