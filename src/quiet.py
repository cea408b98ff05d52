"""Suppression of other libraries' chatter in the user's terminal."""

import logging
import warnings


def quieten() -> None:
    """Silence notices of Lightning and others that the user cannot act on."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "torch.utils.flop_counter"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*Checkpoint directory .* exists.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*dataloader is not resumable.*",
        ".*number of training batches .* is smaller than the logging interval.*",
        ".*module.s. in eval mode at the start of training.*",
        ".*Detected call of `lr_scheduler.step.*",
    ):
        warnings.filterwarnings("ignore", message)
