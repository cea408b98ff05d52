"""The device that an accelerator's name stands for."""

import torch

from ..errors import AiwaveError


def torch_device(accelerator: str) -> torch.device:
    """The device for `cpu`, `gpu` or `auto` (a GPU if there is one).

    Raises:
        AiwaveError: If there is no GPU for `gpu`.
    """
    available = torch.accelerator.is_available()
    if accelerator == "gpu" and not available:
        raise AiwaveError("This machine has no GPU that PyTorch can use: set the accelerator to cpu.")
    current = torch.accelerator.current_accelerator() if available and accelerator != "cpu" else None
    return current or torch.device("cpu")
