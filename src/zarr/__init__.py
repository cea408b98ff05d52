"""Zarr: the codec for arrays whose chunks are volumes, for zarr-python 3 and, by numcodecs, for format 2."""

from .array_codec import AiwaveCodec
from .v2_codec import AiwaveV2

__all__ = ["AiwaveCodec", "AiwaveV2"]
