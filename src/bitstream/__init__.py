"""The file formats: .aiw streams, written and read, and the model files that both take."""

from .decoder import decompress, info
from .encoder import compress
from .model import Model

__all__ = ["Model", "compress", "decompress", "info"]
