"""Files: volumes to .aiw streams and back, and the model files that both sides need."""

from .decoder import decompress, info
from .encoder import compress
from .model import Model, model_file

__all__ = ["Model", "compress", "decompress", "info", "model_file"]
