"""`aiwave compress`: an image to an .aiw file."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..pretrained import AUTO
from .output import STREAM, check_unused, parser, progress_bar


def main(arguments: Sequence[str]) -> None:
    """The command, given what follows its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    check_unused(args.output, args.force)
    from ..atomic import replacing
    from ..bitstream import automatic_model, compress, find_model
    from .geometry import image_metadata
    from .images import read_image

    model = None if args.model == AUTO else find_model(args.model)
    image = read_image(args.input)
    if model is None:
        model, why = automatic_model(image.voxels, args.lossless, args.modality or image.modality)
        if not args.quiet:
            print(why, file=sys.stderr)
    with progress_bar(image.voxels.size, "compressing", args.quiet) as progress:
        data = compress(
            image.voxels,
            model,
            lossless=args.lossless,
            step=args.step,
            psnr=args.psnr,
            bpp=args.bpp,
            metadata={"model": model.name, **image_metadata(image)},
            embed_model=args.embed_model,
            tile=args.tile,
            optimise=not args.nearest,
            progress=progress,
        )
    if args.output == STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with replacing(Path(args.output)) as temporary:
        temporary.write_bytes(data)
    if not args.quiet:
        voxels, before = image.voxels.size, image.voxels.nbytes
        print(f"{args.output}  {len(data)} bytes, {8 * len(data) / voxels:.4g} bit/voxel, 1:{before / len(data):.3g}")


def arguments_of() -> argparse.ArgumentParser:
    """The parser of the arguments."""
    given = parser("compress", "Compress a volume or a series of volumes with 8- or 16-bit integers.")
    given.add_argument("input", metavar="IN", help=".tif, .nii, .nii.gz, .nrrd, .mha, .npy, a DICOM folder; -: .npy")
    given.add_argument("output", metavar="OUT", help="the .aiw file; - for standard output")
    given.add_argument(
        "--model",
        default=AUTO,
        metavar="MODEL",
        help="a name of `aiwave models list`, a model file, a run's folder or a checkpoint; auto (default) chooses",
    )
    given.add_argument("--modality", metavar="M", help="em, ct, mri or fmri, for --model auto")
    quality = given.add_mutually_exclusive_group(required=True)
    quality.add_argument("--lossless", action="store_true", help="every voxel as it was")
    quality.add_argument("--step", type=float, metavar="S", help="quantisation step, in units of the voxels")
    quality.add_argument("--psnr", type=float, metavar="DB", help="reach this PSNR within 0.1 dB")
    quality.add_argument("--bpp", type=float, metavar="B", help="reach this many bits per voxel within 2 %%")
    given.add_argument("--embed-model", action="store_true", help="store the model in the file, too")
    given.add_argument("--tile", type=int, default=64, metavar="N", help="voxels a side of a tile (default 64)")
    given.add_argument("--nearest", action="store_true", help="lossy: round to the nearest; faster, larger files")
    given.add_argument("--force", action="store_true", help="replace OUT if it exists")
    given.add_argument("--quiet", action="store_true", help="print nothing")
    return given
