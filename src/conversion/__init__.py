"""Conversion of arrays of any size to OME-Zarr with a pyramid, in parts that are done once, here or on a cluster."""
