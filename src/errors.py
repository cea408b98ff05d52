"""Errors: user mistakes, reported in one sentence, as opposed to defects, which keep their traceback."""

import sys
from io import TextIOWrapper

EXTRAS = {
    "train": (
        "bjontegaard constriction hydra joblib matplotlib monai omegaconf PIL pytorch_lightning scipy tensorboard "
        "torch torchmetrics wandb yaml"
    ),
    "anchors": "av",
    "fetch": "requests tensorstore",
    "slurm": "submitit",
    "ray": "ray",
    "search": "optuna",
    "zarr": "zarr numcodecs",
    "minc": "h5py",
    "convert": "distributed dask",
    "mlflow": "mlflow",
}
"""Modules by the extra that installs them, `pip install 'aiwave[EXTRA]'`; coding files needs none of them."""


class AiwaveError(Exception):
    """Bad input. The message is one sentence: what was wrong, where, and what to do.

    The command line prints it without a traceback and exits with status 1.
    """


class Interrupted(AiwaveError):
    """Ctrl-C, or SIGTERM while training. Finished work is kept; the message says how to continue."""


LONGEST = 2000
"""Characters of a message; more is a file's content, or a list of files, that nobody reads."""


def printable(text: str, longest: int = LONGEST) -> str:
    """The text on one line that a terminal can show as it is, whoever wrote it: control characters are escaped.

    What is longer than `longest` characters loses its middle.
    """
    if len(text) > longest:
        text = f"{text[: longest // 2]} … {text[-longest // 2 :]}"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def escape_output() -> None:
    """Let standard output escape what its encoding lacks, as standard error does: names of files may hold anything."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def complaint(error: BaseException) -> str | None:
    """One-sentence message for an error that the user can fix; None for a defect, which deserves its traceback."""
    for cause in _chain(error):
        if isinstance(cause, AiwaveError):
            return str(cause).rpartition("AiwaveError: ")[2].strip()  # a loader's worker sends its traceback before it
        if isinstance(cause, MemoryError):
            return "There is not enough memory: close other programs, or give a smaller volume, tile or batch."
        if isinstance(cause, ModuleNotFoundError) and (extra := _extra_of(cause.name or "")):
            return f"This needs {cause.name}, which is not installed: run pip install 'aiwave[{extra}]'."
    if "hydra" in sys.modules and (sentence := _of_hydra(error)):
        return sentence
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    if type(error).__name__ == "MisconfigurationException":  # Lightning's, without importing it
        return str(error).splitlines()[0]
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and its causes."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _extra_of(module: str) -> str | None:
    """The extra that installs a module; None for a module of every installation."""
    package = module.partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if package in modules.split()), None)


def _of_hydra(error: BaseException) -> str | None:
    """Message for an error of Hydra or OmegaConf about its input; None for any other error."""
    from hydra.errors import HydraException, InstantiationException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, InstantiationException):
        return _not_built(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        lines = _lines(error)
        given = getattr(error, "override", None)
        return f"cannot read {given!r}: {lines[0]}." if given else " ".join(lines)
    return None


def _lines(error: Exception) -> list[str]:
    """The lines of an error's message, without blank lines, indentation and Hydra's search path."""
    said = str(error).partition("Config search path:")[0]
    return [line.strip() for line in said.splitlines() if line.strip()]


def _not_built(error: Exception) -> str | None:
    """Message for a component that Hydra could not build; None unless its arguments are to blame."""
    cause = error.__cause__
    if cause is not None and not isinstance(cause, ValueError | TypeError | ImportError | AttributeError):
        return None
    lines = _lines(error)
    key = next((line.split(": ", 1)[1] for line in lines if line.startswith("full_key: ")), "the configuration")
    reason = str(cause).splitlines()[0] if cause is not None else lines[0]
    return f"{key} cannot be used: {reason.rstrip('.')}."
