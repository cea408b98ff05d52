"""From the parts of a trained codec to the integer parts that code."""
