"""The `aiwave` command."""

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from . import __version__
from .commands import COMMANDS
from .config.trust import split, trusting
from .errors import AiwaveError, Interrupted, complaint, escape_output, printable

HELP = f"""aiwave {__version__}: learned compression of volumetric biomedical images

usage: aiwave COMMAND [key=value ...]
       aiwave COMMAND IN OUT [--option ...]

{{commands}}

`aiwave COMMAND --help` lists what can be set; -m runs every combination of comma-separated values.
trust=MODULE, on the command line alone, lets a configuration name classes of a module of your own.
For example: aiwave train experiment=quickstart, aiwave compress brain.nii.gz brain.aiw --model RUN --bpp 1
"""


UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Errors of a full or broken device; files have a sentence of their own, so it is that of standard output."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, 1 for bad input, 2 for bad usage, 130 after Ctrl-C, and after
    SIGTERM while training."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        escape_output()
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait must not hold up a busy machine
        return _run(given)
    except KeyboardInterrupt:
        return _fail("Interrupted.", 130)
    except BrokenPipeError:  # the reader of our output has closed it
        _discard_output()
        return 141
    except Exception as error:
        if (sentence := complaint(error)) is None:
            raise
        return _fail(sentence, 130 if isinstance(error, Interrupted) else 1)


def _run(given: Sequence[str]) -> int:
    """Run a command, flush its output and return its status. Raises AiwaveError if the output cannot be written."""
    status = 0
    try:
        if not given or given[0] in ("-h", "--help", "help"):
            print(HELP.format(commands="\n".join(f"  {name:10} {text}" for name, text in COMMANDS.items())))
        elif given[0] == "--version":
            print(__version__)
        elif given[0] not in COMMANDS:
            status = _fail(f"there is no command {given[0]!r}: choose one of {', '.join(COMMANDS)}.", 2)
        else:
            rest, modules = split(given[1:])
            with trusting(modules):
                import_module(f".commands.{given[0]}", __package__).main(rest)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as done:  # argparse has said why
        status = int(done.code or 0)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        raise AiwaveError(f"Cannot write the output: {error.strerror}.") from error
    return status


def _discard_output() -> None:
    """Drop what standard output still holds, which Python would try to write at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str, status: int) -> int:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _discard_output()
    with suppress(OSError):
        print(f"aiwave: {printable(sentence)}", file=sys.stderr)
    return status
