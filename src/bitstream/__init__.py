"""Files: volumes to .aiw streams and back, and the model files that both sides need."""

from .compress import compress
from .decompress import decompress, info
from .model import Model, model_file

__all__ = ["Model", "compress", "decompress", "info", "model_file"]
