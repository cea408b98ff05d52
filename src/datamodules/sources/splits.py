"""Splits of a data set's subjects into train, val and test, whole or by region."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...errors import AiwaveError
from ..manifest import SPLITS
from .source import Raw


@dataclass(frozen=True)
class Box:
    """The voxels from `start` up to but excluding `stop`, both (z, y, x)."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(D, H, W), in voxels."""
        depth, height, width = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return depth, height, width

    @property
    def slices(self) -> tuple[slice, ...]:
        """Index of the box in an array (D, H, W)."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def overlaps(self, other: "Box") -> bool:
        """True if the boxes have a voxel in common."""
        pairs = zip(self.start, self.stop, other.start, other.stop, strict=True)
        return all(a < d and c < b for a, b, c, d in pairs)

    def __str__(self) -> str:
        return ",".join(f"{a}:{b}" for a, b in zip(self.start, self.stop, strict=True))

    @classmethod
    def parse(cls, text: str) -> "Box":
        """Read "z0:z1,y0:y1,x0:x1". Raises ValueError."""
        (z0, z1), (y0, y1), (x0, x1) = (map(int, side.split(":")) for side in text.split(","))
        return cls((z0, y0, x0), (z1, y1, x1))


def disjoint_boxes(texts: Mapping[str, str], key: str) -> dict[str, Box]:
    """Read the box of every split, given at `key`. Raises AiwaveError if one is no box, or if two share a voxel."""
    boxes: dict[str, Box] = {}
    for split, text in texts.items():
        try:
            boxes[split] = Box.parse(text)
        except (ValueError, AttributeError):
            boxes[split] = Box((0, 0, 0), (0, 0, 0))
        if split not in SPLITS or min(boxes[split].shape) < 1:
            raise AiwaveError(f"{key}.{split} is {text!r}: give boxes for train, val and test as z0:z1,y0:y1,x0:x1.")
    for (split, box), (other_split, other) in combinations(boxes.items(), 2):
        if box.overlaps(other):
            raise AiwaveError(f"{key}: {split} ({box}) and {other_split} ({other}) overlap; move one.")
    return boxes


REGION = "source.split._target_=aiwave.datamodules.sources.SplitByRegion"


@dataclass(frozen=True)
class Share:
    """The part of a subject that goes to one split: a fraction `part` along the axis `axis` of its volumes.

    Axis None is the longest. The shares of a subject lie side by side, in order.
    """

    split: str
    part: float = 1.0
    axis: int | None = None


def regions(shares: Sequence[Share], shape: Sequence[int], size: Sequence[int]) -> list[Box]:
    """The shares of a volume of `shape` (D, H, W) as disjoint boxes that cover it.

    A box is at least as thick as a crop of `size` (d, h, w), if there is room for that in every share and twice that in
    one; the largest share yields what the others need. A box is empty if there are too few voxels.
    """
    axis = int(np.argmax(shape)) if shares[0].axis is None else shares[0].axis
    least = min(size[axis], shape[axis] // (len(shares) + 1))
    sides = [max(least, round(share.part * shape[axis])) for share in shares]
    largest = int(np.argmax([share.part for share in shares]))
    sides[largest] += shape[axis] - sum(sides)
    boxes = []
    edge = 0
    for side in sides:
        start, stop = [0, 0, 0], list(shape)
        start[axis], stop[axis] = edge, edge + side
        boxes.append(Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])))
        edge += side
    return boxes


Plan = dict[str, tuple[Share, ...]]


class Split(ABC):
    """Rule that assigns shares to every subject. `val` and `test` are the fractions held out of training."""

    def __init__(self, val: float, test: float, seed: int) -> None:
        if min(val, test) < 0 or val + test >= 1:
            raise AiwaveError(
                f"source.split.val={val} and source.split.test={test} leave nothing to train on: give two "
                "fractions that add up to less than 1."
            )
        self.val, self.test, self.seed = val, test, seed

    @abstractmethod
    def plan(self, raws: Sequence[Raw]) -> Plan:
        """Return the shares of every subject. Raises AiwaveError if a split would be empty."""


class SplitBySubject(Split):
    """Random split of whole subjects: rounded fractions, but at least one subject for every fraction above 0."""

    def plan(self, raws: Sequence[Raw]) -> Plan:
        """Return a plan that depends only on the names and the seed."""
        names = sorted(raw.subject for raw in raws)
        val, test = (max(1, round(part * len(names))) if part else 0 for part in (self.val, self.test))
        if val + test >= len(names):
            raise AiwaveError(
                f"{len(names)} {'subject' if len(names) == 1 else 'subjects'} ({', '.join(names[:3])}) cannot be split "
                f"by subject into train, val and test: add subjects, or split each volume by region with {REGION}."
            )
        order = np.random.default_rng(self.seed).permutation(len(names))
        splits = ["test"] * test + ["val"] * val + ["train"] * (len(names) - val - test)
        found = {names[place]: (Share(split),) for place, split in zip(order, splits, strict=True)}
        return {name: found[name] for name in names}


class SplitByRegion(Split):
    """Split of every volume into disjoint slabs along `axis` (0 is z; None the longest), in an order set by the seed.

    For use with too few subjects to hold some out for testing: the slabs share no voxel, but they show the same
    subject.
    """

    def __init__(self, val: float, test: float, seed: int, axis: int | None = None) -> None:
        super().__init__(val, test, seed)
        if axis not in (None, 0, 1, 2):
            raise AiwaveError(f"source.split.axis is {axis}: give 0 (z), 1 (y), 2 (x) or null.")
        self.axis = axis

    def plan(self, raws: Sequence[Raw]) -> Plan:
        """Return the same slabs for every subject."""
        parts = [("train", 1 - self.val - self.test), ("val", self.val), ("test", self.test)]
        order = np.random.default_rng(self.seed).permutation(3)
        ordered = (parts[place] for place in order)
        slabs = tuple(Share(split, part, self.axis) for split, part in ordered if part > 0)
        return {raw.subject: slabs for raw in raws}


class AsGiven(Split):
    """The source's own split; by subject if the source has none.

    If the source has no validation subjects, some of its training subjects are used; if there is only one, its end
    along its longest axis is.
    """

    def plan(self, raws: Sequence[Raw]) -> Plan:
        """Return the source's split, completed."""
        if all(raw.split is None for raw in raws):
            return SplitBySubject(self.val, self.test, self.seed).plan(raws)
        plan: Plan = {raw.subject: (Share(raw.split or "train"),) for raw in raws}
        there = {share.split for shares in plan.values() for share in shares}
        if missing := [name for name in ("train", "test") if name not in there and (name == "train" or self.test)]:
            raise AiwaveError(
                f"The source has no images for {' and '.join(missing)}: add some, or point to the images themselves "
                f"and split them with {REGION}."
            )
        if "val" not in there and self.val:
            training = [raw for raw in raws if plan[raw.subject][0].split == "train"]
            plan.update(self._validate_on(training))
        return plan

    def _validate_on(self, training: Sequence[Raw]) -> Plan:
        if len(training) > 1:
            return SplitBySubject(self.val, 0, self.seed).plan(training)
        return {training[0].subject: (Share("train", 1 - self.val), Share("val", self.val))}
