"""Rate-distortion results as tables, figures and one interactive page."""
