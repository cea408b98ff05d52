"""Hyperparameter search: a sweep whose jobs Optuna chooses."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..bounds import Count, Seed
from ..errors import AiwaveError
from ..runs.run_folder import RunFolder
from ..runs.session import read_status
from .expand import Overrides, value_count
from .launchers.launcher import Launcher, SweepJob
from .sweep_arguments import is_for_jobs

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

MOST_VALUES = 10_000
"""Values that are not a range of integers; each of them is weighed in every proposal."""


class Runner(Protocol):
    """Runner of jobs; see `Sweep`."""

    launcher: Launcher

    def run(self, batch: list[Overrides], common: Collection[str]) -> list[SweepJob]:
        """Run a job for each of `batch`; `common` overrides are left out of the labels."""


class Search:
    """Minimise the validation loss of the last stage (bpp + MSE / lambda) over `trials` jobs.

    Proposals come from Optuna's tree-structured Parzen estimator (Bergstra et al., 2011), as many at a time as the
    launcher runs. They depend on `seed`, earlier results and this number alone: a resumed search proposes the same jobs
    and finds them done.
    """

    def __init__(self, trials: Count, seed: Seed) -> None:
        self.trials = trials
        self.seed = seed

    def space(self, overrides: Mapping[str, "Override"]) -> dict[str, Any]:
        """Optuna's distribution of each of the `overrides` that has several values.

        Raises AiwaveError if none has, or one cannot be searched, or Optuna is missing.
        """
        try:
            import optuna  # noqa: F401
        except ImportError as error:
            raise AiwaveError("sweep=search needs Optuna: install it with pip install 'aiwave[search]'.") from error
        space = {key: _distribution(o) for key, o in overrides.items() if o.is_sweep_override()}
        if not space:
            raise AiwaveError("The search varies nothing: give a key several values, as model.levels=1,2.")
        return space

    def run(self, sweep: Runner, overrides: Mapping[str, "Override"]) -> None:
        """Run the jobs, varying the `overrides` that have several values. Raises AiwaveError as `space` does."""
        space = self.space(overrides)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        fixed = {key: text for key, o in overrides.items() if not o.is_sweep_override() and (text := _fixed(o))}
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=self.seed))
        while len(study.trials) < self.trials:
            count = min(sweep.launcher.at_once, self.trials - len(study.trials))
            trials = [study.ask(space) for _ in range(count)]
            chosen = [tuple(fixed.values()) + tuple(f"{k}={v}" for k, v in t.params.items()) for t in trials]
            for trial, job in zip(trials, sweep.run(chosen, fixed.values()), strict=True):
                loss = job_loss(job)
                failed = optuna.trial.TrialState.FAIL if loss is None else None
                study.tell(trial, loss, state=failed)
        if any(trial.value is not None for trial in study.trials):
            settings = " ".join(f"{key}={value}" for key, value in study.best_params.items())
            print(f"\nbest      job {study.best_trial.number}, validation loss {study.best_value:.4f}: {settings}")


def job_loss(job: SweepJob) -> float | None:
    """The validation loss of a finished job's last stage; None if the job is not finished."""
    status = read_status(job.folder)
    if status is None or not status.is_done:
        return None
    return RunFolder(status.same_as or job.folder).validation_loss()


def _fixed(override: "Override") -> str:
    return str(override.input_line) if is_for_jobs(str(override.input_line)) else ""


def _distribution(override: "Override") -> Any:
    """Optuna's distribution for a sweep in Hydra's grammar. Raises AiwaveError if there is none."""
    try:
        return _distribution_of(override)
    except ValueError as error:
        raise AiwaveError(f"{override.input_line} cannot be searched: {str(error).rstrip('.')}.") from error


def _distribution_of(override: "Override") -> Any:
    from hydra.core.override_parser.types import IntervalSweep, RangeSweep
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep = override.value()
    if isinstance(sweep, IntervalSweep):
        low, high, log = sweep.start or 0, sweep.end or 0, "log" in sweep.tags
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log)
        return FloatDistribution(low, high, log=log)
    count = value_count(override)
    if not count:
        raise ValueError("the range is empty")
    if isinstance(sweep, RangeSweep) and isinstance(values := sweep.range(), range):
        first, last = sorted((values[0], values[-1]))
        return IntDistribution(first, last, step=abs(values.step))
    if count > MOST_VALUES:
        raise ValueError(f"it has more than {MOST_VALUES} values, so give an interval")
    return CategoricalDistribution(list(override.sweep_string_iterator()))
