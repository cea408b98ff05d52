"""Orderly termination of one of several processes."""

import signal
from typing import Any

import pytorch_lightning as pl


class EndTogether(pl.Callback):
    """Treats SIGTERM like Ctrl-C if there are several processes: the run ends and can be resumed.

    Lightning's own handler waits for the other processes in the middle of a collective operation, and hangs.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Replace the handler; Lightning restores the previous one when the fit ends."""
        if trainer.world_size > 1:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
