"""aiWave: volumetric image compression with a 3-D trained affine wavelet-like transform."""

__version__ = "0.1.0"
