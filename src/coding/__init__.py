"""Exact coding: the lossless transform and the densities in integers, wavefronts, range coding."""
