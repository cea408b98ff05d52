"""The matrix product for convolutions with one output channel, against the library's convolution."""

import pytest
import torch
import torch.nn.functional as F

from aiwave.models import conv as module
from aiwave.models.conv import Conv3d, conv3d


@pytest.mark.parametrize("slab", [1, 50, 2**15])
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 2, 3), (5, 6, 7), (3, 1, 9), (9, 8, 7)])
@torch.no_grad()
def test_it_is_the_library_s_convolution(slab, size, monkeypatch):
    monkeypatch.setattr(module, "SLAB", slab)
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(1, 16, 3, 3, 3, generator=generator), torch.randn(1, generator=generator)
    for count in (1, 3):
        x = torch.randn(count, 16, *size, generator=generator)
        for given in (bias, None):
            before = None if given is None else given.clone()
            got = module.conv_to_one(x, weight, given)
            assert torch.allclose(got, F.conv3d(x, weight, given, padding=1), atol=1e-4)
            assert given is None or torch.equal(given, before)


def test_it_is_chosen_where_it_pays(monkeypatch):
    chosen = []
    monkeypatch.setattr("aiwave.models.conv.conv_to_one", lambda *args: chosen.append(args))
    x, conv = torch.randn(1, 16, 4, 4, 4), Conv3d(16, 1)
    conv(x)  # with gradients
    with torch.no_grad():
        conv.double()(x.double())
        Conv3d(4, 1)(x[:, :4])
        Conv3d(16, 2)(x)
        conv3d(x, torch.randn(1, 16, 3, 3, 3), None, [0, 0, 0])
        assert not chosen
        conv.float()(x)
    assert len(chosen) == 1
