"""Weights & Biases mode: whether a run goes to the server."""

import os
from typing import Literal, cast, get_args

from ..errors import AiwaveError

WandbMode = Literal["online", "offline", "disabled"]


def wandb_mode(wished: str | None) -> WandbMode:
    """Return the mode to run Weights & Biases in.

    The first of these that is set: `wished`; the environment variable WANDB_MODE; the mode that `wandb offline` or
    `wandb disabled` stored in wandb's settings; "online" for a user who is logged in; "offline".

    Raises:
        AiwaveError: If the mode is not one of `WandbMode`, or the stored credentials are malformed.
    """
    mode = wished or os.environ.get("WANDB_MODE") or _default_mode()
    if mode not in get_args(WandbMode):
        raise AiwaveError(f"The W&B mode is {mode!r}, but it must be one of {', '.join(get_args(WandbMode))}.")
    return cast(WandbMode, mode)


def _default_mode() -> str:
    """The mode that wandb's own `init` would choose, found without a prompt and without changing wandb's state."""
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
