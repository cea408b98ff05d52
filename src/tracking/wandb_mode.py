"""Weights & Biases mode: whether a run goes to the server."""

import os
from typing import Literal, cast, get_args

from ..errors import AiwaveError

WandbMode = Literal["online", "offline", "disabled"]


def wandb_mode(wished: str | None) -> WandbMode:
    """Return how to run Weights & Biases.

    The first of these that is there: `wished`; the environment variable WANDB_MODE; what `wandb offline` or
    `wandb disabled` left in wandb's settings; "online" for a user who is logged in; "offline".

    Raises:
        AiwaveError: If the wish is none of these, or the stored credentials are malformed.
    """
    mode = wished or os.environ.get("WANDB_MODE") or _default_mode()
    if mode not in get_args(WandbMode):
        raise AiwaveError(f"The W&B mode is {mode!r}, but it can be one of {', '.join(get_args(WandbMode))}.")
    return cast(WandbMode, mode)


def _default_mode() -> str:
    """Ask wandb itself, as its `init` would, but without a prompt and without changing its state."""
    from wandb.errors import AuthenticationError
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib.wbauth import authenticate_session

    settings = wandb_setup.singleton().settings
    if settings.mode != "online":
        return settings.mode
    try:
        credentials = authenticate_session(host=settings.base_url, source="aiwave", prompt=False, update_session=False)
    except AuthenticationError as error:
        raise AiwaveError(f"W&B credentials are unusable: {str(error).rstrip('.')}.") from error
    return "online" if credentials else "offline"
