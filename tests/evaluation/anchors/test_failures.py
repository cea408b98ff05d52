"""External codecs that are missing, of a wrong version, or fail in any of the ways that programs do."""

import sys
import time

import numpy as np
import pytest

from aiwave.errors import AiwaveError, complaint
from aiwave.evaluation.anchors import AnchorJob, measure
from aiwave.evaluation.anchors.program import find_program, last_line
from tests.anchors import EXTERNAL, anchor, smooth, stub
from tests.evaluation.anchors.test_programs import JP3D, OLD_JP3D, hm, jp3d


@pytest.mark.parametrize(
    ("program", "body", "words"),
    [
        (JP3D[0], "print('one')\nprint('out of memory')\nsys.exit(3)", "ended with status 3: out of memory$"),
        (JP3D[0], "print('This option is not valid')", "wrote no output.jp3d: This option is not valid$"),
        (JP3D[0], "Path('output.jp3d').write_bytes(b'')", "wrote no output.jp3d: it printed nothing.$"),
        (JP3D[1], "import os\nos.kill(os.getpid(), 11)", "ended with status -11"),
        (JP3D[1], "Path('output.bin').write_bytes(b'x' * 1153)", "decoded to 1153 bytes instead of 1152.$"),
        (JP3D[1], "print('half', flush=True)\n__import__('time').sleep(60)", "stopped after 2 s: half$"),
    ],
)
def test_a_program_that_fails_is_quoted(tmp_path, program, body, words):
    jp3d(tmp_path)
    told = OLD_JP3D if program == JP3D[0] else ""
    stub(tmp_path, program, told + body)
    started = time.perf_counter()
    job = AnchorJob("set", "a", smooth((4, 16, 18), np.uint8, 255), anchor("jp3d", tmp_path, timeout=2), 2.0, 255.0)
    with pytest.raises(AiwaveError, match=words):
        measure(job)
    assert time.perf_counter() - started < 15


def test_a_program_that_hangs_takes_its_children_along(tmp_path):
    mark = tmp_path / "mark"
    child = f"sleep 3; touch {mark}"
    jp3d(tmp_path)
    stub(tmp_path, JP3D[1], f"import subprocess\nsubprocess.run(['sh', '-c', {child!r}])")
    with pytest.raises(AiwaveError, match="stopped after"):
        anchor("jp3d", tmp_path, timeout=2).code(smooth((4, 16, 18), np.uint8, 255), 2)
    time.sleep(1.5)
    assert not mark.exists()


@pytest.mark.parametrize("name", EXTERNAL)
def test_a_missing_program_says_where_it_was_looked_for(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATH", str(tmp_path))
    codec = anchor(name)
    variable = codec.programs["variable"]
    monkeypatch.delenv(variable, raising=False)
    there = codec.availability()
    assert not there.available
    assert f"is not in PATH: set {variable} to the folder" in there.where
    assert codec.about["source"] in there.where
    with pytest.raises(AiwaveError, match=f"set {variable}"):
        codec.code(smooth((2, 16, 16), np.uint8, 255), 2)


def test_programs_are_found_by_configuration_then_environment_then_path(tmp_path, monkeypatch):
    places = [tmp_path / name for name in ("configured", "told", "path")]
    for place in places:
        stub(place, "codec", "")
    monkeypatch.setenv("AIWAVE_X", str(places[1]))
    monkeypatch.setenv("PATH", str(places[2]))
    assert find_program(["codec"], str(places[0]), "AIWAVE_X").parent == places[0]
    assert find_program(["other", "codec"], None, "AIWAVE_X").parent == places[1]
    monkeypatch.delenv("AIWAVE_X")
    assert find_program(["codec"], None, "AIWAVE_X").parent == places[2]
    (places[2] / "codec").chmod(0o644)
    with pytest.raises(AiwaveError, match="codec is not in PATH"):
        find_program(["codec"], None, "AIWAVE_X")


@pytest.mark.parametrize(("version", "words"), [("15.0", "is 15.0"), ("", "does not report")])
def test_a_wrong_version_is_refused(tmp_path, version, words):
    codec = hm(tmp_path, version=version)
    with pytest.raises(AiwaveError, match=f"needs version 16. of TAppEncoderStatic, and .* {words}"):
        codec.code(smooth((2, 16, 16), np.uint8, 255), 10)
    assert not codec.availability().available
    (tmp_path / "right").mkdir()
    there = hm(tmp_path / "right").availability()
    assert there.version == "16.15"
    assert there.where.endswith("right, for 8 bits only")
    hm(tmp_path / "right", suffix="HighBitDepth")
    assert anchor("hevc", tmp_path / "right").availability().where.endswith("right")


def test_x265_without_its_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    codec = anchor("x265")
    there = codec.availability()
    assert not there.available
    assert "pip install 'aiwave[anchors]'" in there.where
    with pytest.raises(ModuleNotFoundError) as missing:
        codec.code(smooth((2, 40, 40), np.uint8, 255), 30)
    assert complaint(missing.value) == "This needs av, which is not installed: run pip install 'aiwave[anchors]'."


def test_hm_without_its_configuration_says_so(tmp_path):
    codec = hm(tmp_path)
    (tmp_path / "encoder_randomaccess_main_rext.cfg").unlink()
    with pytest.raises(AiwaveError, match=r"encoder_randomaccess_main_rext.cfg is not beside"):
        codec.code(smooth((2, 16, 16), np.uint8, 255), 10)


def test_a_template_with_an_unknown_name_says_so(tmp_path):
    codec = jp3d(tmp_path)
    codec.settings["decode"] = "$decoder -i $inptu"
    with pytest.raises(AiwaveError, match=r"settings.decode of jp3d cannot be filled in: 'inptu'"):
        codec.code(smooth((2, 16, 16), np.uint8, 255), 2)


def test_the_last_line_is_that_with_something_in_it():
    assert last_line("one\n\x1b[1mtwo\x1b[0m\r\n  \n") == "[1mtwo [0m"
    assert last_line("") == "it printed nothing."
