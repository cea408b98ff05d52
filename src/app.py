"""Running a function as a Hydra application inside this program."""

import os
import sys
from collections.abc import Callable, Sequence

from omegaconf import DictConfig

Application = Callable[[DictConfig, str, list[str]], None]


def run_application(name: str, function: Application, arguments: Sequence[str]) -> None:
    """Compose `conf/<name>.yaml` with the command line's overrides and call `function` for every job.

    The function gets the configuration, the job's output folder and its overrides. Exceptions come out as they are.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig

    def job(cfg: DictConfig) -> None:
        run = HydraConfig.get()
        function(cfg, run.runtime.output_dir, list(run.overrides.task))

    sys.argv = [f"aiwave {name}", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through: the command line words them
    hydra.main(version_base="1.3", config_path="pkg://aiwave.conf", config_name=name)(job)()
