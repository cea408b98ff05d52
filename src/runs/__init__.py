"""Runs: their folders, their status, their origin, and how they are told apart."""
