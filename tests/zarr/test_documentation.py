"""What the documentation of the codec says."""

import json
import re
from pathlib import Path

import pytest

from aiwave.zarr import AiwaveCodec

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_example_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "zarr.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "zarr.md", "exec"), {})
    assert (tmp_path / "cells.zarr/zarr.json").is_file()


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
