"""Files: volumes to .aiw streams and back, and the model files that both sides need."""

from .automatic import automatic_model
from .compress import compress
from .decompress import decompress, info
from .find_model import find_model
from .generic import Smaller, smaller_codec
from .model import Model, model_file

__all__ = [
    "Model",
    "Smaller",
    "automatic_model",
    "compress",
    "decompress",
    "find_model",
    "info",
    "model_file",
    "smaller_codec",
]
