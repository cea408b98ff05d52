"""Running a function as a Hydra application inside this program."""

import os
import sys
from collections.abc import Callable, Sequence

from omegaconf import DictConfig

from .errors import AiwaveError, Interrupted

MULTIRUN = ("-m", "--multirun")

Application = Callable[[DictConfig, str, list[str]], None]


def run_application(name: str, function: Application, arguments: Sequence[str]) -> None:
    """Compose `conf/<name>.yaml` with the command line's overrides and call `function` for every job.

    The function gets the configuration, the job's output folder and its overrides. A job that fails does not stop
    those after it.

    Raises:
        Exception: What the only job raised, as it was.
        AiwaveError: If some of several jobs failed; says how many and why the first did.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig

    jobs = 0
    failures: list[tuple[str, Exception]] = []

    def job(cfg: DictConfig) -> None:
        nonlocal jobs
        jobs += 1
        run = HydraConfig.get()
        overrides = list(run.overrides.task)
        try:
            function(cfg, run.runtime.output_dir, overrides)
        except Interrupted as error:
            failures.append((" ".join(overrides), error))
            raise KeyboardInterrupt from error  # stops the jobs after it, too
        except Exception as error:
            failures.append((" ".join(overrides), error))

    flags = [given for given in arguments if given in MULTIRUN]  # the parser wants them before the overrides
    sys.argv = [f"aiwave {name}", *flags, *(given for given in arguments if given not in MULTIRUN)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through: the command line words them
    try:
        hydra.main(version_base="1.3", config_path="pkg://aiwave.conf", config_name=name)(job)()
    except KeyboardInterrupt as stop:
        raise (failures[-1][1] if failures else stop) from None
    if jobs == 1 and failures:
        raise failures[0][1]
    if failures:
        overrides, error = failures[0]
        raise AiwaveError(f"{len(failures)} of {jobs} jobs failed, the first ({overrides}) because: {error}") from error
