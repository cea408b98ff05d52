"""The wavelet-like transform: wavelets, lifting with trained networks, and their separable use in three dimensions."""
