"""Runs: their folders, status, provenance and identity."""
