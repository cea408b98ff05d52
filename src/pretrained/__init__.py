"""Ready-made models: their cards, their files, and the one that suits a volume."""
