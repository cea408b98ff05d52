"""Write the streams of tests/data, one for each kind of file: `python scripts/make_golden.py`.

They are kept for ever: a program that cannot decode them any more is broken. Never replace one.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "data"
sys.path.insert(0, str(FOLDER.parents[1]))


def main() -> None:
    """Write the streams that are not there yet, with their models in them, and what they decode to."""
    textured, file_model = import_module("tests.conftest").textured, import_module("tests.files").file_model
    small = textured((9, 10, 11), 0)
    cases: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "lossless": (small.astype(np.int16) * 5 - 700, {"lossless": True, "tile": 8}),
        "lossy": (small, {"step": 4.0, "tile": 8}),
        "plain": (np.stack([small, small[::-1]]), {"step": 2.0}),
        "learned": (small[:, ::-1].copy(), {"lossless": True, "tile": 8}),
        "sections": (small[::-1].copy(), {"lossless": True, "tile": 8}),
        "dependent": (small[:, :, ::-1].copy(), {"step": 5.0, "tile": 8}),
        "oriented": (small[::-1, ::-1].copy(), {"step": 4.0, "tile": 8}),
        "trellis": (small[::-1, :, ::-1].copy(), {"step": 3.0, "tile": 8}),
    }
    for kind, (volume, options) in cases.items():
        metadata = {"model": kind, "spacing": [2.0, 0.5, 0.5]}
        _write(FOLDER / f"{kind}.aiw", volume, file_model(kind), metadata=metadata, model_only=True, **options)
    steps = np.repeat(np.repeat(np.arange(27, dtype=np.int16).reshape(3, 3, 3), 3, axis=1), 6, axis=2)
    mixed = np.concatenate([np.full((8, 9, 18), -1000, np.int16), np.tile(steps, (3, 1, 1))[:8], _textured_slab(small)])
    some = small.astype(np.float32) / 8
    some[:2, 3] = np.nan
    many = np.random.default_rng(0).normal(size=(41, 41, 41)).astype(np.float32)
    around = small.astype(np.int16) * 4
    around[:, :, 7:], around[:3, :4] = -2000, -1000
    header: dict[str, Any] = {"original": b"a header" * 9, "metadata": {"original": "nrrd"}}
    types: dict[str, tuple[np.ndarray, str, dict[str, Any]]] = {
        "mixed": (mixed, "lossy", {"step": 2.0, "tile": 8, **header}),
        "ranks": (some, "lossless", {"lossless": True, "tile": 8}),
        "planes": (many, "lossless", {"lossless": True, "tile": 24}),
        "scaled": (np.where(np.isnan(some), np.inf, some), "lossy", {"step": 0.5, "tile": 8}),
        "padded": (around, "lossy", {"step": 8.0, "tile": 8}),
        "padded_floats": (
            np.where(around < 0, around, around * 0.3).astype(np.float32),
            "lossy",
            {"step": 3.0, "tile": 8},
        ),
        "whole": (small.astype(np.int64) + 10**9, "lossless", {"lossless": True, "tile": 8}),
        "corrected": (small.astype(np.uint16) * 9, "lossy", {"max_error": 12, "tile": 8, "model_only": True}),
        "within": (small, "lossless", {"max_error": 2, "tile": 8}),
        "repeated": (np.stack([small, small[::-1], small]), "lossy", {"step": 4.0, "tile": 8}),
        "voxels": (small.astype(np.int16) - 90, "voxels", {"lossless": True, "tile": 8}),
    }
    for name, (volume, kind, options) in types.items():
        _write(FOLDER / "types" / f"{name}.aiw", volume, file_model(kind), **options)


def _textured_slab(small: np.ndarray) -> np.ndarray:
    """A slab (8, 9, 18) that only the model codes well."""
    slab = small[:8, :9, :9].astype(np.int16)
    return np.concatenate([slab, slab[:, ::-1]], axis=2)


def _write(path: Path, volume: np.ndarray, model: Any, **options: Any) -> None:
    """Write a stream with its model and what it decodes to, unless it is there already."""
    from aiwave.bitstream import compress, decompress

    if path.exists():
        print(path.name, "is kept")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    data = compress(volume, model, embed_model=True, **options)
    path.write_bytes(data)
    np.save(path.with_suffix(".npy"), decompress(data))
    print(path.name, len(data))


if __name__ == "__main__":
    main()
