"""The Lightning module that minimises rate and distortion, and its learning-rate schedules."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from ..bounds import NotNegative
from ..models.codec import Coded, WaveletCodec


class _Warmed:
    """Linear warm-up over `warmup`: a fraction of the stage's steps if below 1, else a number of steps; at least 1."""

    def __init__(self, warmup: NotNegative) -> None:
        self.warmup = warmup

    def rise(self, step: int, total: int) -> float:
        """Warm-up factor at `step` of `total`."""
        warm = max(1, round(self.warmup * total if self.warmup < 1 else self.warmup))
        return min(1.0, (step + 1) / warm)


class CosineDecay(_Warmed):
    """Warm-up, then half a cosine down to zero at the stage's end (Loshchilov and Hutter, 2017, no restarts)."""

    def __call__(self, step: int, total: int) -> float:
        """Factor of the learning rate at `step`, counted from zero, of `total`."""
        return self.rise(step, total) * 0.5 * (1 + math.cos(math.pi * min(step, total) / total))


class ConstantRate(_Warmed):
    """Warm-up, then constant."""

    def __call__(self, step: int, total: int) -> float:
        """Factor of the learning rate at `step`, counted from zero, of `total`."""
        return self.rise(step, total)


PARTS = {"scale_head": "scale", "taps": "taps", "low_gain": "taps", "high_gain": "taps"}
"""Parts of the transform, by words in the names of their parameters."""


class CompressionTask(pl.LightningModule):
    """Minimise J / lmbda = bpp + MSE / lmbda over random crops and, for a variable-rate codec, random steps.

    MSE is in squared raw intensity units (aiWave, section IV; the division only makes gradients at all rates
    comparable). `peak` is the PSNR peak. `learning_rates` gives Adam's rate per component (a child of the codec) and,
    unless None, those of parts of the transform (see `PARTS`), and `lr_schedule(step, total)` their factor at a step.

    `stage` names the stage in messages. Random steps and noise depend on `seed` and the global step alone, so a
    resumed run draws the same ones as an uninterrupted run. They are drawn for the whole batch of an optimiser step,
    so its volumes get the same steps however the batch is divided, by gradient accumulation or over processes.
    """

    def __init__(
        self,
        codec: WaveletCodec,
        peak: float,
        learning_rates: Mapping[str, float | None],
        lr_schedule: Callable[[int, int], float],
        seed: int,
        stage: str,
    ) -> None:
        super().__init__()
        self.codec = codec
        self.peak = peak
        self.learning_rates = dict(learning_rates)
        self.lr_schedule = lr_schedule
        self.seed = seed
        self.stage = stage
        self.total_steps = 1

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:
        """`batch["image"]`: (B, 1, d, h, w), raw intensities as float32 -> scalar loss."""
        x = batch["image"]
        step, lmbda = self._draw(batch_index, len(x), x.device)
        coded = self.codec(x, step)
        mse = squared_error(coded.x_hat, x)
        loss = (coded.bpp + mse / lmbda).mean()
        self._log_progress(loss, coded, mse, step)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_index: int) -> dict[str, Coded]:
        """`batch["image"]`: (B, 1, d, h, w) -> the coded batch at every quality of the codec's ladder."""
        x = batch["image"]
        results: dict[str, Coded] = {}
        losses = []
        for quality in self.codec.rate.qualities:
            step = self.codec.rate.step_of(quality).to(x).expand(len(x))
            coded = results[f"{quality:g}"] = self.codec(x, step)
            mse = squared_error(coded.x_hat, x)
            losses.append((coded.bpp + mse / self.codec.rate.lmbda_of(quality)).mean())
        self.log("val/loss", torch.stack(losses).mean(), batch_size=len(x))
        return results

    def configure_optimizers(self) -> Any:
        """One Adam optimiser over all trainable parameters, a group per component or part that has a rate."""
        groups: dict[str, list[torch.nn.Parameter]] = {}
        for name, parameter in self.codec.named_parameters():
            if parameter.requires_grad:
                groups.setdefault(self._group(name), []).append(parameter)
        optimizer = torch.optim.Adam(
            [{"params": group, "lr": self.learning_rates[name], "name": name} for name, group in groups.items()]
        )
        self.total_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.lr_schedule(step, self.total_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _group(self, parameter: str) -> str:
        """The part or else the component whose learning rate a parameter of the codec has."""
        component, *rest = parameter.split(".")
        part = (
            next((PARTS[word] for word in rest if word in PARTS), component) if component == "transform" else component
        )
        return component if self.learning_rates.get(part) is None else part

    def _draw(self, batch_index: int, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Steps and lambdas, each (count,), of this process's piece of the batch; also prepares the rounding."""
        processes, pieces = self.trainer.world_size, self.trainer.accumulate_grad_batches
        piece = batch_index % pieces * processes + self.global_rank
        whole = self.codec.rate.sample(count * pieces * processes, self._generator(0))
        self.codec.rounding.begin_step(self.global_step / self.total_steps, self._generator(1 + piece))
        step, lmbda = (drawn[piece * count : (piece + 1) * count].to(device) for drawn in whole)
        return step, lmbda

    def _generator(self, stream: int) -> torch.Generator:
        entropy = np.random.SeedSequence([self.seed, self.global_step, stream])
        return torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))

    def _log_progress(self, loss: Tensor, coded: Coded, mse: Tensor, step: Tensor) -> None:
        psnr = 10 * torch.log10(self.peak**2 / mse.detach()).mean()
        of_all = self.trainer.world_size > 1  # the mean over the processes
        self.log("train/loss", loss, prog_bar=True, sync_dist=of_all)
        self.log("train/bpp", coded.bpp.mean(), prog_bar=True, sync_dist=of_all)
        self.log("train/psnr", psnr, prog_bar=True, sync_dist=of_all)
        self.log("train/step", step.mean(), sync_dist=of_all)
        for group in self.optimizers().param_groups:  # type: ignore[union-attr]
            self.log(f"lr/{group['name']}", group["lr"])


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Mean squared error of every volume: two (B, 1, D, H, W) -> (B,), in squared intensity units."""
    return (x_hat - x).square().mean(dim=(1, 2, 3, 4))
