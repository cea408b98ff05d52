"""Configuration: schemas of all keys, composing, validation, and the meaning of a run's configuration."""
