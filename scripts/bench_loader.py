"""Data-loading overhead of a training step: python scripts/bench_loader.py [STORE | DATA SUBSET].

Runs the default loader with a step that takes 50 ms and prints the fraction of time the step had to wait. STORE is what
`dataset=zarr` reads; DATA holds SUBSET as `aiwave prepare` left it or train/SUBSET as it comes; without them the EM
phantom is loaded. CPU seconds, which hardly feel other programs, tell whether a process that has a core of its own
keeps up; they are measured where this process loads the crops itself.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hydra import compose, initialize_config_module
from hydra.utils import instantiate

STEP_SECONDS = 0.05
BATCHES = 100


def main() -> None:
    """Print one line per cache and number of workers."""
    chosen, caches = _chosen(sys.argv[1:])
    for cache in caches:
        for workers in (0, 1):
            overrides = [*chosen, f"cache={cache}", f"dataset.num_workers={workers}", f"dataset.epoch_steps={BATCHES}"]
            with initialize_config_module("aiwave.conf", version_base="1.3"):
                cfg = compose("data", overrides=overrides)
            data = instantiate(cfg.dataset)
            data.setup("fit")
            waited, cpu = _waited(iter(data.train_dataloader()))
            share = waited / (waited + BATCHES * STEP_SECONDS)
            print(
                f"cache={cache:10} num_workers={workers}: {1000 * waited / BATCHES:6.2f} ms waited per batch of "
                f"{data.batch_size} crops {data.crop}, {share:.1%} of the time"
                + ("" if workers else f"; {1000 * cpu / BATCHES:.2f} ms of CPU per batch")
            )


def _chosen(arguments: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Overrides that choose the data, and the caches that they can have."""
    if not arguments:
        return [], ("memory",)
    if len(arguments) == 1:
        return ["dataset=zarr", f"dataset.root='{arguments[0]}'"], ("memory", "none")
    root, subset = arguments
    prepared = (Path(root) / subset / "manifest.csv").is_file()
    chosen = ["dataset=folder", f"dataset.root={root}", f"dataset.subset={subset}"]
    return chosen, ("memory", "persistent", "none") if prepared else ("memory",)


def _waited(batches: Iterator[object]) -> tuple[float, float]:
    """Seconds of waiting for `BATCHES` batches after the first, beside a step of `STEP_SECONDS`, and CPU seconds."""
    next(batches)
    waited, cpu = 0.0, time.process_time()
    for _ in range(BATCHES - 1):
        begin = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - begin
        time.sleep(STEP_SECONDS)
    return waited, time.process_time() - cpu


if __name__ == "__main__":
    main()
