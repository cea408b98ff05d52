"""The `aiwave` command."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from . import __version__
from .commands import COMMANDS
from .config.trust import split, trusting
from .errors import Interrupted, complaint, printable

HELP = f"""aiwave {__version__}: learned compression of volumetric biomedical images

usage: aiwave COMMAND [key=value ...]
       aiwave COMMAND IN OUT [--option ...]

{{commands}}

`aiwave COMMAND --help` lists what can be set; -m runs every combination of comma-separated values.
trust=MODULE, on the command line alone, lets a configuration name classes of a module of your own.
For example: aiwave train experiment=quickstart, aiwave compress brain.nii.gz brain.aiw --model RUN --psnr 45
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
        return _fail(f"there is no command {given[0]!r}: choose one of {', '.join(COMMANDS)}.", 2)
    try:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait must not hold up a busy machine
        rest, modules = split(given[1:])
        with trusting(modules):
            import_module(f".commands.{given[0]}", __package__).main(rest)
    except SystemExit as done:  # argparse has said why
        return int(done.code or 0)
    except KeyboardInterrupt:
        return _fail("Interrupted.", 130)
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if (sentence := complaint(error)) is None:
            raise
        return _fail(sentence, 130 if isinstance(error, Interrupted) else 1)
    return 0


def _fail(sentence: str, status: int) -> int:
    print(f"aiwave: {printable(sentence)}", file=sys.stderr)
    return status
