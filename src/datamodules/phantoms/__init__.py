"""Phantoms: synthetic volumes that resemble electron microscopy and CT."""
