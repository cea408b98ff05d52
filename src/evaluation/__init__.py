"""Measuring rate and distortion on whole volumes."""
