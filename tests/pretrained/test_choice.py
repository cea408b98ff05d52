"""Models that come with the package: whole, small, chosen for what they are for, and enough for files."""

import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from aiwave.api import compress, decompress, find_model
from aiwave.bitstream.trial_parts import textured_parts
from aiwave.cli import main
from aiwave.errors import AiwaveError
from aiwave.pretrained import card
from aiwave.pretrained.card import card_of, cards, shipped_bytes
from aiwave.pretrained.choice import automatic_model, candidates
from tests.conftest import textured
from tests.files import file_model

NAMES = [known.name for known in cards()]
EXPERIMENTS = Path(__file__).parents[2] / "conf" / "experiment"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_what_its_card_says(name):
    known, data = card_of(name), shipped_bytes(card_of(name))
    assert (known.bytes, known.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert known.bytes <= 400_000
    assert known.parameters <= 250_000
    assert (EXPERIMENTS / f"{known.experiment}.yaml").is_file()
    assert known.trained_on
    assert find_model(name).description.name == name


def test_a_damaged_model_is_refused_by_its_hash(tmp_path, monkeypatch):
    data = bytearray(shipped_bytes(card_of("em_nano")))
    data[len(data) // 2] ^= 1
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "em_nano.aiwm").write_bytes(data)
    known = card_of("em_nano")
    monkeypatch.setattr(card, "_folder", lambda: tmp_path / "models")
    with pytest.raises(AiwaveError, match="em_nano is damaged"):
        shipped_bytes(known)
    (tmp_path / "models" / "em_nano.aiwm").unlink()
    with pytest.raises(AiwaveError, match="install aiwave again"):
        shipped_bytes(known)


def test_a_file_of_a_model_that_is_not_there_says_so():
    stream = compress(textured((8, 8, 8), 0), file_model("plain"), step=4.0, metadata={"model": "plain"})
    with pytest.raises(AiwaveError, match="needs its model 'plain'"):
        decompress(stream)


def cheapest(volume, lossless, step=10.0):
    """The model whose file of the whole volume is smallest, lossless, or at a step in the range of all."""
    quality = {"lossless": True} if lossless else {"step": step, "optimise": False}
    names = [known.name for known in cards() if known.lossless == lossless]
    sizes = {name: len(compress(volume, name, model_only=True, **quality)) for name in names}
    return min(sizes, key=sizes.get), sizes


def _air(rng):
    """Background of an MRI: the magnitude of complex noise."""
    return np.hypot(*(3 * rng.normal(size=(2, 24, 32, 32))))


def _smooth(rng):
    noise = gaussian_filter(rng.normal(size=(24, 32, 32)), 1)
    return 200 + 20 * noise / noise.std()


def _sections(rng):
    """Sections that do not resemble their neighbours."""
    return np.stack([gaussian_filter(rng.normal(size=(48, 48)), 1.5) * 80 + 128 for _ in range(16)])


@pytest.mark.parametrize("make", [_air, _smooth, _sections])
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_the_model_that_codes_the_volume_best_is_chosen_whatever_its_type(make, dtype):
    volume = make(np.random.default_rng(0)).clip(0, 255).astype(dtype)
    name, sizes = cheapest(volume, lossless=True)
    model, why = automatic_model(volume, lossless=True)
    assert sizes[model.name] <= 1.01 * sizes[name]
    assert why == f"model {model.name}, since it codes parts of the volume best, of {len(sizes)}"


@pytest.mark.parametrize("step", [3.0, 10.0, 60.0])
def test_no_other_lossy_model_is_much_better_than_the_one_that_is_taken(step):
    volume = (8 * _smooth(np.random.default_rng(0))).astype(np.uint16)
    name, sizes = cheapest(volume, lossless=False, step=step)
    assert sizes[automatic_model(volume, lossless=False)[0].name] <= 1.05 * sizes[name]


@pytest.mark.parametrize("step", [0.0, -3.0, math.nan, 1e-320, 1e300])
def test_a_step_that_is_no_step_is_refused_without_a_model_as_well(step):
    with pytest.raises(AiwaveError, match="step"):
        compress(textured((8, 8, 8), 0), step=step)


def test_a_modality_leaves_its_models_only(monkeypatch):
    volume = textured((8, 8, 8), 0)
    model, why = automatic_model(volume, lossless=True, modality="MR")
    assert why == f"model {model.name}, since the modality is MR and it codes parts of the volume best, of 2"
    assert {card.name for card in candidates(True, "ct")} == {"voxels_best", "voxels_fast"}
    assert {card.name for card in candidates(True, "em")} == {"em_lossless", "voxels_best", "voxels_fast"}
    assert (len(candidates(True, "US")), len(candidates(True))) == (2, 3)
    monkeypatch.setattr("aiwave.pretrained.choice.cards", lambda: [])
    with pytest.raises(AiwaveError, match="No ready-made model"):
        automatic_model(volume, lossless=False)


@pytest.mark.parametrize("modality", [None, "em", "CT"])
def test_one_lossy_model_is_for_all_others_only_by_name(modality):
    model, why = automatic_model(textured((8, 8, 8), 0), lossless=False, modality=modality)
    assert why == "model general_nano, since it is for images of any kind"
    assert [card.name for card in candidates(False, modality)] == [model.name]
    assert sum(not card.lossless for card in cards()) > 1


def test_background_does_not_decide():
    volume = np.zeros((64, 64, 64), np.uint8)
    rng = np.random.default_rng(0)
    volume[32:, 32:, :32] = 100 + 20 * rng.normal(size=(32, 32, 32))
    assert all(part.min() != part.max() for part in textured_parts(volume))
    alone = automatic_model(volume[32:, 32:, :32], lossless=True)[0]
    assert automatic_model(volume, lossless=True)[0].name == alone.name
    assert textured_parts(np.zeros((8, 8, 8), np.uint8)) == []
    assert automatic_model(np.zeros((8, 8, 8), np.uint8), lossless=True)[1].endswith("where it was looked at")


def test_edges_of_the_object_are_looked_at_beside_its_inside():
    volume = (100 + 20 * np.random.default_rng(0).normal(size=(32, 32, 256))).astype(np.uint8)
    blocks = volume.reshape(32, 32, 8, 32)
    blocks[:13, :, ::2] = 0
    assert {bool((part == 0).mean() > 0.4) for part in textured_parts(volume)} == {False, True}


def assert_in_columns(header, rows):
    """Every word begins (names) or ends (numbers) below its heading, with blanks between."""
    for position, heading in enumerate(re.finditer(r"\S+", header)):
        words = [list(re.finditer(r"\S+", row))[position] for row in rows]
        begins, ends = {word.start() for word in words}, {word.end() for word in words}
        assert begins == {heading.start()} or ends == {heading.end()}


def test_models_are_listed_and_shown(capsys):
    assert main(["models", "list"]) == 0
    listed = capsys.readouterr().out
    header, *rows = listed.splitlines()
    assert [row.split()[0] for row in rows] == sorted(NAMES)
    assert_in_columns(header, rows)
    assert main(["models", "show", NAMES[0]]) == 0
    assert card_of(NAMES[0]).sha256 in capsys.readouterr().out
    assert main(["models", "show", "nobody"]) == 1
    assert "choose one of" in capsys.readouterr().err


def test_files_without_a_model_argument(tmp_path, capsys):
    np.save(tmp_path / "a.npy", textured((16, 16, 16), 1))
    assert main(["compress", f"{tmp_path}/a.npy", f"{tmp_path}/a.aiw", "--psnr", "40"]) == 0
    assert "since it is for images of any kind" in capsys.readouterr().err
    assert main(["decompress", f"{tmp_path}/a.aiw", f"{tmp_path}/b.npy"]) == 0
    assert np.load(tmp_path / "b.npy").shape == (16, 16, 16)
