"""`aiwave train`: run a schedule of training stages and measure its result."""

from collections.abc import Sequence

from omegaconf import DictConfig

from .app import run_application


def main(arguments: Sequence[str]) -> None:
    """The command, given what follows its name. Raises AiwaveError for bad input."""
    run_application("train", train, arguments)


def train(cfg: DictConfig, output: str, overrides: list[str]) -> None:
    """Train as `cfg` says, into the folder `output` (or go on in `cfg.resume`); evaluate; say where everything lies.

    Raises:
        AiwaveError: If the configuration, the data or a checkpoint cannot be used.
        Interrupted: On Ctrl-C; the run can be resumed.
    """
    from hydra.utils import instantiate

    from .evaluation import evaluate_codec, print_results
    from .quiet import quieten
    from .training import RunFolder, prepare_new, prepare_resumed, run_schedule, trained_codec

    quieten()
    folder = RunFolder(cfg.resume or output)
    cfg, data = prepare_resumed(folder) if cfg.resume else prepare_new(cfg, folder, overrides)
    tracker = instantiate(cfg.logger)
    run_schedule(cfg, folder, data, tracker)
    if cfg.evaluate:
        codec = trained_codec(cfg, folder)
        rows = evaluate_codec(codec, data, folder.path, tracker, folder.group(cfg.name), folder.record())
        print_results(rows, folder.path, tracker)
