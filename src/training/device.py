"""The torch device of an accelerator name."""

import torch

from ..errors import AiwaveError


def torch_device(accelerator: str) -> torch.device:
    """The device for `cpu`, `gpu` or `auto` (a GPU if there is one).

    Raises:
        AiwaveError: If `gpu` is requested and there is none.
    """
    available = torch.accelerator.is_available()
    if accelerator == "gpu" and not available:
        raise AiwaveError("This machine has no GPU that PyTorch can use: set the accelerator to cpu.")
    current = torch.accelerator.current_accelerator() if available and accelerator != "cpu" else None
    return current or torch.device("cpu")
