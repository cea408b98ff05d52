"""Quantisation: steps and their rate, rounding in training, and the trellis of dependent quantisation."""
