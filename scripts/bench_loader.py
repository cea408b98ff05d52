"""Data-loading overhead of a training step: python scripts/bench_loader.py [DATA SUBSET].

Runs the default loader with a step that takes 50 ms and prints the fraction of time the step had to wait. DATA
holds SUBSET as `aiwave prepare` left it or train/SUBSET as it comes; without them the EM phantom is loaded.
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
    chosen = ["dataset=folder", f"dataset.root={sys.argv[1]}", f"dataset.subset={sys.argv[2]}"] if sys.argv[1:] else []
    prepared = bool(chosen) and (Path(sys.argv[1]) / sys.argv[2] / "manifest.csv").is_file()
    for cache in ("memory", "persistent", "none") if prepared else ("memory",):
        for workers in (0, 1):
            overrides = [*chosen, f"cache={cache}", f"dataset.num_workers={workers}", f"dataset.epoch_steps={BATCHES}"]
            with initialize_config_module("aiwave.conf", version_base="1.3"):
                cfg = compose("data", overrides=overrides)
            data = instantiate(cfg.dataset)
            data.setup("fit")
            loader = data.train_dataloader()
            waited = _waited(iter(loader))
            share = waited / (waited + BATCHES * STEP_SECONDS)
            print(
                f"cache={cache:10} num_workers={workers}: {1000 * waited / BATCHES:6.2f} ms waited per batch of "
                f"{data.batch_size} crops {data.crop}, {share:.1%} of the time"
            )


def _waited(batches: Iterator[object]) -> float:
    """Seconds spent in waiting for `BATCHES` batches after the first, beside a step of `STEP_SECONDS`."""
    next(batches)
    waited = 0.0
    for _ in range(BATCHES - 1):
        begin = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - begin
        time.sleep(STEP_SECONDS)
    return waited


if __name__ == "__main__":
    main()
