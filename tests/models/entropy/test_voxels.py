"""The voxel model: what it sees, and what its densities promise."""

import math

import pytest
import torch

from aiwave.models.entropy.voxels import VoxelEntropy, folded_bits
from aiwave.models.neighbours import NEAR, OTHERS, REFERENCE, is_causal, neighbours
from aiwave.models.subbands import Subbands
from tests.builders import shake, voxels_codec


def model(**options):
    torch.manual_seed(0)
    return shake(VoxelEntropy([2, 1.5, 1], [8, 6], 2, **options), std=0.2).eval()


def bits(entropy, volume):
    """Bits of every voxel of (D, H, W)."""
    (found,) = entropy.coefficient_bits(Subbands(volume[None, None].float(), ()), torch.ones(1))
    return found[0, 0]


def volume(size=(5, 6, 7), spread=40):
    return torch.randint(0, spread, size, generator=torch.Generator().manual_seed(1)) + 100


def test_neighbours_are_all_causal_ones_within_the_radii():
    offsets = neighbours([3, 2, 1])
    assert offsets[: len(NEAR)] == list(NEAR)
    assert sum(REFERENCE) == 8
    assert all(map(is_causal, offsets))
    expected = {
        (-k, y, x)
        for k, radius in enumerate((3, 2, 1))
        for y in range(-4, 5)
        for x in range(-4, 5)
        if y * y + x * x <= radius**2 and 4 * -k + 2 * y + x < 0
    }
    assert set(offsets) == expected | set(NEAR)
    assert len(set(offsets)) == len(offsets)


def test_later_voxels_do_not_matter():
    entropy, x = model(), volume()
    x[0, 0, 0], x[-1, -1, -1] = 0, 1000  # the ends are known in advance
    before = bits(entropy, x)
    time = 4 * torch.arange(5)[:, None, None] + 2 * torch.arange(6)[:, None] + torch.arange(7)
    for at in [(0, 0, 3), (2, 3, 1), (4, 1, 5), (3, 5, 0)]:
        changed = x.clone()
        changed[at] += 7
        differs = bits(entropy, changed) != before
        assert differs[at]
        later = differs & (time <= time[at])
        later[at] = False
        assert not later.any()
        assert differs.sum() > 1


def test_intensities_count_only_relative_to_their_surroundings():
    entropy, x = model(), volume()
    torch.testing.assert_close(bits(entropy, x + 5000), bits(entropy, x))


@pytest.mark.parametrize("factor", [2, 16])
def test_contrast_changes_what_inputs_say_of_the_activity_alone(factor):
    entropy, x = model(), volume(spread=4000)[None].float()
    places = torch.arange(x[0].numel())
    ours, others = entropy.inputs(x, places), entropy.inputs(x * factor, places)
    relative = slice(0, len(entropy.offsets))
    torch.testing.assert_close(
        ours.values[..., relative], others.values[..., relative], atol=0.3, rtol=0.1
    )  # references are rounded
    gained = (others.log_activity - ours.log_activity)[ours.log_activity > 0]
    torch.testing.assert_close(gained, torch.full_like(gained, math.log(factor)), atol=0.2, rtol=0)
    assert ours.values.shape[-1] == len(entropy.offsets) + OTHERS


def test_probabilities_of_all_integers_add_up_to_one():
    values = torch.arange(-300, 301).float()
    parameters = [torch.tensor(part).expand(len(values), -1) for part in ([0.3, -1.0], [0.4, -2.0], [2.5, 1.0])]
    ends = [(values == end).unsqueeze(1) for end in (-300, 300)]
    total = torch.exp2(-folded_bits(values, *parameters, *ends)).sum()
    assert total == pytest.approx(1, abs=1e-4)
    few = slice(295, 310)  # what lies beyond counts as the ends
    ends = [(values[few] == end).unsqueeze(1) for end in (-5, 9)]
    some = [part[few] for part in parameters]
    assert torch.exp2(-folded_bits(values[few], *some, *ends)).sum() == pytest.approx(1, abs=1e-4)


def test_no_voxel_is_impossible():
    one = torch.zeros(1, 1)
    far = folded_bits(torch.tensor([1e4]), one, one, one, one > 0, one > 0)
    assert far.item() == pytest.approx(24, abs=1e-3)


def test_some_voxels_stand_for_all_in_training():
    entropy, x = model(every=3), volume((9, 9, 9))
    everywhere = bits(entropy, x)
    sampled = bits(entropy.train(), x)
    chosen = sampled > 0
    assert chosen.sum() == x.numel() // 3
    torch.testing.assert_close(sampled[chosen], everywhere[chosen] * (x.numel() / chosen.sum()))


def test_the_codec_gives_the_voxels_back():
    codec, x = voxels_codec().eval(), volume()[None, None].float()
    coded = codec(x, torch.ones(1))
    assert codec.name == "lossless_voxels_voxels"
    assert codec.band_names == ["LLL0"]
    assert coded.bits.shape == (1, 1)
    torch.testing.assert_close(coded.x_hat, x)
