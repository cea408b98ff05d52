"""Equality with the published graphs, component by component, on their random weights (see the vectors' README).

`pytest tests/models/test_parity.py -rP` prints the relative error of every output.
"""

import json
import os
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from aiwave.models.bands import BAND_LETTERS
from aiwave.models.entropy.density import PARAMETERS, monotone_bits
from aiwave.models.entropy.published import LongContext, PixelCnn
from aiwave.models.post import PublishedPost
from aiwave.models.subbands import Subbands
from aiwave.models.transform.lifting import LiftingNet, LiftingScheme, PublishedScale
from aiwave.models.transform.wavelet_transform import WaveletTransform
from aiwave.models.transform.wavelets import Wavelet

VECTORS = Path(os.environ.get("AIWAVE_TEST_VECTORS", Path(__file__).parents[1] / "data/published"))
STATIC_QP = 220 / 16


def volume(array):
    """NDHWC -> (B, C, D, H, W)."""
    return torch.from_numpy(np.asarray(array)).movedim(-1, 1)


def arrays(name):
    return np.load(VECTORS / f"{name}.npz")


def weights(name):
    """The recipe of the random weights: yields arrays in creation order, kernels in torch's layout."""
    facts = json.loads((VECTORS / f"{name}.json").read_text())
    for index, (path, shape) in enumerate(facts["variables"]):
        g = np.random.default_rng([facts["seed"], index]).standard_normal(shape)
        variable = path.split("/")[-1]
        if variable.startswith("cdf97"):
            step = int(path[-1])
            c = Wavelet.CDF97.lifting.steps[step]
            value = np.array([0, c, c] if step % 2 == 0 else [c, c, 0]).reshape(shape) + 0.01 * g
            yield torch.from_numpy(value.astype(np.float32)).flatten()
        elif variable.startswith("n_"):
            yield torch.tensor(0.02 * g, dtype=torch.float32)
        else:
            value = torch.from_numpy((facts["std"] * g).astype(np.float32))
            yield value.permute(4, 3, 0, 1, 2) if value.ndim == 5 else value


def fill(conv, weight, bias=None):
    """Put a kernel (and a bias) into a convolution; causal ones keep the half of the kernel they use."""
    with torch.no_grad():
        conv.weight.copy_(weight[:, :, : conv.weight.shape[2]])
        if bias is not None:
            conv.bias.copy_(bias)


def fill_scheme(scheme, source):
    for step in scheme.steps:
        step.taps.data.copy_(next(source))
        net = step.net
        for conv in (net.first, *(layer[1] for layer in net.inner), net.shift_head, net.scale_head):
            if conv is not None:
                fill(conv, next(source), next(source))
    scheme.high_gain.data.add_(next(source))
    scheme.low_gain.data.add_(next(source))


def published_net(activation):
    options = {"intensity_scale": 256.0, "damping": 1.0, "padding": "reflect", "input_padding": "reflect"}
    return partial(LiftingNet, 16, 2, activation, **options)


def published_transform(kind, name):
    options = {
        "additive": {"sharing": "isotropic", "net": published_net(nn.Tanh)},
        "affine": {"sharing": "none", "net": published_net(nn.ReLU), "scale": PublishedScale()},
    }[kind]
    transform = WaveletTransform("cdf97", 1, boundary="published", **options)
    source = weights(name)
    for scheme in transform.schemes:
        fill_scheme(scheme, source)
    assert next(source, None) is None
    return transform


def close(output, ours, theirs, bound=1e-4):
    """The largest difference over the largest value, printed for the table of errors."""
    error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    print(f"{output:<12} relative error {error:.1e}")
    assert error < bound


