"""Learning-rate schedules over a stage, as factors of the maximum."""

import math

from ..bounds import NotNegative


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
