"""Average the weights of runs that began alike: `python scripts/average_checkpoints.py OUT.ckpt A.ckpt=0.2 B.ckpt=0.8`.

What was trained on towards different ends from one checkpoint then serves all of them (Wortsman et al., "Model soups",
ICML 2022). The numbers are shares, which add up to 1. Components named by `--first` are those of the first alone, such
as `--first post`. OUT.ckpt is for `init_from`.
"""

import argparse
import math
from pathlib import Path

from torch import Tensor

from aiwave.errors import AiwaveError
from aiwave.training.checkpoints import AtomicCheckpointIO, read_checkpoint
from aiwave.training.starting_weights import PREFIX, codec_weights


def main(arguments: list[str] | None = None) -> None:
    """Write the checkpoint. Ends with one sentence if the checkpoints do not go together."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("out", type=Path)
    given.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT=SHARE")
    given.add_argument("--first", nargs="*", default=[], choices=["transform", "rate", "entropy", "post"])
    args = given.parse_args(arguments)
    try:
        shares = dict(share_of(text) for text in args.checkpoints)
        if not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
            raise AiwaveError(f"The shares add up to {sum(shares.values()):g}: make it 1.")
        weights = {PREFIX + name: value for name, value in average(shares, args.first).items()}
        whole = read_checkpoint(next(iter(shares))) | {"state_dict": weights}
        AtomicCheckpointIO().save_checkpoint(whole, args.out)
    except AiwaveError as error:
        raise SystemExit(str(error)) from None


def share_of(text: str) -> tuple[Path, float]:
    """`FILE=SHARE` -> the two. Raises AiwaveError for anything else."""
    path, _, share = text.rpartition("=")
    try:
        return Path(path), float(share)
    except ValueError:
        raise AiwaveError(f"{text} is no checkpoint with its share: write FILE=0.5.") from None


def average(shares: dict[Path, float], first: list[str]) -> dict[str, Tensor]:
    """The mean of codecs' parameters by name. Raises AiwaveError if they are of different models."""
    codecs = {path: codec_weights(path) for path in shares}
    start = next(iter(codecs.values()))
    for path, codec in codecs.items():
        if {name: value.shape for name, value in codec.items()} != {name: value.shape for name, value in start.items()}:
            raise AiwaveError(f"{path} is of another model than {next(iter(shares))}: give checkpoints of one model.")
    mean = {name: sum(share * codecs[path][name] for path, share in shares.items()) for name in start}
    return {name: start[name] if name.partition(".")[0] in first else value for name, value in mean.items()}  # type: ignore[misc]


if __name__ == "__main__":
    main()
