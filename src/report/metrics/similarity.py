"""Structural similarity of volumes, on one scale and on several."""

from typing import TYPE_CHECKING, Any

from ...errors import AiwaveError

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 11  # voxels; Gaussian of 1.5 voxels, as in Wang et al., IEEE TIP 13(4), 2004

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first: Wang et al., Asilomar 2003


def ssim(preds: "Tensor", target: "Tensor") -> float:
    """Return the mean structural similarity of two volumes, 1 if they are equal (MONAI's, in three dimensions).

    The dynamic range is that of `target`, so that 12 bits in a 16-bit file count as 12 bits; windows lie entirely
    inside the volume.

    Args:
        preds: Decoded samples, shape (D, H, W), each side at least 11, any real dtype.
        target: Original samples in the same unit, same shape.

    Raises:
        AiwaveError: If the shapes differ or a side is too short.
    """
    from monai.metrics.regression import SSIMMetric

    preds, target = _normalised(preds, target)
    metric: Any = SSIMMetric(spatial_dims=3, data_range=1.0, win_size=WINDOW)
    return float(metric(preds, target))


def ms_ssim(preds: "Tensor", target: "Tensor") -> float:
    """Return the multi-scale structural similarity of two volumes, 1 if they are equal.

    Arguments and errors are those of `ssim`. Every scale halves the sides, and the published five need 176 voxels a
    side; smaller volumes get as many of the finest as keep a side of 11, with weights scaled to sum to one. Volumes
    of different sizes are therefore not comparable.
    """
    from monai.metrics.regression import MultiScaleSSIMMetric

    preds, target = _normalised(preds, target)
    weights = scale_weights(min(target.shape[2:]))
    metric: Any = MultiScaleSSIMMetric(spatial_dims=3, data_range=1.0, kernel_size=WINDOW, weights=weights)
    return float(metric(preds, target))


def scale_weights(side: int) -> list[float]:
    """Weights of the scales for a volume with the shortest side `side` [voxels], finest first, summing to one."""
    scales = max(
        1, sum(side >> scale >= WINDOW and side // max(1, scale) ** 2 >= WINDOW for scale in range(len(WEIGHTS)))
    )
    total = sum(WEIGHTS[:scales])
    return [weight / total for weight in WEIGHTS[:scales]]


def _normalised(preds: "Tensor", target: "Tensor") -> "tuple[Tensor, Tensor]":
    """The pair as float32 (1, 1, D, H, W) with `target` from 0 to 1: variances in float32 need small means."""
    if preds.shape != target.shape or target.ndim != 3:
        raise AiwaveError(f"SSIM needs two equal volumes, not {tuple(preds.shape)} and {tuple(target.shape)}.")
    if min(target.shape) < WINDOW:
        raise AiwaveError(f"SSIM needs sides of at least {WINDOW} voxels, not {tuple(target.shape)}.")
    low, high = target.min().double(), target.max().double()
    span = max(float(high - low), 1.0)
    scaled = [((volume.detach().double() - low) / span).float()[None, None] for volume in (preds, target)]
    return scaled[0], scaled[1]
