"""Parts of a batch at the same time, each in a thread of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Protocol, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 4
"""Threads at once: what lies between PyTorch's operations runs in one at a time."""

FEWEST = 2
"""Items for which a thread pays."""


class Run(Protocol):
    """Work on items in parts: what `work(items)` gives, provided that no item's result depends on the others.

    Items too few for parts are worked on with all of PyTorch's threads, or with one if operations are `small`.
    """

    def __call__(  # noqa: D102
        self, work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], small: bool = False
    ) -> list[Result]: ...


@contextmanager
def parallel() -> Iterator[Run]:
    """Run work in as many threads as PyTorch is set to use, PyTorch computing with one thread in each.

    A band's fronts are too small for threads within an operation: on a busy machine these wait for each other.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(min(threads, MOST), initializer=torch.set_num_threads, initargs=(1,))

    def run(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], small: bool = False) -> list[Result]:
        count = min(threads, MOST, len(items) // FEWEST)
        if count < 2:
            return pool.submit(work, items).result() if small else work(items)
        edges = [len(items) * k // count for k in range(count + 1)]
        parts = [items[a:b] for a, b in pairwise(edges)]
        return [result for part in pool.map(work, parts) for result in part]

    try:
        yield run
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
