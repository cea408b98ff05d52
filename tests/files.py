"""Models and volumes for tests of .aiw files."""

import io
import json
from functools import cache, partial

import numpy as np
import torch

from aiwave.bitstream import Model
from aiwave.bitstream.from_codec import model_file
from aiwave.coding.model_parts import model_from_arrays, model_to_arrays

from .builders import codec, dependent_codec, lossless_codec, sections_codec, shake, voxels_codec
from .conftest import textured

LOSSLESS = {"learned": lossless_codec, "sections": sections_codec, "voxels": voxels_codec}
OTHERS = {
    "dependent": dependent_codec,
    "oriented": partial(dependent_codec, oriented=True),
    "trellis": partial(dependent_codec, oriented=True, states=256),
}
KINDS = {"lossy": ("affine", True), "lossless": ("cdf53", False), "plain": ("cdf97", False)}


@cache
def trained_codec(kind="lossless"):
    """A tiny codec whose entropy model has seen a few volumes.

    `lossy` and `learned` have learned transforms, `lossy` a filter as well; `learned`, `sections` and `voxels` code
    losslessly alone; the `OTHERS` have dependent quantisation, `oriented` and `trellis` with layers of their own for
    each band.
    """
    torch.manual_seed(0)
    make = (LOSSLESS | OTHERS).get(kind)
    small = make() if make else codec(KINDS[kind][0], post=KINDS[kind][1])
    if kind in ("lossy", "learned"):
        shake(small.transform, std=0.01)
        shake(small.post, std=0.01)
    volumes = torch.stack([torch.from_numpy(textured((16, 16, 16), seed).astype("float32")) for seed in range(4)])
    optimiser = torch.optim.Adam(small.entropy.parameters(), lr=1e-2)
    step = torch.ones(4) if kind in LOSSLESS else torch.tensor([1.0, 3.0, 8.0, 20.0])
    with torch.no_grad():
        q = small.eval().analyse(volumes[:, None], step)
    for _ in range(40):
        optimiser.zero_grad()
        small.code_length(q, step).sum().div(volumes.numel()).backward()
        optimiser.step()
    return small.eval()


@cache
def file_model(kind="lossless"):
    """The model file of a `trained_codec`, loaded."""
    return Model.from_bytes(model_file(trained_codec(kind), kind))


def from_arrays(model):
    """An integer model as a model file gives it back; what it would store then must be the same."""
    part, arrays = model_to_arrays(model)
    again = model_from_arrays(type(part).of(json.loads(json.dumps(part.plain()))), arrays)
    same_part, same = model_to_arrays(again)
    assert same_part == part
    assert {name: (array.dtype, array.tolist()) for name, array in same.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }
    return again


def noise(shape, dtype="uint8", seed=0):
    """Uniform over the whole range of a dtype."""
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def psnr(a, b, peak=255.0):
    return 10 * np.log10(peak**2 / max(np.mean((a.astype(np.float64) - b) ** 2), 1e-12))


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
