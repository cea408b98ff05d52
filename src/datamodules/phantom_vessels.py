"""Vessel trees that fill the lungs of a phantom."""

import numpy as np
from scipy.spatial import cKDTree

TREES = 32
HILUM = 0.3  # fraction of the lungs' surface, nearest the midline, where trees start
THINNEST = 0.4  # voxels
NEIGHBOURS = 3


def vessel_depth(lungs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (D, H, W) depths, in voxels, below the surface of vessels: negative outside them.

    `lungs` is the depth inside the lungs, positive inside; trees start on their surface near the midline.
    """
    depth = np.full(lungs.shape, -9.0, np.float32)
    inside, roots = np.argwhere(lungs > 0), np.argwhere(np.abs(lungs) < 1)
    if not len(inside) or not len(roots):
        return depth
    roots = roots[np.abs(roots[:, 2] - inside[:, 2].mean()).argsort()][: max(1, int(HILUM * len(roots)))]
    points = np.concatenate([_tree(root, rng.choice(inside), rng) for root in rng.permutation(roots)[:TREES]])
    distance, near = cKDTree(points[:, :3]).query(inside, k=NEIGHBOURS, distance_upper_bound=6)
    radius = np.append(points[:, 3], 0.0)[near]  # neighbours that are too far have the index past the end
    depth[tuple(inside.T)] = np.maximum(radius - distance, -9).max(axis=1)
    return depth


def _tree(root: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (P, 4): z, y, x and radius, in voxels, along a tree that grows from `root` towards `target`."""
    growing = [(root.astype(float), _turned(target - root + 0.1, 0.3, rng), rng.uniform(1.2, 2.6))]
    points = []
    while growing:
        place, heading, radius = growing.pop()
        for _ in range(int(rng.uniform(5, 9) * radius**0.3)):
            heading = _turned(heading, 0.12, rng)
            place = place + heading
            points.append([*place, radius])
        if radius > THINNEST:
            share = rng.uniform(0.6, 0.85)
            growing += [(place, _turned(heading, 0.45, rng), radius * s) for s in (share, 1.4 - share)]
    return np.array(points)


def _turned(heading: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """A unit vector near the direction of `heading`."""
    unit = heading / np.linalg.norm(heading) + amount * rng.standard_normal(3)
    return unit / np.linalg.norm(unit)
