"""Models next to each other on voxels held out of training sets: `python scripts/compare_models.py DATA [MODEL ...]`.

Codes parts of what training holds out of every set in DATA/train with each model, a ready-made one by its name or a
file (without any: all ready-made lossy ones), at every step, and prints how much more it costs than the best of them
[%], in bits and what the squared error is worth in them. The last lines are means over the sets.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tabulate import tabulate

from aiwave.bitstream.model import Model
from aiwave.bitstream.trial_parts import cost, textured_parts
from aiwave.coding.constants import log_step_of
from aiwave.datamodules.volume import load_volumes
from aiwave.datamodules.volume_datamodule import hold_out
from aiwave.images.image_files import VOLUME_SUFFIXES
from aiwave.pretrained.card import cards
from aiwave.pretrained.choice import shipped_model

CROP = (20, 44, 44)
"""Crops that held-out parts are as thick as, those of the models for any scanner."""


def held_out_parts(folder: Path) -> list[np.ndarray]:
    """Textured parts (d, h, w) of what is held out of the set in `folder`."""
    files = sorted(file for file in folder.iterdir() if file.name.lower().endswith(VOLUME_SUFFIXES))
    volumes = [volume for file in files for volume in load_volumes(file, folder.name)]
    return textured_parts(hold_out(volumes, CROP)[1][-1].voxels)


def excess(parts: Sequence[np.ndarray], models: Sequence[Model], step: float) -> np.ndarray:
    """Cost of each model over the best [%]."""
    costs = np.array([sum(cost(model, part, log_step_of(step)) for part in parts) for model in models])
    return 100 * (costs / costs.min() - 1)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="*", default=[card.name for card in cards() if not card.lossless])
    parser.add_argument("--steps", default="3,12,50")
    arguments = parser.parse_args()
    steps = [float(step) for step in arguments.steps.split(",")]
    models = [Model.from_file(Path(name)) if "." in name else shipped_model(name) for name in arguments.models]
    table = []
    for folder in sorted(each for each in (arguments.data / "train").iterdir() if each.is_dir()):
        parts = held_out_parts(folder)
        table.append(np.array([excess(parts, models, step) for step in steps]).T)
        print(folder.name, *(" ".join(f"{value:.1f}" for value in row) for row in table[-1]), sep="  ", flush=True)
    means = np.mean(table, axis=0)
    rows = [[Path(name).stem, *row, float(np.mean(row))] for name, row in zip(arguments.models, means, strict=True)]
    headers = ["mean over the sets", *(f"step {step:g}" for step in steps), "all"]
    print(tabulate(rows, headers=headers, tablefmt="github", floatfmt=".2f"))


if __name__ == "__main__":
    main()
