"""The published long context: features of the bands coded before the next one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..conv import Conv3d
from ..subbands import Subbands

States = list[tuple[Tensor, Tensor]]


class LongContext(nn.Module):
    """Convolutional recurrent net that visits the bands from coarse to fine (aiWave, section III).

    Three layers with 32, 32 and 1 channels (`channels`), with the same weights for all bands. Between levels every
    state is doubled in size by its own transposed conv.
    """

    def __init__(self, levels: int, channels: Sequence[int] = (32, 32, 1)) -> None:
        super().__init__()
        self.channels = tuple(channels)
        inputs = (1, *self.channels[:-1])
        self.cells = nn.ModuleList(_Cell(a, b) for a, b in zip(inputs, self.channels, strict=True))
        self.doublers = nn.ModuleList(
            nn.ModuleList(_Doubler(width) for width in self.channels for _ in ("h", "c")) for _ in range(levels - 1)
        )

    def forward(self, x: Subbands) -> list[list[Tensor]]:
        """Normalised subbands -> for every level, coarsest first, the contexts of its seven details.

        A context is (B, 1, d, h, w), the last layer's h after the previous band. LLL has none.
        """
        batch, _, *size = x.approx.shape
        states: States = [(x.approx.new_zeros(batch, width, *size),) * 2 for width in self.channels]
        states = self._visit(x.approx, states)
        contexts: list[list[Tensor]] = []
        for level, details in enumerate(x.details):
            if level:
                states = self._double(states, level - 1, details.shape[2:])
            contexts.append([])
            for band in details.split(1, dim=1):
                contexts[-1].append(states[-1][0])
                states = self._visit(band, states)
        return contexts

    def _visit(self, x: Tensor, states: States) -> States:
        after: States = []
        for cell, (h, c) in zip(self.cells, states, strict=True):
            after.append(cell(x, h, c))
            x = after[-1][0]
        return after

    def _double(self, states: States, index: int, size: Sequence[int]) -> States:
        """States upsampled to the size (d, h, w), which is less than double for an odd length."""
        doublers = iter(self.doublers[index])  # type: ignore[call-overload]
        depth, height, width = size
        doubled = ([next(doublers)(part)[:, :, :depth, :height, :width] for part in state] for state in states)
        return [(h, c) for h, c in doubled]


class _Cell(nn.Module):
    """One pre-activation drives all gates: s = S(a), c <- s c + s tanh(a), h = s tanh(c)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.from_input = Conv3d(channels_in, channels)
        self.from_state = Conv3d(channels, channels)
        self.from_state.bias = None

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Input (B, C_in, d, h, w) and states (B, C, d, h, w) -> the new h and c."""
        a = self.from_input(x) + self.from_state(h)
        gate = torch.sigmoid(a)
        c = gate * c + gate * torch.tanh(a)
        return gate * torch.tanh(c), c


class _Doubler(nn.ConvTranspose3d):
    """A transposed conv with stride 2 whose output is exactly twice as large: the last plane is dropped."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, d, h, w) -> (B, C, 2d, 2h, 2w)."""
        return super().forward(x)[:, :, :-1, :-1, :-1]
