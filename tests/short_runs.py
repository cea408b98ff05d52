"""Running the command line on small budgets."""

import torch

from aiwave.cli import main
from aiwave.training.starting_weights import codec_weights

TINY = [
    "model=tiny",
    "dataset=folder",
    "dataset.subset=cells",
    "dataset.crop=[16,16,16]",
    "dataset.batch_size=2",
    "dataset.epoch_steps=2",
    "dataset.val_crops=1",
    "dataset.num_workers=0",
    "dataset.steps=[3,12]",
    "callbacks=quiet",
]
ONE_EPOCH = [f"schedule.stages.{name}.epochs=1" for name in ("additive", "affine", "finetune")]


def train(data_root, run_dir, *overrides, epochs=ONE_EPOCH):
    """`aiwave train` with tiny settings; returns the exit status."""
    return main(["train", *TINY, f"dataset.root={data_root}", f"run_dir={run_dir}", *epochs, *overrides])


def weights(run, stage, name="last", component=""):
    """A checkpoint's parameters by name, those of a component alone if one is given."""
    stored = codec_weights(run.stage(stage) / f"{name}.ckpt")
    return {key: value for key, value in stored.items() if key.startswith(component)}


def same(a, b):
    """True if two dictionaries of tensors are equal."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
