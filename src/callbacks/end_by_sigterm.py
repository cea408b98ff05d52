"""The end of a stage by SIGTERM."""

import signal
import threading
from typing import Any

import pytorch_lightning as pl


class EndBySigterm(pl.Callback):
    """Treats SIGTERM like Ctrl-C: the run ends and can be resumed.

    Lightning's own handler ends a single process with an error of its own, and several wait for each other in the
    middle of a collective operation, and hang.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Replace the handler; Lightning restores the previous one when the fit ends."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
