"""Start of a Weights & Biases run that leaves the console, the source code and other runs alone."""

from typing import TYPE_CHECKING, Any

from pytorch_lightning.utilities import rank_zero_warn

from ..errors import AiwaveError
from .wandb_mode import WandbMode, wandb_mode

if TYPE_CHECKING:
    from wandb import Run

INIT_TIMEOUT_S = 60.0
FINISH_TIMEOUT_S = 600.0  # wandb waits forever by default; whatever is not uploaded by then stays on disk


def start_run(wished: str | None, **arguments: Any) -> tuple["Run", str]:
    """Start a run.

    Args:
        wished: Mode of the run; None to let `wandb_mode` choose, and to fall back to offline if that fails.
        arguments: Arguments of `wandb.init`.

    Returns:
        The run, and its address if online or its folder if offline.

    Raises:
        AiwaveError: If a run is already open, or wandb refuses to start one.
    """
    import wandb

    if wandb.run is not None:
        raise AiwaveError("A W&B run is already open in this process; end it with wandb.finish() first.")
    mode = wandb_mode(wished)
    try:
        return _start(mode, **arguments)
    except wandb.errors.CommError as error:
        # the failed run keeps its identity occupied until wandb's service restarts
        wandb.teardown()
        if wished is not None:
            raise AiwaveError(f"W&B cannot start a run: {_first_line(error)}.") from error
        rank_zero_warn(f"W&B cannot be reached, so this run stays offline: {_first_line(error)}.")
        return _start("offline", **arguments)
    except wandb.errors.Error as error:
        raise AiwaveError(f"W&B cannot start a run: {_first_line(error)}.") from error


def _start(mode: WandbMode, **arguments: Any) -> tuple["Run", str]:
    import wandb

    settings = wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        finish_timeout=FINISH_TIMEOUT_S,
        init_timeout=INIT_TIMEOUT_S,
        quiet=True,
        save_code=False,
        silent=True,
    )
    run = wandb.init(mode=mode, resume="allow", settings=settings, **arguments)
    # the steps of the Trainer, as WandbLogger defines them for its own runs
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    # asking an offline run for its address prints a warning
    address = run.url if mode == "online" else None
    folder = "" if mode == "disabled" else str(run.settings.sync_dir)
    return run, address or folder


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".:")
