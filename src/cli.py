"""The `aiwave` command."""

import sys
from collections.abc import Sequence
from importlib import import_module

from . import __version__
from .errors import AiwaveError, Interrupted

COMMANDS = {
    "train": "train a codec in stages and measure its rate-distortion curve",
    "evaluate": "measure a trained run on its test volumes, or on others",
}

HELP = f"""aiwave {__version__}: learned compression of volumetric biomedical images

usage: aiwave COMMAND [key=value ...]

{{commands}}

`aiwave COMMAND --help` lists what can be set; -m runs every combination of comma-separated values.
For example: aiwave train experiment=quickstart
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, 1 for bad input, 2 for bad usage, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(HELP.format(commands="\n".join(f"  {name:10} {text}" for name, text in COMMANDS.items())))
        return 0
    if given[0] == "--version":
        print(__version__)
        return 0
    if given[0] not in COMMANDS:
        return _complain(f"there is no command {given[0]!r}: choose one of {', '.join(COMMANDS)}.", 2)
    try:
        import_module(f".{given[0]}", __package__).main(given[1:])
    except KeyboardInterrupt:
        return _complain("Interrupted.", 130)
    except Exception as error:
        if (sentence := _user_error(error)) is None:
            raise
        return _complain(sentence, 130 if isinstance(error, Interrupted) else 1)
    return 0


def _complain(sentence: str, status: int) -> int:
    print(f"aiwave: {sentence}", file=sys.stderr)
    return status


def _user_error(error: BaseException | None) -> str | None:
    """What to tell the user, if the error or one that caused it is theirs to mend; None for a defect of ours."""
    from hydra.errors import HydraException, InstantiationException
    from omegaconf.errors import OmegaConfBaseException

    first = error
    while error is not None:
        if isinstance(error, AiwaveError):
            return str(error)
        error = error.__cause__ or error.__context__
    configuration = isinstance(first, HydraException | OmegaConfBaseException)
    if configuration and not isinstance(first, InstantiationException):
        lines = [line.strip() for line in str(first).splitlines() if line.strip()]
        given = getattr(first, "override", None)
        return f"cannot read {given!r}: {lines[0]}." if given else " ".join(lines)
    return None
