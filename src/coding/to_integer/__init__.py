"""Conversion of trained models to their exact integer twins."""
