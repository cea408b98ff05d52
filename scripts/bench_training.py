"""Time training steps: python scripts/bench_training.py [STEPS]

Prints CPU seconds per step of one thread, the best of STEPS (default 4) alternating rounds, so that other load on the
machine matters little: of plain, hybrid, additive and affine lifting on four crops of 32^3, as ratios to the plain
wavelet, of the published heavy model on one crop of 16^3, and of a plain model's step within Lightning, with loader and
callbacks, against a bare loop over the same crops.
"""

import sys
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_module
from omegaconf import DictConfig

from aiwave.config.building import build
from aiwave.config.data_schema import Dataset
from aiwave.config.plan import plan
from aiwave.config.training_schema import Callback
from aiwave.models.codec import WaveletCodec
from aiwave.system import quieten
from aiwave.training import CompressionTask, ConstantRate
from aiwave.training.stage_codec import build_codec
from aiwave.training.task import squared_error

RATES = {"transform": 1e-4, "rate": 1e-4, "entropy": 1e-4, "post": 1e-4}
STEP, LMBDA, CLIP = 8.0, 9.0, 5.0
WARM = 2  # steps within Lightning that are not counted


def configured(*overrides: str) -> DictConfig:
    """The training configuration."""
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        return compose("train", ["dataset.intensity_scale=256", "dataset.num_workers=0", *overrides])


def codec_of(cfg: DictConfig) -> WaveletCodec:
    """The codec of the last stage, with the same weights in every call."""
    torch.manual_seed(0)
    return build_codec(cfg, plan(cfg)[-1]).train()


def stepper(codec: WaveletCodec) -> Callable[[torch.Tensor], None]:
    """A training step on a batch (B, 1, D, H, W)."""
    parameters = [each for each in codec.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(parameters, 1e-4)

    def step(x: torch.Tensor) -> None:
        coded = codec(x, torch.full((len(x),), STEP))
        loss = (coded.bpp + squared_error(coded.x_hat, x) / LMBDA).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()

    return step


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    function(*arguments)
    return time.process_time() - started


class Clock(pl.Callback):
    """CPU seconds per step of a fit, without its first steps."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_batch_end(self, *args: Any) -> None:
        """Note the time."""
        self.marks.append(time.process_time())

    @property
    def per_step(self) -> float:
        """Mean over the steps that count."""
        return (self.marks[-1] - self.marks[WARM - 1]) / (len(self.marks) - WARM)


def compare_transforms(rounds: int) -> None:
    """Print a line per transform, then the heavy model's."""
    x = 255 * torch.rand(4, 1, 32, 32, 32)
    kinds = {"plain": "cdf97", "hybrid": "hybrid", "additive": "additive", "affine": "affine"}
    steps = {name: stepper(codec_of(configured(f"transform={kind}"))) for name, kind in kinds.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(1 + rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, x))
    best = {name: min(found[1:]) for name, found in times.items()}
    for name, found in best.items():
        print(f"{name:<10}{found:8.3f} s {found / best['plain']:6.2f} x plain")
    heavy = stepper(codec_of(configured("model=aiwave_heavy", "lmbda=9", "rate.initial_step=8")))
    small = x[:1, :, :16, :16, :16]
    print(f"{'heavy':<10}{min(seconds(heavy, small) for _ in range(2)):8.3f} s, one crop of 16^3")


def compare_loops(rounds: int) -> None:
    """Print what Lightning, the callbacks and the loader add to a step."""
    count = WARM + 2 * rounds
    cfg = configured("transform=cdf97", "callbacks=quiet", f"dataset.epoch_steps={count}")
    data = build(cfg.dataset, Dataset, "dataset")
    data.setup("fit")
    batches = [batch["image"] for batch in data.train_dataloader()]
    step = stepper(codec_of(cfg))
    bare = [seconds(step, x) for x in batches][WARM:]
    clock = Clock()
    extra = [build(node, Callback, "callbacks") for node in cfg.callbacks.values() if node is not None]
    task = CompressionTask(codec_of(cfg), 255.0, RATES, ConstantRate(0), 0, "bench")
    with TemporaryDirectory() as folder:
        options = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=1,
            gradient_clip_val=CLIP,
            callbacks=[clock, *extra],
            default_root_dir=folder,
            limit_val_batches=0,
            enable_progress_bar=False,
            **options,  # type: ignore[arg-type]
        )
        trainer.fit(task, datamodule=data)
    mean = sum(bare) / len(bare)
    print(f"bare loop {mean:8.3f} s; Lightning, callbacks and loader {clock.per_step:.3f} s, ", end="")
    print(f"{100 * (clock.per_step / mean - 1):+.1f} %")


def main() -> None:
    """Print both comparisons."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    torch.set_num_threads(1)
    quieten()
    compare_transforms(rounds)
    compare_loops(rounds)


if __name__ == "__main__":
    main()
