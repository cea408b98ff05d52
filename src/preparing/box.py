"""Box of voxels in a volume."""

from dataclasses import dataclass


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
