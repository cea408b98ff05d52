"""The interface of launchers of a sweep's jobs, and the one that runs them in this process."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ...bounds import Count
from ...errors import AiwaveError


@dataclass(frozen=True)
class SweepJob:
    """One run of a sweep: its folder `<sweep>/<number>`, the overrides of its command line, and its threads.

    `label` distinguishes it from the other jobs; `trust` are the modules that the command line trusts.
    """

    number: int
    folder: Path
    overrides: tuple[str, ...]
    label: str = ""
    threads: int | None = None
    trust: tuple[str, ...] = ()


Work = Callable[[SweepJob], None]


class Launcher(ABC):
    """Runs jobs, possibly several at a time.

    Args:
        jobs: Number of concurrent jobs; None for as many as fit.
        threads: CPU threads per job; None for a fair share.
    """

    def __init__(self, jobs: Count | None = None, threads: Count | None = None) -> None:
        self.jobs = jobs
        self.threads = threads

    @property
    def at_once(self) -> int:
        """Number of jobs to give it at a time if the next depend on their results; 1 if only the engine knows."""
        return self.jobs or 1

    def check(self) -> None:  # noqa: B027  (not every launcher has an engine)
        """Raise AiwaveError, before anything is written, if the engine is not installed."""

    @abstractmethod
    def launch(self, jobs: Sequence[SweepJob], work: Work) -> None:
        """Call `work`, a module-level function, with every job, and wait for all.

        A job whose process dies does not stop the others; `work` itself raises nothing but KeyboardInterrupt.

        Raises:
            AiwaveError: If the engine is not installed or cannot be reached.
        """


def engine(package: str, launcher: str) -> Any:
    """Import a launcher's package. Raises AiwaveError naming the extra to install if it is missing."""
    try:
        return import_module(package)
    except ImportError as error:
        raise AiwaveError(
            f"launcher={launcher} needs the package {package}: install it with pip install 'aiwave[{launcher}]'."
        ) from error


class LocalLauncher(Launcher):
    """Runs jobs in order, each with all cores unless `threads` is given."""

    def __init__(self, threads: Count | None = None) -> None:
        super().__init__(jobs=1, threads=threads)

    def launch(self, jobs: Sequence[SweepJob], work: Work) -> None:
        """See `Launcher.launch`."""
        for job in jobs:
            work(replace(job, threads=self.threads))
