"""A phantom of a chest as CT shows it, with its vessels."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from .fields import grid, random_field, smooth_step

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


# Hounsfield units + 1024
AIR, LUNG, FAT, SOFT, MUSCLE, BLOOD, MARROW, BONE = 10.0, 150.0, 925.0, 1030.0, 1075.0, 1065.0, 1230.0, 1850.0

TOP = 4095

FIELD = 96  # voxels of the field of view in plane: the body fills it

UNIT = 0.5 * FIELD  # half the width of the body

RIB_SPACING = 16.0  # voxels


@dataclass(frozen=True)
class _Body:
    """Body coordinates of voxels: `u` right to left and `v` front to back in half-widths, `z` in voxels.

    `u` and `v` are (D, H, W), `z` is (D, 1, 1); distances computed from them are in voxels, positive inside.
    """

    u: np.ndarray
    v: np.ndarray
    z: np.ndarray

    def ellipse(self, u: float, v: float | np.ndarray, width: float, height: float) -> np.ndarray:
        """Approximate depth below the surface of an elliptic column at (u, v) with half-axes `width`, `height`."""
        radius = np.sqrt(((self.u - u) / width) ** 2 + ((self.v - v) / height) ** 2)
        return (1 - radius) * min(width, height) * UNIT


def chest(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Return uint16 (D, H, W) voxels, 0 to 4095: Hounsfield units + 1024 of axial slices, air clipped at 0.

    96 voxels in plane show the whole chest, fewer show a part of it.
    """
    body = _place(shape, rng)
    skin = body.ellipse(0, 0, 0.99, 0.76)
    wall = skin - rng.uniform(6.5, 9.0) - 1.5 * np.cos(3 * body.u) ** 2  # depth below the inside of the ribs
    image = _put(np.full(shape, AIR, np.float32), skin, SOFT)
    image = _put(image, skin - 1.3, FAT + 12 * random_field(shape, 5.0, rng))
    image = _put(image, wall + 5, MUSCLE + 15 * random_field(shape, 3.0, rng))
    lungs = _lungs(body, wall)
    image = _put(image, wall - 1, SOFT + 45 * np.tanh(2 * random_field(shape, 6.0, rng)))
    image = _put(image, lungs, LUNG + 22 * random_field(shape, 4.0, rng))
    image = _put(image, np.minimum(vessel_depth(lungs, rng), lungs), BLOOD, 0.5)
    image = _add_mediastinum(image, body, rng)
    image = _add_bones(image, body, wall)
    return _scan(image, skin, rng)


def _place(shape: tuple[int, int, int], rng: np.random.Generator) -> _Body:
    """Choose the visible part of the body, and bend it a little."""
    z, y, x = grid(shape)
    lost = [max(0, FIELD - size) for size in shape]
    v, u = (
        (axis + gone * rng.random() - FIELD / 2) / UNIT + 0.015 * random_field(shape, 14.0, rng)
        for axis, gone in ((y, lost[1]), (x, lost[2]))
    )
    return _Body(u, v, z + lost[0] * rng.random() + rng.uniform(0, RIB_SPACING))


def _put(image: np.ndarray, depth: np.ndarray, value: np.ndarray | float, width: float = 0.7) -> np.ndarray:
    """Return `image` with `value` where `depth`, in voxels, is positive; the edge is `width` voxels wide."""
    return image + smooth_step(depth, width) * (value - image)


def _lungs(body: _Body, wall: np.ndarray) -> np.ndarray:
    """Depth inside the lungs: two columns within the wall, above the domes of the diaphragm."""
    both = np.maximum(body.ellipse(-0.47, 0.0, 0.36, 0.56), body.ellipse(0.49, 0.03, 0.33, 0.54))
    dome = 94 - 26 * np.exp(-(((np.abs(body.u) - 0.42) / 0.3) ** 2) - (body.v / 0.35) ** 2) + 12 * body.v
    return np.minimum(np.minimum(both, wall), 0.8 * (dome - body.z))


def _add_mediastinum(image: np.ndarray, body: _Body, rng: np.random.Generator) -> np.ndarray:
    """Add the heart in its fat, the aorta and the air of the trachea."""
    swell = np.sqrt(np.clip(1 - ((body.z - 62) / 38) ** 2, 0.02, 1))
    heart = body.ellipse(0.13, -0.2, 0.36, 0.3) - 15 * (1 - swell)
    image = _put(image, heart + 2, FAT + 20)
    image = _put(image, heart, MUSCLE)
    chambers = heart - 3.5 + 1.5 * random_field(image.shape, 7.0, rng)
    image = _put(image, chambers, BLOOD + 35)
    image = _put(image, body.ellipse(0.13, 0.3, 0.08, 0.08), BLOOD + 40)
    drift = 0.002 * body.z
    trachea = np.minimum(body.ellipse(0.0, 0.02 + drift, 0.065, 0.07), 40 - body.z)
    return _put(_put(image, trachea + 1, MUSCLE), trachea, AIR + 10, 0.5)


def _add_bones(image: np.ndarray, body: _Body, wall: np.ndarray) -> np.ndarray:
    """Add vertebrae, ribs that slope down to the front, and the sternum: marrow inside a dense shell."""
    level = np.abs((body.z + 4) % RIB_SPACING - RIB_SPACING / 2)  # 0 in the middle of a vertebra
    vertebra = np.minimum(body.ellipse(0.0, 0.43, 0.15, 0.12), RIB_SPACING / 2 - 1.7 - level)
    arch = np.minimum(body.ellipse(0.0, 0.58, 0.16, 0.085), 5.5 - level)
    spine = np.minimum(body.ellipse(0.0, 0.66, 0.035, 0.09), 4.5 - level)
    slope = 14 * (body.v - np.abs(body.u)) + body.z
    rib = 3.0 - np.hypot(wall + 2.3, 0.8 * ((slope % RIB_SPACING) - RIB_SPACING / 2))
    rib = np.minimum(rib, UNIT * (np.abs(body.u) - 0.17))
    sternum = np.minimum(body.ellipse(0.0, -0.585, 0.13, 0.05), 80 - body.z)
    for bone in (arch, spine, vertebra, rib, sternum):
        image = _put(image, bone, BONE - 250)
        image = _put(image, bone - 1.6, MARROW)
    return _put(image, body.ellipse(0.0, 0.585, 0.06, 0.05), SOFT)


def _scan(image: np.ndarray, skin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return uint16 voxels as from a scanner: blurred, with correlated noise of varying strength."""
    blurred = gaussian_filter(image, (0.5, 0.45, 0.45))
    dose = rng.uniform(20, 36) * (1 + 0.2 * random_field((image.shape[0], 1, 1), 8.0, rng))
    crossed = 0.7 + 0.5 * smooth_step(skin - 10, 12)
    noise = 0.9 * random_field(image.shape, 0.75, rng) + 0.4 * random_field(image.shape, 0.0, rng)
    return np.clip(np.rint(blurred + dose * crossed * noise), 0, TOP).astype(np.uint16)
