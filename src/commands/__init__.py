"""Commands that are not Hydra applications: files in, files out."""
