"""Figures of merit of lossy volume compression: of single volumes, and of whole curves."""
