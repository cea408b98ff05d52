"""Approximate memory that decoding with a model takes: measured as the peak of a process, less what it had before."""

import math

import numpy as np

from ..coding.core import compiled_core
from ..coding.integer_context import IntegerContext
from ..coding.integer_voxels import NARROW, IntegerVoxels
from ..coding.parts import PostPart
from ..models.bands import FRONT, Size
from ..models.neighbours import REACH
from .model import Model

TILE_BYTES = 28
"""Bytes per voxel of a tile that the transform, the filter and the voxel model take, features aside."""

FEATURE_BYTES = 24
"""Bytes per voxel of a tile and channel of a lifting network, and of a filter in the reference: 21 to 24."""

FILTER_PLANES, FILTER_SLAB, MOST_THREADS = 8, 32, 16
"""Planes of features that the compiled filter keeps for each of its layers, at most; threads share a tile by slabs.

It keeps four planes of what a layer takes in, one of them zeros, and two of its sums, or as many as there are layers
where the first is added in the end.
"""

LANES, CONTEXT_BYTES, BLOCK_BYTES = 16, 1.0, 0.125
"""Bytes per voxel and channel of contexts in the compiled core, which rounds channels up to a multiple of `LANES`.

Sums are kept for coarser levels and for other bands, four bytes each for one voxel in eight; every residual block
keeps its inputs there, of two or four bytes.
"""

REFERENCE_CONTEXT_BYTES, REFERENCE_BLOCK_BYTES = 3, 0.6
"""The same in the reference: with 32 channels."""

LEAST_WIDTH = 4
"""Channels that the reference's transform takes as much memory as, without any network."""

PLACE_BYTES = 8
"""Bytes per voxel of a tile and input of a voxel model, for the reference."""


def working_memory(model: Model, size: Size, batch: int) -> int:
    """Bytes that decoding takes: transform and filter for a tile of a `size` at a time, the entropy model for a
    `batch` of so many voxels.
    """
    tile, entropy, native = math.prod(size), model.parameters.entropy, compiled_core() is not None
    if isinstance(entropy, IntegerVoxels):
        return (TILE_BYTES + (0 if native else PLACE_BYTES * entropy.inputs)) * tile + _planes(entropy, size)
    net, post, integers = model.description.transform.net, model.description.post, model.parameters.integers
    width = max(0 if net is None else net.channels, integers.width if integers else 0)
    contexts = _contexts(entropy, native) if isinstance(entropy, IntegerContext) else 0.0
    if not native:
        width = max(width, LEAST_WIDTH, post.channels)
        return max(FEATURE_BYTES * width * tile, int(contexts * max(batch, tile)))
    transform = max(TILE_BYTES, FEATURE_BYTES * width) * tile
    return max(transform, TILE_BYTES * tile + _filter(post, size), int((TILE_BYTES + contexts) * max(batch, tile)))


def _contexts(entropy: IntegerContext, native: bool) -> float:
    channels, blocks = -(-entropy.channels // LANES) * LANES, len(entropy.blocks)
    if not native:
        return channels * (REFERENCE_CONTEXT_BYTES + REFERENCE_BLOCK_BYTES * blocks)
    return channels * (CONTEXT_BYTES + BLOCK_BYTES * (2 if entropy.limit < NARROW else 4) * blocks)


def _planes(entropy: IntegerVoxels, size: Size) -> int:
    """Bytes of the planes of equal t in which the compiled voxel model keeps its numbers, as far back as it looks."""
    depth, height, _ = size
    kept = 1 - min(int(np.dot(offset, FRONT)) for offset in entropy.offsets)
    return 4 * kept * (depth + REACH) * (height + 2 * REACH)


def _filter(post: PostPart, size: Size) -> int:
    """Bytes of the planes that the compiled filter keeps."""
    layers = 2 + post.layers * (2 if post.kind == "published" else 1)
    threads = min(MOST_THREADS, -(-size[0] // FILTER_SLAB))
    return 4 * post.channels * FILTER_PLANES * layers * threads * (size[1] + 2) * (size[2] + 2)
