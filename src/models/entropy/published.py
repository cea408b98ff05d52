"""The published context model: a PixelCNN over a band, and a long context of the bands before it."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, repeat

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...bounds import LayersOrNone, Levels, Width
from ..bands import DETAILS
from ..conv import CausalConv3d, Conv3d
from ..subbands import Subbands
from .base import BitsOf, EntropyModel, per_band
from .density import STATIC_QP, Density


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


class PublishedContext(EntropyModel):
    """One PixelCNN per band (`channels` wide, `layers` residual blocks), fed by a long context (aiWave, section III).

    15 networks for two levels. Inputs are multiplied by step / 220. Without `long_context`, bands are independent;
    without `short_context`, the networks see zeros in place of the band's own coefficients.
    """

    kind = "context_published"

    def __init__(
        self,
        levels: Levels,
        channels: Width,
        layers: LayersOrNone,
        density: Density,
        long_context: bool = True,
        short_context: bool = True,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.density = density
        self.short_context = short_context
        self.long_context = LongContext(levels) if long_context else None
        contexts = [False, *repeat(long_context, DETAILS * levels)]
        self.nets = nn.ModuleList(PixelCnn(channels, layers, density.size, context) for context in contexts)

    def densities(self, q: Subbands, step: Tensor) -> Iterator[tuple[Tensor, BitsOf]]:
        """See `EntropyModel.densities`; one band at a time."""
        step = per_band(step, self.levels)
        x = q.map_with(torch.mul, step / STATIC_QP)
        contexts: list[Tensor | None] = [None]
        contexts += chain.from_iterable(self.long_context(x)) if self.long_context else repeat(None, len(self.nets) - 1)
        own = x if self.short_context else x.map(torch.zeros_like)
        parts = zip(self.nets, q.bands(), own.bands(), contexts, step.split(1, dim=1), strict=True)
        for net, band, before, context, width in parts:
            parameters = net(before, context).movedim(1, -1).unsqueeze(1)
            zero = torch.zeros_like(band)
            yield band, partial(self.density.bits, parameters=parameters, predicted=zero, step=width)
