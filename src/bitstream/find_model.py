"""The model that a user names."""

from pathlib import Path

from ..errors import AiwaveError
from .model import Model, model_file
from .shipped import shipped_model

SUFFIX = ".aiwm"
LIMIT = 1 << 30


def find_model(model: Model | str | Path) -> Model:
    """Load a ready-made model by its name, a model file, or the codec of a run's folder or checkpoint.

    A loaded model is returned as it is. Raises AiwaveError if there is none, or it is damaged or cannot write files.
    """
    if isinstance(model, Model):
        return model
    path = Path(model).expanduser()
    if not path.exists() and path.name == str(model) and not path.suffix:
        return shipped_model(path.name)
    if path.is_dir() or path.suffix == ".ckpt":
        return Model.from_bytes(run_model_file(path))
    try:
        if path.stat().st_size > LIMIT:
            raise AiwaveError(f"{path} is too large to be a model file: give one that aiwave export wrote.")
        data = path.read_bytes()
    except OSError as error:
        raise AiwaveError(f"The model {path} cannot be read: {error.strerror}.") from error
    try:
        return Model.from_bytes(data)
    except AiwaveError as error:
        raise AiwaveError(f"{path}: {error}") from error


def run_model_file(
    path: Path, after: str | None = None, name: str | None = None, lossless: bool | None = None
) -> bytes:
    """The codec of a run's folder, or of a checkpoint in it, as the bytes of a model file (see `model_file`).

    It is that of the last stage that is finished, or of the stage `after`. Raises AiwaveError as `find_model` does.
    """
    from ..training import RunFolder, last_finished, trained_codec
    from ..training.restore import checkpoint_codec

    if path.is_dir():
        folder = RunFolder(path)
        cfg = folder.read_config()
        codec = trained_codec(cfg, folder, last_finished(cfg, folder, after))
    else:
        folder = RunFolder(path.absolute().parent.parent.parent)
        cfg = folder.read_config()
        codec = checkpoint_codec(cfg, path)
    return model_file(codec, name or str(cfg.name), lossless)
