"""Figures of merit of lossy volume compression: of voxels as torchmetrics classes, of whole curves as functions."""
