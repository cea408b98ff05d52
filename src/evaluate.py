"""`aiwave evaluate`: the rate-distortion curve of a trained run, on its own test volumes or on others."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from .app import run_application


def main(arguments: Sequence[str]) -> None:
    """The command, given what follows its name. Raises AiwaveError for bad input."""
    run_application("evaluate", evaluate, arguments)


def evaluate(cfg: DictConfig, output: str, overrides: list[str]) -> None:
    """Rebuild the codec of `cfg.run` from the run's stored configuration; write rd.csv and rd.png; print the table.

    Results go to `cfg.out`; by default into the run's folder, or that of the stage or data set asked for inside it.

    Raises:
        AiwaveError: If the run or the data cannot be used.
    """
    from hydra.utils import instantiate

    from .evaluation import evaluate_codec, print_results
    from .quiet import quieten
    from .schema import EvaluateConfig, TrainConfig, validate
    from .training import RunFolder, trained_codec

    quieten()
    validate(cfg, EvaluateConfig)
    folder = RunFolder(cfg.run)
    trained = folder.read_config()
    validate(trained, TrainConfig)
    codec = trained_codec(trained, folder, cfg.after)
    data = instantiate(cfg.get("dataset") or trained.dataset)
    data.setup("test")
    target = Path(cfg.out) if cfg.out else _target(folder.path, cfg)
    tracker = instantiate(cfg.logger)
    group = folder.group(trained.name)
    rows = evaluate_codec(codec, data, target, tracker, group, folder.record(), cfg.qualities, cfg.tile)
    print_results(rows, target, tracker)


def _target(run: Path, cfg: DictConfig) -> Path:
    folder = run / "stages" / cfg.after if cfg.after else run
    return folder / cfg.dataset.name if cfg.get("dataset") else folder
