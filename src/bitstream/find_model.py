"""The codec of a run as a model file."""

from pathlib import Path

from .model import model_file


def run_model_file(
    path: Path, after: str | None = None, name: str | None = None, lossless: bool | None = None
) -> bytes:
    """The codec of a run's folder, or of a checkpoint in it, as the bytes of a model file (see `model_file`).

    It is that of the last stage that is finished, or of the stage `after`. Raises AiwaveError as `find_model` does.
    """
    from ..runs.run_folder import RunFolder, last_finished
    from ..training.restore import checkpoint_codec, trained_codec

    if path.is_dir():
        folder = RunFolder(path)
        cfg = folder.read_config()
        codec = trained_codec(cfg, folder, last_finished(cfg, folder, after))
    else:
        folder = RunFolder(path.absolute().parent.parent.parent)
        cfg = folder.read_config()
        codec = checkpoint_codec(cfg, path)
    return model_file(codec, name or str(cfg.name), lossless)
