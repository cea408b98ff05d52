"""The word about a generic codec that would have been smaller; lossless where no quality is asked for."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from aiwave.api import compress, decompress
from aiwave.bitstream.container import open_stream
from aiwave.bitstream.tile_index import Mode
from aiwave.cli import main
from aiwave.errors import AiwaveError
from aiwave.evaluation.anchors.smaller_codec import find_smaller, smaller_codec
from aiwave.pretrained import card
from aiwave.pretrained.card import Card
from aiwave.pretrained.choice import shipped_model
from tests.anchors import smooth
from tests.conftest import textured
from tests.files import file_model, noise, psnr

KNOWN = textured((24, 24, 24), 9)
QUALITIES = [{"lossless": True}, {"step": 3.0}, {"psnr": 45.0}]
NOTE = "fewer bytes here (measured on the only tile that it codes)"


def blocks(shape=(24, 24, 24)):
    """Three grey values in large boxes, as labels are."""
    volume = np.zeros(shape, np.uint8)
    volume[3:9] = 90
    volume[6:18, 4:20, 5:19] = 200
    return volume


def looked_at(volume, kind="lossless", **quality):
    data = compress(volume, file_model(kind), model_only=True, **quality)
    return smaller_codec(volume, data, file_model(kind))


@pytest.mark.parametrize("quality", QUALITIES)
def test_nothing_is_said_of_data_that_the_model_knows(quality):
    assert looked_at(KNOWN, **quality) is None


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("volume", [blocks(), noise((24, 24, 24)), smooth((24, 24, 24), np.int16, 3000) - 1000])
def test_a_generic_codec_is_named_where_the_model_is_bad(quality, volume):
    if volume.dtype.itemsize == 2 and "psnr" in quality:
        quality = {"psnr": 85.0}
    found = looked_at(volume, **quality)
    assert found.tiles == 1
    assert 0.05 < found.saved < 1


def test_labels_are_smaller_without_any_loss():
    assert looked_at(blocks(), lossless=True).codec == "JPEG XL"
    assert looked_at(blocks(), step=3.0).codec == "lossless JPEG XL"


def test_what_is_saved_is_what_the_codec_itself_needs(monkeypatch):
    data = compress(blocks(), file_model(), lossless=True, model_only=True)
    monkeypatch.setattr(
        "aiwave.evaluation.anchors.smaller_codec.lossless_sizes", lambda part: {"one": 1000, "other": 900}
    )
    found = smaller_codec(blocks(), data, file_model())
    assert found.codec == "other"
    rest = len(data) - open_stream(data).index.bytes_of(0)  # header and values
    assert (1 - found.saved) * len(data) == pytest.approx(900 + rest)


def test_tiles_that_the_model_codes_are_looked_at_and_tell_of_the_whole(monkeypatch):
    series = np.stack([textured((48, 24, 24), seed) for seed in range(2)])
    series[:, :16] = 7
    data = compress(series, file_model(), lossless=True, tile=16)
    index = open_stream(data).index
    by_model = [tile for tile, mode in enumerate(index.modes) if mode == Mode.MODEL]
    assert 3 < len(by_model) < 24
    seen = []
    monkeypatch.setattr(
        "aiwave.evaluation.anchors.smaller_codec.lossless_sizes", lambda part: seen.append(part) or {"none": 0.0}
    )
    found = smaller_codec(series, data, file_model())
    assert found.tiles == len(seen) == 3
    assert all(len(np.unique(part)) > 50 for part in seen)
    assert found.saved == pytest.approx(sum(map(index.bytes_of, by_model)) / len(data))


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 9, 9), (9, 1, 9), (5, 6, 1), (3, 4, 5)])
@pytest.mark.parametrize("quality", [{"lossless": True}, {"step": 20.0}])
def test_small_volumes_are_no_trouble(shape, quality):
    volume = noise(shape, "int16")
    found = find_smaller(volume, compress(volume, file_model(), **quality), file_model(), True)
    assert found is None or found.tiles == 1


def test_a_single_value_and_large_tiles_are_not_looked_at():
    assert looked_at(np.full((8, 8, 8), 7, np.uint8), lossless=True) is None
    wide = np.zeros((8, 200, 200), np.uint8)
    wide[:, 50:, :] = 99
    assert looked_at(wide, lossless=True, tile=200) is None


@pytest.mark.parametrize("where", ["lossless_sizes", "cut"])
def test_a_codec_that_fails_is_no_failure(where, monkeypatch, tmp_path, capsys):
    def fail(*_, **__):
        raise RuntimeError("out of order")

    monkeypatch.setattr(f"aiwave.evaluation.anchors.smaller_codec.{where}", fail)
    assert looked_at(blocks(), lossless=True) is None
    (tmp_path / "a.aiwm").write_bytes(file_model().data)
    np.save(tmp_path / "a.npy", blocks())
    arguments = [f"{tmp_path}/a.npy", f"{tmp_path}/a.aiw", "--model", f"{tmp_path}/a.aiwm", "--lossless"]
    assert main(["compress", *arguments]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("target", [42.0, 50.0])
def test_a_modality_that_the_model_never_saw_meets_its_psnr(target):
    volume = blocks() // 2 + smooth((24, 24, 24), np.uint8, 60, seed=5)
    data = compress(volume, file_model("lossy"), psnr=target)
    assert abs(psnr(decompress(data, model=file_model("lossy")), volume) - target) < 0.1
    assert smaller_codec(volume, data, file_model("lossy")) is not None


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """The tiny lossless model is the only one that comes with the package, for electron microscopy."""
    folder, model = tmp_path / "models", file_model()
    folder.mkdir()
    known = Card("tiny", "em", True, 1, len(model.data), model.identity, "none", ["nothing"], "tests", "the rest")
    (folder / "tiny.json").write_text(json.dumps(asdict(known)))
    (folder / "tiny.aiwm").write_bytes(model.data)
    monkeypatch.setattr(card, "_folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    shipped_model.cache_clear()
    yield folder
    shipped_model.cache_clear()


def test_nothing_is_lost_unless_it_is_asked_for(shipped, capsys):
    np.save("a.npy", KNOWN)
    assert main(["compress", "a.npy", "a.aiw"]) == 0
    said = capsys.readouterr()
    reason = "no other one codes such files"
    assert said.err == f"model tiny, since {reason}; lossless, since no quality was requested\n"
    assert "a.aiw  " in said.out
    assert main(["decompress", "a.aiw", "b.npy"]) == 0
    np.testing.assert_array_equal(np.load("b.npy"), KNOWN)


def test_the_command_says_what_would_have_been_smaller(shipped, capsys, monkeypatch):
    np.save("a.npy", KNOWN)
    monkeypatch.setattr("aiwave.evaluation.anchors.smaller_codec.lossless_sizes", lambda part: {"another": 500.0})
    assert main(["compress", "a.npy", "a.aiw", "--model", "tiny"]) == 0
    first, note = capsys.readouterr().err.splitlines()
    assert first == "lossless, since no quality was requested"
    assert note.startswith("note: another would need about ")
    assert note.endswith(NOTE)
    assert main(["compress", "a.npy", "b.aiw", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_another_codec_codes_in_the_file_needs_no_word(shipped, capsys):
    np.save("a.npy", blocks())
    assert main(["compress", "a.npy", "a.aiw", "--model", "tiny"]) == 0
    assert capsys.readouterr().err == "lossless, since no quality was requested\n"
    assert main(["decompress", "a.aiw", "b.npy", "--quiet"]) == 0
    np.testing.assert_array_equal(np.load("b.npy"), blocks())


def test_without_a_lossless_model_a_quality_is_to_be_chosen(shipped, capsys):
    np.save("a.npy", KNOWN)
    known = json.loads((shipped / "tiny.json").read_text())
    (shipped / "tiny.json").write_text(json.dumps(known | {"lossless": False}))
    assert main(["compress", "a.npy", "a.aiw"]) == 1
    assert "choose a step, PSNR or rate (--step, --psnr or --bpp), or give a model" in capsys.readouterr().err
    (shipped / "tiny.json").unlink()
    assert main(["compress", "a.npy", "a.aiw"]) == 1
    assert "(lossless): give a model file or the folder of a run" in capsys.readouterr().err


def test_python_is_told_the_quality():
    with pytest.raises(AiwaveError, match="Give exactly one of lossless"):
        compress(KNOWN, file_model())
