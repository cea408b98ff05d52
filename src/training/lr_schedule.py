"""How learning rates go over a stage, as a share of their maximum."""

import math

from ..bounds import NotNegative


class _Warmed:
    """Rises linearly over `warmup`: below 1 a share of the stage's steps, else their number; at least one step."""

    def __init__(self, warmup: NotNegative) -> None:
        self.warmup = warmup

    def rise(self, step: int, total: int) -> float:
        """The share at `step` of `total` that warming up allows."""
        warm = max(1, round(self.warmup * total if self.warmup < 1 else self.warmup))
        return min(1.0, (step + 1) / warm)


class CosineDecay(_Warmed):
    """Warm up, and fall as a half cosine to zero at the stage's end (Loshchilov and Hutter, 2017, no restarts)."""

    def __call__(self, step: int, total: int) -> float:
        """The share at `step`, counted from zero, of `total`."""
        return self.rise(step, total) * 0.5 * (1 + math.cos(math.pi * min(step, total) / total))


class ConstantRate(_Warmed):
    """Warm up, and stay."""

    def __call__(self, step: int, total: int) -> float:
        """The share at `step`, counted from zero, of `total`."""
        return self.rise(step, total)
