"""Sections that are only sorted along z."""

import pytest
import torch

from aiwave.models.transform.wavelet_transform import WaveletTransform


@pytest.mark.parametrize(("wavelet", "reversible"), [("cdf97", False), ("cdf53", True)])
def test_sections_are_transformed_one_by_one(wavelet, reversible):
    x = torch.randint(0, 1000, (1, 1, 16, 24, 40), generator=torch.Generator().manual_seed(0)).float()
    volume = WaveletTransform(wavelet, levels=1, sharing="sections", reversible=reversible)
    with torch.no_grad():
        q = volume(x)
        assert torch.allclose(volume.inverse(q), x, atol=1e-2)
        for first in (0, 1):
            low = q.approx if first == 0 else q.details[0][:, 3:4]  # LLL, LLH
            for k in range(8):
                alone = x[:, :, 2 * k + first].unsqueeze(2).expand(-1, -1, 2, -1, -1)
                expected = volume(alone).approx[:, :, 0]
                assert torch.allclose(low[:, :, k], expected, atol=1e-3)


def test_a_change_of_one_section_stays_in_it():
    x = torch.rand(1, 1, 16, 16, 16)
    other = x.clone()
    other[:, :, 5] += 1
    transform = WaveletTransform(levels=2, sharing="sections")
    with torch.no_grad():
        a, b = transform(x), transform(other)
        changed = transform.inverse(a) - transform.inverse(b)
    assert changed[:, :, [k for k in range(16) if k != 5]].abs().max() < 1e-4
    assert torch.equal(a.approx, b.approx)  # section 0, 4, 8, 12
