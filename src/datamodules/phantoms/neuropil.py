"""Phantom of neuropil in focused-ion-beam electron microscopy."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from .fields import grid, random_field, smooth_step

MEMBRANE = 72.0  # grey levels

MITOCHONDRION = 80.0

MARGIN = 24.0  # neurites reach this far outside the volume, in voxels

NEIGHBOURS = 8

BLOCK = 2  # voxels


@dataclass(frozen=True)
class _Neurites:
    """Points along neurites, (P, 3), and for each the number of its neurite, (P,), and the radius in voxels, (P,)."""

    points: np.ndarray
    owner: np.ndarray
    radius: np.ndarray


def neuropil(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Return uint8 (D, H, W) voxels: neurites with membranes, mitochondria, vesicles; blurred and noisy."""
    owner, depth = _partition(_grow(shape, rng), shape, rng)
    image = _cytoplasm(owner, depth, rng)
    image = _add_mitochondria(image, depth, rng)
    membrane = np.exp(-((depth / rng.uniform(1.7, 2.0)) ** 2))
    image += membrane * (MEMBRANE + 7 * random_field(shape, 5.0, rng) - image)
    return _expose(image, rng)


def _grow(shape: tuple[int, int, int], rng: np.random.Generator) -> _Neurites:
    """Grow curved neurites of very different calibre until they would fill the volume."""
    size = np.array(shape) + 2 * MARGIN
    room = float(np.prod(size))
    points, owner, radius = [], [], []
    neurite = 0
    while room > 0:
        calibre = float(np.clip(rng.lognormal(2.05, 0.6), 3, 24))
        heading, place = rng.standard_normal(3), rng.uniform(0, size)
        for _ in range(int(rng.uniform(20, 150) / calibre) + 1):
            heading = heading / np.linalg.norm(heading) + 0.25 * rng.standard_normal(3)
            place = place + heading * calibre * 0.7
            points.append(place - MARGIN)
            radius.append(calibre * rng.uniform(0.8, 1.2))
            owner.append(neurite)
            room -= np.pi * calibre**3 * 0.7
        neurite += 1
    return _Neurites(np.array(points), np.array(owner), np.array(radius))


def _partition(
    neurites: _Neurites, shape: tuple[int, int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each voxel, its neurite and its depth below the neurite's surface, in voxels.

    Neurites partition a smoothly warped space by power distance. A voxel is compared with the points that are nearest
    to its block by that distance: with the radii lifted into a fourth dimension, they are its nearest neighbours.
    """
    place = np.stack([axis + _warp(shape, rng) for axis in grid(shape)], axis=-1).astype(np.float32)
    blocks = place[::BLOCK, ::BLOCK, ::BLOCK]
    lift = np.sqrt(neurites.radius.max() ** 2 - neurites.radius**2)
    tree = cKDTree(np.column_stack([neurites.points, lift]))
    near = tree.query(np.pad(blocks, [(0, 0)] * 3 + [(0, 1)]), k=NEIGHBOURS)[1].astype(np.int32)
    for axis, size in enumerate(shape):
        near = near.repeat(BLOCK, axis).take(np.arange(size), axis)
    points, radius = neurites.points.astype(np.float32), neurites.radius.astype(np.float32)
    power = np.stack(
        [_square(place - points[near[..., k]]) - radius[near[..., k]] ** 2 for k in range(NEIGHBOURS)],
        axis=-1,
    )
    first = np.take_along_axis(near, power.argmin(-1)[..., None], -1)[..., 0]
    lowest, owner = power.min(-1), neurites.owner[first]
    depth = np.full(shape, np.float32(MARGIN))
    for k in range(NEIGHBOURS):
        apart = np.sqrt(_square(points[near[..., k]] - points[first]))
        to_wall = (power[..., k] - lowest) / (2 * apart + 1e-3)
        np.minimum(depth, to_wall, out=depth, where=neurites.owner[near[..., k]] != owner)
    return owner, depth


def _warp(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    return 6 * random_field(shape, 14.0, rng) + 1.5 * random_field(shape, 5.0, rng)


def _square(vectors: np.ndarray) -> np.ndarray:
    """Squared length of (..., 3) vectors."""
    return np.einsum("...i,...i->...", vectors, vectors)


def _cytoplasm(owner: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return float32 grey levels: each neurite has its own brightness and grain, and some have vesicles."""
    count = int(owner.max()) + 1
    level = np.clip(rng.normal(158, 23, count), 105, 192).astype(np.float32)
    grain = rng.uniform(4, 10, count).astype(np.float32)
    crowd = np.where(rng.random(count) < 0.5, rng.uniform(0.003, 0.012, count), 0.0005)
    texture = 0.8 * random_field(owner.shape, 1.5, rng) + 0.8 * random_field(owner.shape, 3.0, rng)
    vesicles = (rng.random(owner.shape) < crowd[owner]) & (depth > 4)
    dots = gaussian_filter(vesicles.astype(np.float32), 1.4) * (2 * np.pi * 1.4**2) ** 1.5
    return level[owner] + grain[owner] * texture - 32 * np.minimum(dots, 1.3)


def _add_mitochondria(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add dark, membrane-bound ellipsoids with cristae where neurites are thick enough."""
    wobble, bend, grain = (random_field(image.shape, width, rng) for width in (6.0, 7.0, 1.5))
    for place in rng.permutation(np.argwhere(depth > 6))[: 1 + image.size // 60000]:
        radius = min(float(depth[tuple(place)]) - 1, rng.uniform(6, 13))
        stretch = rng.uniform(1.5, 3.5)
        reach = int(radius * stretch) + 4
        box = tuple(slice(max(0, centre - reach), centre + reach + 1) for centre in place)
        offset = np.ogrid[
            tuple(slice(b.start - c, min(b.stop, n) - c) for b, c, n in zip(box, place, image.shape, strict=True))
        ]
        along = rng.standard_normal(3)
        along /= np.linalg.norm(along)
        length = sum(a * o for a, o in zip(along, offset, strict=True))
        across = np.maximum(sum(o * o for o in offset) - length**2, 0)
        inside = radius - np.sqrt(across + (length / stretch) ** 2) + 1.5 * wobble[box]
        inside = np.minimum(inside, depth[box] - 4)
        matrix = MITOCHONDRION + 7 * np.cos(1.3 * length + 2.5 * bend[box]) + 5 * grain[box]
        matrix -= 12 * np.exp(-((inside - 0.5) ** 2))
        image[box] += smooth_step(inside) * (matrix - image[box])
    return image


def _expose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return uint8 voxels as from a microscope: with brightness drift, blur and noise."""
    drifting = image + 4 * random_field(image.shape, 30.0, rng)
    blurred = gaussian_filter(drifting, (0.9, 0.7, 0.7))
    noise = 4.5 * random_field(image.shape, 0.7, rng) + 3.0 * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(blurred + noise), 0, 255).astype(np.uint8)
