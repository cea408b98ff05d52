"""Parts of a batch at the same time, each in a thread of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from threading import Event
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 4
"""Threads at once: what lies between PyTorch's operations runs in one at a time."""

FEWEST = 2
"""Items for which a thread pays."""


class Parallel:
    """Works on items in as many parts as PyTorch is set to use threads, PyTorch computing with one thread in each.

    A band's fronts are too small for threads within an operation: on a busy machine these wait for each other.
    """

    def __init__(self) -> None:
        self.threads = torch.get_num_threads()
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(min(self.threads, MOST), initializer=torch.set_num_threads, initargs=(1,))

    def __call__(
        self, work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], small: bool = False
    ) -> list[Result]:
        """What `work(items)` gives, provided that no item's result depends on the others.

        Items too few for parts are worked on with all of PyTorch's threads, or with one if operations are `small`.
        """
        count = min(self.threads, MOST, len(items) // FEWEST)
        if count < 2:
            return self._pool.submit(work, items).result() if small else work(items)
        edges = [len(items) * k // count for k in range(count + 1)]
        parts = [items[a:b] for a, b in pairwise(edges)]
        return [result for part in self._pool.map(work, parts) for result in part]

    def check(self) -> None:
        """Long work calls this often: it raises KeyboardInterrupt where nobody waits for the result any more."""
        if self._stopped.is_set():
            raise KeyboardInterrupt

    def close(self) -> None:
        """End what is still at work."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self.threads)


@contextmanager
def parallel() -> Iterator[Parallel]:
    """Parts at the same time until the block ends; an error or Ctrl-C in it ends the work of all."""
    run = Parallel()
    try:
        yield run
    finally:
        run.close()
