"""The automatic choice of a model next to the best one: `python scripts/compare_choice.py DATA [--steps 3,12,50]`.

Codes the first volume of every folder in DATA with each ready-made model, losslessly and at every step, and prints by
how much the choice costs more than the best [%]: in bits or, lossily, in bits and what the squared error is worth in
them; then the models chosen and the CPU seconds of a choice.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from tabulate import tabulate

from aiwave.bitstream.trial_parts import cost
from aiwave.coding.constants import log_step_of
from aiwave.images.image_files import read_image
from aiwave.pretrained.card import cards
from aiwave.pretrained.choice import automatic_model, shipped_model


def excess(voxels: np.ndarray, step: float | None) -> tuple[str, float, float]:
    """Model chosen for a volume, how much more it costs than the best [%], and the CPU seconds of the choice."""
    started = time.process_time()
    model, _ = automatic_model(voxels, step is None)
    seconds = time.process_time() - started
    volume = voxels.reshape(-1, *voxels.shape[-3:])[0]
    log_step = 0 if step is None else log_step_of(step)
    costs = {
        card.name: cost(shipped_model(card.name), volume, log_step)
        for card in cards()
        if card.lossless == (step is None)
    }
    return model.name, 100 * (costs[model.name] / min(costs.values()) - 1), seconds


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", default="3,12,50")
    arguments = parser.parse_args()
    steps = [None, *map(float, arguments.steps.split(","))]
    table = []
    for folder in sorted(each for each in arguments.data.iterdir() if each.is_dir()):
        voxels = np.asarray(read_image(str(sorted(folder.iterdir())[0])).voxels)
        if voxels.dtype.kind == "f":
            continue
        found = [excess(voxels, step) for step in steps]
        row: dict[str, object] = {"set": folder.name}
        row |= {
            "lossless" if step is None else f"step {step:g}": f"{more:.2f}"
            for step, (_, more, _) in zip(steps, found, strict=True)
        }
        row |= {"models": ", ".join(dict.fromkeys(name for name, *_ in found))}
        row |= {"seconds": " ".join(f"{seconds:.2f}" for *_, seconds in found)}
        table.append(row)
        print(*row.values(), flush=True)
    print(tabulate(table, headers="keys", tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
