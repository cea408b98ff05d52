"""Metadata that a forger wrote: one sentence or an image, no traceback, no warning, nothing that steers a terminal."""

import warnings

import numpy as np
import pytest

from aiwave.api import compress
from aiwave.bitstream.container import open_stream, write_stream
from aiwave.bitstream.metadata import Metadata
from aiwave.bitstream.tile_index import CodedTile, Mode
from aiwave.cli import main
from aiwave.images.image_files import WRITERS

HUGE = "9" * 400
FORGED = [
    *(("slope", value) for value in (HUGE, "1e300", "-1e308", "0", "1e-320", "true", "[1]", "NaN", "1e999")),
    *(("intercept", "1e308"), ("period", "1e300"), ("period", "-1"), ("period", "Infinity"), ("channels", "true")),
    *(
        ("spacing", value)
        for value in ("[0,1,1]", "[1e300,1,1]", "[-1,1,1]", "[1e-300,1e-300,1e-300]", f"[{HUGE},1,1]")
    ),
    *(
        ("origin", "[1e308,1e308,-1e308]"),
        ("direction", "[0,0,0,0,0,0,0,0,0]"),
        ("direction", "[1e300,0,0,0,1,0,0,0,1]"),
    ),
    *(
        ("model", '"\\ud800"'),
        ("model", HUGE),
        ("max_error", "[]"),
        ("max_error", '"\\u001b[31m"'),
        ("\\u001b]0;x", "1"),
    ),
    *(("original", f'"{name}"') for name in ("nifti", "dicom", "tiff", "nrrd", "metaimage", "x")),
    *(("original", "3"), ("a", "[" * 5000 + "]" * 5000)),
]


class Forged(Metadata):
    """Metadata of any text."""

    text = b""

    def _json(self):
        return self.text


@pytest.mark.parametrize("original", [b"", b"abc" * 100], ids=["plain", "with a header"])
@pytest.mark.parametrize(("name", "value"), FORGED, ids=lambda value: value[:20])
def test_forged_metadata(name, value, original, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    header = open_stream(compress(np.zeros((4, 5, 6), "int16"), lossless=True)).header
    metadata = Forged({"any": 1}, original)
    object.__setattr__(metadata, "text", f'{{"{name}":{value}}}'.encode())
    tile = CodedTile([], 0, Mode.CONSTANT)
    (tmp_path / "x.aiw").write_bytes(write_stream(header, metadata, b"", b"", [tile] * header.grid.count))
    commands = [["info", "x.aiw"], ["info", "--json", "x.aiw"], ["decompress", "x.aiw", "dicom"]]
    commands += [["decompress", "x.aiw", f"y{suffix}"] for suffix in WRITERS]
    commands.append(["decompress", "x.aiw", "y.nii", "--level", "1"])
    for command in commands:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            status = main([*command, "--force"] if command[0] == "decompress" else command)
        out, err = capsys.readouterr()
        assert status in (0, 1)
        assert len(err.splitlines()) <= 1
        assert len(err) < 400
        assert all(one.isprintable() or one == "\n" for one in out + err)
        assert status == 0 or (err.startswith("aiwave: ") and err.endswith(".\n"))
    assert not list(tmp_path.glob(".*"))