@torch.no_grad()
@pytest.mark.parametrize("kind", ["additive", "affine"])
def test_lifting_in_one_dimension(kind):
    name = f"{kind}_lifting_1d"
    net = published_net(nn.Tanh) if kind == "additive" else partial(published_net(nn.ReLU), scale=PublishedScale())
    scheme = LiftingScheme(Wavelet.CDF97, "published", True, net)
    fill_scheme(scheme, weights(name))
    data = arrays(name)
    interleaved = torch.stack((volume(data["in_L"]), volume(data["in_H"])), dim=3).flatten(2, 3)
    low, high = scheme(interleaved)
    close("L", low, volume(data["out_L"]))
    close("H", high, volume(data["out_H"]))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["additive", "affine"])
def test_decomposition(kind):
    name = f"{kind}_decomposition_3d"
    data = arrays(name)
    bands = next(published_transform(kind, name)(volume(data["in_x"])).level_stacks())
    for k, letters in enumerate(BAND_LETTERS):
        close(letters, bands[:, k : k + 1], volume(data[f"out_{letters}"]))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["additive", "affine"])
def test_round_trip(kind):
    """The published affine inverse divides by zero on these weights, and ours then does as well."""
    name = f"{kind}_roundtrip_3d"
    data = arrays(name)
    transform = published_transform(kind, name)
    x = volume(data["in_x"])
    ours = transform.inverse(transform(x))
    (key,) = (key for key in data.files if key.startswith("out"))
    theirs = volume(data[key])
    if torch.isfinite(theirs).all():
        close("volume", ours, theirs)
    else:
        assert kind == "affine"
        assert not torch.isfinite(ours).any()


@torch.no_grad()
def test_long_context():
    data = arrays("long_context")
    net = LongContext(levels=2)
    source = weights("long_context")
    for cell in net.cells:
        fill(cell.from_input, next(source))
        fill(cell.from_state, next(source))
        cell.from_input.bias.data.copy_(next(source))
    for doubler in net.doublers[0]:
        doubler.weight.copy_(next(source))  # the second set of doublers in the file is never used
    letters = BAND_LETTERS[1:]
    details = [torch.cat([volume(data[f"in_{band}{level}"]) for band in letters], dim=1) for level in (1, 0)]
    bands = Subbands(volume(data["in_LLL"]), tuple(details)).map(lambda band: band / STATIC_QP)
    contexts = net(bands)
    for level, (k, band) in product((0, 1), enumerate(letters)):
        close(f"{band}_{level}", contexts[level][k], volume(data[f"out_{band}_{level}"]))


@torch.no_grad()
@pytest.mark.parametrize("name", ["pixelcnn", "pixelcnn_context"])
def test_short_context(name):
    data = arrays(name)
    with_context = name == "pixelcnn_context"
    net = PixelCnn(128, 2, PARAMETERS, with_context)
    source = weights(name)
    if with_context:
        kernels, biases = [next(source), next(source)], [next(source), next(source)]
        fill(net.first, kernels[0], biases[0])
        fill(net.context_first, kernels[1], biases[1])
    else:
        fill(net.first, next(source), next(source))
    for k, block in enumerate(net.blocks):
        for conv in (*block.convs, *(net.context_blocks[k].convs if with_context else ())):
            fill(conv, next(source), next(source))
    for conv in (net.last, *net.head):
        fill(conv, next(source), next(source))
    assert next(source, None) is None
    x = volume(data["in_x"]) / STATIC_QP
    parameters = net(x, volume(data["in_context"]) if with_context else None).movedim(1, -1)
    bits = monotone_bits(x.squeeze(1), parameters, 0.5 / STATIC_QP).sum()
    close("bits", bits, torch.from_numpy(data["out_bits"]), bound=1e-3)


@torch.no_grad()
def test_post_processing():
    data = arrays("post_processing")
    post = PublishedPost(64, 6)
    source = weights("post_processing")
    convs = [post.first, *(layer for block in post.inner for layer in (block[0], block[2])), post.collect, post.last]
    for conv in convs:
        fill(conv, next(source), next(source))
    assert next(source, None) is None
    close("volume", post.normalised(volume(data["in_x"])), volume(data["out_y"]))
