"""Compress a small volume in the installed package's own process, and compare what comes back."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def main() -> None:
    """Exit with an error unless a volume comes back bit for bit."""
    z, y, x = np.mgrid[:40, :48, :56]
    noise = np.random.default_rng(0).normal(0, 3, z.shape)
    volume = (2000 + 900 * np.sin(x / 9) * np.cos(y / 7 + z / 11) + noise).astype(np.uint16)
    with tempfile.TemporaryDirectory() as name:
        np.save(Path(name, "in.npy"), volume)
        for command in ("compress in.npy volume.aiw", "info volume.aiw", "decompress volume.aiw out.npy"):
            subprocess.run([sys.executable, "-m", "aiwave", *command.split()], cwd=name, check=True)
        if not np.array_equal(np.load(Path(name, "out.npy")), volume):
            sys.exit("the volume has changed")


if __name__ == "__main__":
    main()
