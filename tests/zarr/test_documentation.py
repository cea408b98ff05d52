"""What the documentation of the codec says."""

import json
import re
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from aiwave.cli import main
from aiwave.zarr import AiwaveCodec

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_examples_run(tmp_path, monkeypatch):
    look, code = re.findall(r"```python\n(.*?)```", (DOCS / "zarr.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "zarr.md", "exec"), {})
    assert (tmp_path / "cells.zarr/zarr.json").is_file()
    assert main(["convert", "cells.zarr", "brain.zarr", "--codec", "zstd", "--chunk", "24", "--workers", "1"]) == 0
    napari = Mock()
    monkeypatch.setitem(sys.modules, "napari", napari)
    exec(compile(look, "zarr.md", "exec"), {})
    (levels,), options = napari.view_image.call_args
    assert [level.shape for level in levels] == [(96,) * 3, (48,) * 3, (24,) * 3]
    assert options == {"multiscale": True}


@pytest.mark.parametrize("mode", ["lossless", {"step": 2.5}, {"psnr": 40}, {"max_error": 3}])
def test_metadata_fits_the_schema(mode):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((DOCS / "codecs/aiwave/schema.json").read_text())
    jsonschema.validate(AiwaveCodec("em_lossless", mode).to_dict(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(AiwaveCodec("auto", mode).to_dict(), schema)


def test_the_example_of_the_specification_is_a_codec():
    (text,) = re.findall(r"```json\n(.*?)```", (DOCS / "codecs/aiwave/README.md").read_text(), flags=re.DOTALL)
    assert AiwaveCodec.from_dict(json.loads(text)).to_dict() == json.loads(text)
