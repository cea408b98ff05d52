"""Time the published model on one volume: python scripts/bench_heavy.py [MODEL [SIDE]]

Prints the seconds of each part of a forward pass, and those of a plain convolution of known arithmetic timed in the
same run: on a busy machine compare ratios, not seconds.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from hydra import compose, initialize_config_module

from aiwave.config.plan import plan
from aiwave.models.codec import format_parameters
from aiwave.training.stage_codec import build_codec

REFERENCE_GFLOP = 2 * 128 * 128 * 27 * 32**3 / 1e9


def reference() -> float:
    """Seconds of a 128 -> 128 convolution, 3x3x3, on 32^3 voxels: the best of five."""
    conv = torch.nn.Conv3d(128, 128, 3, padding=1)
    x = torch.randn(1, 128, 32, 32, 32)
    return min(timed(conv, x)[0] for _ in range(5))


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Seconds of a call, and its result."""
    started = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - started, result


@torch.inference_mode()
def main() -> None:
    """Print sizes and times of a model (default aiwave_heavy) on `SIDE`^3 voxels (default 64)."""
    model = sys.argv[1] if len(sys.argv) > 1 else "aiwave_heavy"
    side = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    torch.manual_seed(0)
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        cfg = compose("train", [f"model={model}", "dataset.intensity_scale=256", "rate=variable"])
    codec = build_codec(cfg, plan(cfg)[-1]).eval()
    print(format_parameters(codec))
    x = 255 * torch.rand(1, 1, side, side, side)
    step = torch.tensor([10.0])
    before = reference()
    analyse, q = timed(codec.analyse, x, step)
    entropy, _ = timed(codec.code_length, q, step)
    synthesise, _ = timed(codec.synthesise, q, step)
    conv = (before + reference()) / 2
    print(f"\n{torch.get_num_threads()} threads; a conv of {REFERENCE_GFLOP:.0f} GFLOP takes {conv:.3f} s")
    for name, seconds in (
        ("transform", analyse),
        ("entropy", entropy),
        ("inverse and filter", synthesise),
        ("all", analyse + entropy + synthesise),
    ):
        print(f"{name:<20}{seconds:8.2f} s {seconds / conv:8.1f} convs")


if __name__ == "__main__":
    main()
