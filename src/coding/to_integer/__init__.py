"""From trained models to their exact twins in integers."""
