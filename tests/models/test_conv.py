"""Convolutions from or to one channel as matrix products, and of one volume in halves, against the library's."""

import pytest
import torch
import torch.nn.functional as F

from aiwave.models import thin_conv
from aiwave.models.conv import Conv3d, conv3d

SIZES = [(1, 1, 1), (1, 2, 3), (5, 6, 7), (3, 1, 9), (9, 8, 7)]


def with_gradients(function, *inputs):
    """The result, and the gradients of the inputs for a random weighting of it."""
    leaves = [x.clone().requires_grad_() for x in inputs if x is not None]
    rest = iter(leaves)
    out = function(*(None if x is None else next(rest) for x in inputs))
    weighting = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    return [out, *torch.autograd.grad(out, leaves, weighting)]


@pytest.mark.parametrize("slab", [1, 50, 700, 2**16])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("has_bias", [True, False])
def test_products_are_the_library_s_convolutions_and_so_are_their_gradients(slab, size, has_bias, monkeypatch):
    monkeypatch.setattr(thin_conv, "SLAB", slab)
    generator = torch.Generator().manual_seed(0)
    for count in (1, 3):
        x, padded = (
            torch.randn(count, c, *s, generator=generator) for c, s in ((16, size), (1, [n + 2 for n in size]))
        )
        kernel = torch.randn(16, 27, generator=generator).view(16, 1, 3, 3, 3)
        bias = torch.randn(16, generator=generator) if has_bias else None
        one = None if bias is None else bias[:1]
        for ours, theirs, inputs in (
            (thin_conv.conv_to_one, lambda *given: F.conv3d(*given, padding=1), (x, kernel.transpose(0, 1), one)),
            (thin_conv.conv_from_one, F.conv3d, (padded, kernel, bias)),
        ):
            for got, right in zip(with_gradients(ours, *inputs), with_gradients(theirs, *inputs), strict=True):
                torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("depth", [2, 5, 8])
@pytest.mark.parametrize("padding", [[1, 1, 1], [0, 0, 0], [0, 1, 1]])
def test_one_volume_is_trained_on_as_several_are(depth, padding):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 16, depth + 2, 6, 5, generator=generator)
    weight, bias = torch.randn(16, 16, 3, 3, 3, generator=generator), torch.randn(16, generator=generator)
    ours = with_gradients(lambda *given: conv3d(*given, padding), x, weight, bias)
    theirs = with_gradients(lambda *given: F.conv3d(*given, padding=padding), x, weight, bias)
    for got, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-3)


def test_they_are_chosen_where_they_pay(monkeypatch):
    chosen = []
    for name in ("conv_to_one", "conv_from_one"):
        monkeypatch.setattr(f"aiwave.models.conv.{name}", lambda *args, name=name: chosen.append(name))
    x = torch.randn(1, 16, 4, 4, 4)
    with torch.no_grad():
        Conv3d(16, 1).double()(x.double())
        Conv3d(4, 1)(x[:, :4])
        Conv3d(16, 2)(x)
        Conv3d(1, 16)(x[:, :1])  # the library is faster forwards
        conv3d(x, torch.randn(1, 16, 3, 3, 3), None, [0, 0, 0])
        assert not chosen
        Conv3d(16, 1)(x)
        with torch.autocast("cpu"):  # bfloat16 does not make up for 16 lanes with one channel
            Conv3d(16, 1)(x)
    Conv3d(16, 1)(x)
    Conv3d(1, 16)(x[:, :1])
    assert chosen == [*["conv_to_one"] * 3, "conv_from_one"]
