"""Running a function as a Hydra application inside this program."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ..config.composing import as_text, expand_glob, unknown
from ..errors import AiwaveError, Interrupted, complaint
from ..sweeps.sweep_arguments import MULTIRUN

if TYPE_CHECKING:
    from ..config.node import Node

Application = Callable[[DictConfig, Path | None, list[str]], None]


def run_application(
    name: str, function: Application, schema: Callable[[], "type[Node]"], arguments: Sequence[str]
) -> list[Path]:
    """Compose `conf/<name>.yaml` with the command line's overrides and call `function` for every job.

    `function` receives the configuration, the job's folder in a sweep, and the overrides. A failed job does not stop
    the jobs after it. `schema` provides the keys to suggest for one that does not exist.

    Returns:
        The folders of a sweep's jobs; an empty list for a single job.

    Raises:
        Exception: The exception of a single job, unchanged, or a defect met by a job of a sweep.
        AiwaveError: If the overrides do not compose, if a glob matches no option, or if jobs of a sweep failed: the
            message says how many, and why the first did.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import ConfigCompositionException
    from hydra.types import RunMode

    folders: list[Path] = []
    failures: list[tuple[str, Exception]] = []

    def job(cfg: DictConfig) -> None:
        run = HydraConfig.get()
        overrides = list(run.overrides.task)
        folder = Path(run.runtime.output_dir) if run.mode == RunMode.MULTIRUN else None
        if folder is not None:
            folders.append(folder)
        try:
            function(cfg, folder, overrides)
        except Interrupted as error:
            failures.append((" ".join(overrides), error))
            raise KeyboardInterrupt from error  # also stops the jobs after it
        except Exception as error:
            failures.append((" ".join(overrides), error))

    arguments = [as_text(expand_glob(given), schema) for given in arguments]
    flags = [given for given in arguments if given in MULTIRUN]  # the parser wants them before the overrides
    sys.argv = [f"aiwave {name}", *flags, *(given for given in arguments if given not in MULTIRUN)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through: the command line words them
    try:
        hydra.main(version_base="1.3", config_path="pkg://aiwave.conf", config_name=name)(job)()
    except KeyboardInterrupt as stop:
        raise (failures[-1][1] if failures else stop) from None
    except ConfigCompositionException as error:
        raise unknown(error, name, arguments, schema) from error
    except ValueError as error:  # of Hydra's: those of the jobs are kept above
        raise AiwaveError(f"The overrides {' '.join(arguments)!r} cannot be read: {error}.") from error
    _report(failures, len(folders))
    return folders


def _report(failures: Sequence[tuple[str, Exception]], jobs: int) -> None:
    for _, error in failures:
        if jobs == 0 or complaint(error) is None:
            raise error
    if failures:
        overrides, error = failures[0]
        reason = complaint(error)
        raise AiwaveError(
            f"{len(failures)} of {jobs} jobs failed, the first ({overrides}) because: {reason}"
        ) from error
