"""Keys of the random crops of an epoch."""

from collections.abc import Iterator

from torch.utils.data import Sampler


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) for every index below `length`.

    Lightning calls `set_epoch` at the start of each epoch, also after a resume; elsewhere call it yourself.
    """

    def __init__(self, length: int, epoch: int = 0) -> None:
        self.length = length
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Yield the keys of `epoch` from the next iteration on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((self.epoch, index) for index in range(self.length))

    def __len__(self) -> int:
        return self.length
