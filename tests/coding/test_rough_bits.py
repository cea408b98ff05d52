"""The first estimate of bits, in integers, against the same formula in floating point."""

import pytest
import torch

from aiwave.coding.rough_bits import rough_bits
from aiwave.models.quantisation import dependent


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.7, 4.0, 300.0, 1e5])
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 5, 2), (8, 7, 6)])
def test_integers_give_the_bits_of_the_formula(spread, size):
    generator = torch.Generator().manual_seed(3)
    exact = spread * torch.randn(2, *size, generator=generator) ** 3
    exact = exact.clamp(-(2.0**22) + 1, 2.0**22 - 1)
    ours, float_bits = rough_bits(exact), dependent.rough_bits(exact.double())
    assert ours.shape == (6, 2, *size)
    torch.testing.assert_close(ours.double(), float_bits, rtol=0.01, atol=0.02)


def test_zero_is_cheap_where_all_is_quiet_and_dear_where_it_is_not():
    exact = torch.zeros(1, 3, 3, 3)
    exact[0, 1, 1, 1] = 0.1
    quiet, loud = (rough_bits(exact + offset)[4, 0, 1, 1, 1] for offset in (0.0, 40.0))
    assert quiet < 0.01
    assert loud > 6
