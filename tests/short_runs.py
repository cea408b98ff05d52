"""Running the command line on small budgets."""

from aiwave.cli import main

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
