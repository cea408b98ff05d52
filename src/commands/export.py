"""`aiwave export`: store a run's codec as a model file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .arguments import check_unused, parser


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    check_unused(args.output, args.force)
    from ..bitstream.model import Model
    from ..training.stage_codec import run_model_file
    from ..writing import replacing

    data = run_model_file(Path(args.run), args.after, args.name, args.lossless)
    identity = Model.from_bytes(data).identity
    with replacing(Path(args.output), args.force, through_links=True) as temporary:
        temporary.write_bytes(data)
    print(f"{args.output}  {len(data)} bytes, identity {identity}")


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    given = parser("export", "Store a trained codec as a model file, for compress and decompress.")
    given.add_argument("run", metavar="RUN", help="a run's folder, or a checkpoint RUN/stages/NAME/*.ckpt")
    given.add_argument("output", metavar="OUT", nargs="?", default="model.aiwm", help="default: %(default)s")
    given.add_argument("--after", metavar="STAGE", help="the codec after this stage (default: the last)")
    given.add_argument("--name", help="name of the model (default: the name of the run)")
    given.add_argument("--lossless", action="store_true", help="for lossless files only, however it was trained")
    given.add_argument("--force", action="store_true", help="replace OUT if it exists")
    return given
