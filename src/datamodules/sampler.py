"""Sampler of the keys of an epoch's random crops."""

from collections.abc import Iterator

from torch.utils.data import Sampler


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) for every index below `length`; with `distinct`, (0, index % distinct).

    Of every `batch` consecutive indices, process `rank` of `processes` gets an equal share, in order.
    Lightning calls `set_epoch` at the start of each epoch, also after resuming; without Lightning, call it yourself.
    """

    def __init__(
        self,
        length: int,
        epoch: int = 0,
        distinct: int | None = None,
        batch: int = 1,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        share = batch // processes
        self.indices = [index for index in range(length) if index % batch // share == rank]
        self.epoch = epoch
        self.distinct = distinct

    def set_epoch(self, epoch: int) -> None:
        """Yield the keys of `epoch` from the next iteration on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self.distinct is not None:
            return ((0, index % self.distinct) for index in self.indices)
        return ((self.epoch, index) for index in self.indices)

    def __len__(self) -> int:
        return len(self.indices)
