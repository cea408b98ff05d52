"""`aiwave decompress`: decompress an .aiw file to an image."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace

from .arguments import check_unused, parser, progress_bar, read_stream, region_of, tell_lost


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    check_unused(args.output, args.force)
    from ..api import decompress
    from ..bitstream.container import open_stream
    from ..bitstream.decoder import to_box
    from ..images.image_files import check_writable, lost_by, write_image
    from ..images.image_metadata import image_of, part_of

    data = read_stream(args.input)
    stream = open_stream(data)
    check_writable(args.output, stream.metadata.get("original") if stream.original else None)
    region = None if args.region is None else region_of(args.region)
    box = to_box(stream.header, region)
    tiles = stream.header.grid.tiles(stream.header.coded(box))
    voxels = sum(math.prod(tile.size) for tile in tiles)  # whole tiles are decoded
    with progress_bar(voxels, "decompressing", args.quiet) as progress:
        decoded = decompress(data, region, args.level, args.model, progress, args.allow_large)
    z, y, x = (part.start for part in box[1:])
    image = part_of(image_of(decoded, stream.metadata, stream.original), (z, y, x), args.level)
    if box[0] != slice(0, stream.header.shape[0]):
        image = replace(image, hyperstack=0)  # frames may begin with any channel
    exact = stream.header.lossless and "max_error" not in stream.metadata
    write_image(image, args.output, exact, decoded.nbytes / len(data), args.force)
    tell_lost(args.output, lost_by(args.output, image), args.quiet)


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    given = parser("decompress", "Decompress an .aiw file.")
    given.add_argument("input", metavar="IN", help="the .aiw file; - for standard input")
    given.add_argument("output", metavar="OUT", help=".tif, .nii, .nii.gz, .nrrd, .mha, .npy, a DICOM folder; -: .npy")
    given.add_argument("--model", metavar="FILE", help="the model file, unless it is in IN")
    given.add_argument("--region", metavar="z0:z1,y0:y1,x0:x1", help="decode only these voxels (ends are exclusive)")
    given.add_argument(
        "--level", type=int, default=0, metavar="K", help="a preview, 2**K times smaller along each axis"
    )
    given.add_argument("--allow-large", action="store_true", help="let IN take more memory than its size tells")
    given.add_argument("--force", action="store_true", help="replace OUT if it exists")
    given.add_argument("--quiet", action="store_true", help="print nothing")
    return given
