"""The published short context: a masked 3-D PixelCNN, with or without a context from other bands."""

from itertools import repeat

import torch.nn.functional as F
from torch import Tensor, nn

from ..conv import CausalConv3d, Conv3d


class PixelCnn(nn.Module):
    """Parameters of every coefficient's density from the preceding coefficients (aiWave, section III).

    Masked conv A, two (`blocks`) residual blocks of masked convs B, the first conv's output added, masked conv B, then
    1x1x1 convs to `outputs`. With `with_context`, a branch of unmasked convs over the long context is added after the
    first conv and after every block.
    """

    def __init__(self, channels: int, blocks: int, outputs: int, with_context: bool) -> None:
        super().__init__()
        self.first = CausalConv3d(1, channels, include_centre=False)
        self.blocks = nn.ModuleList(_Residual(channels, causal=True) for _ in range(blocks))
        self.context_first = Conv3d(1, channels) if with_context else None
        self.context_blocks = nn.ModuleList(_Residual(channels, causal=False) for _ in range(blocks * with_context))
        self.last = CausalConv3d(channels, channels, include_centre=True)
        widths = (channels, channels, outputs)
        self.head = nn.ModuleList(Conv3d(channels, width, kernel=1) for width in widths)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(B, 1, d, h, w), normalised, and a context of the same shape -> (B, outputs, d, h, w)."""
        hidden = self.first(x)
        branch = None
        if self.context_first is not None and context is not None:
            branch = self.context_first(context)
            hidden = hidden + branch
        start = hidden
        for block, context_block in zip(self.blocks, self.context_blocks or repeat(None), strict=False):
            hidden = block(hidden)
            if branch is not None and context_block is not None:
                branch = context_block(branch)
                hidden = hidden + branch
        hidden = self.last(hidden + start)
        for layer in self.head:
            hidden = layer(F.relu(hidden))
        return hidden


class _Residual(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, channels: int, causal: bool) -> None:
        super().__init__()
        kinds = [CausalConv3d(channels, channels, True) if causal else Conv3d(channels, channels) for _ in range(2)]
        self.convs = nn.ModuleList(kinds)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, d, h, w) -> the same shape."""
        first, second = self.convs
        return x + second(F.relu(first(x)))
