"""Write the streams of tests/data, one for each kind of file: `python scripts/make_golden.py`.

They are kept for ever: a program that cannot decode them any more is broken. Never replace one.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "data"
sys.path.insert(0, str(FOLDER.parents[1]))


def main() -> None:
    """Write the streams that are not there yet, with their models in them, and what they decode to."""
    from aiwave.bitstream import compress, decompress

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
    FOLDER.mkdir(exist_ok=True)
    for kind, (volume, options) in cases.items():
        path = FOLDER / f"{kind}.aiw"
        if path.exists():
            print(path.name, "is kept")
            continue
        metadata = {"model": kind, "spacing": [2.0, 0.5, 0.5]}
        data = compress(volume, file_model(kind), metadata=metadata, embed_model=True, model_only=True, **options)
        path.write_bytes(data)
        np.save(path.with_suffix(".npy"), decompress(data))
        print(path.name, len(data), json.dumps(options))


if __name__ == "__main__":
    main()
