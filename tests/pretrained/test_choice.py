"""Models that come with the package: whole, small, chosen for what they are for, and enough for files."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from aiwave.api import compress, decompress, find_model
from aiwave.bitstream import info
from aiwave.cli import main
from aiwave.errors import AiwaveError
from aiwave.pretrained import card
from aiwave.pretrained.card import card_of, cards, shipped_bytes
from aiwave.pretrained.choice import automatic_model
from tests.conftest import textured
from tests.files import file_model

NAMES = [known.name for known in cards()]
EXPERIMENTS = Path(__file__).parents[2] / "conf" / "experiment"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_what_its_card_says(name):
    known, data = card_of(name), shipped_bytes(card_of(name))
    assert (known.bytes, known.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert known.bytes <= 400_000
    assert known.parameters <= 200_000
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


def test_eight_bits_need_no_model_to_be_named():
    volume = textured((20, 24, 28), 3)
    data = compress(volume, step=4.0)
    assert info(data)["model"] == card_of("em_nano").sha256
    decoded = decompress(data)
    assert decoded.dtype == volume.dtype
    assert np.abs(decoded.astype(int) - volume).max() < 16


def test_the_modality_decides_before_the_voxels(monkeypatch):
    volume = textured((8, 8, 8), 0)
    assert automatic_model(volume, lossless=False)[1] == "model em_nano, since it has 8 bits"
    assert automatic_model(volume, lossless=False, modality="em")[1] == "model em_nano, since the modality is em"
    monkeypatch.setattr("aiwave.pretrained.choice.cards", lambda: [])
    with pytest.raises(AiwaveError, match="No ready-made model"):
        automatic_model(volume, lossless=False)


def test_stacks_of_unlike_sections_get_a_model_of_their_own():
    alike = textured((16, 32, 32), 0)
    unlike = np.concatenate([textured((1, 32, 32), seed) for seed in range(16)])
    assert automatic_model(alike, lossless=True)[0].name == "em_lossless"
    for lossless, name in ((True, "sections_lossless"), (False, "sections_nano")):
        model, why = automatic_model(unlike, lossless)
        assert (model.name, why) == (name, f"model {name}, since neighbouring sections hardly resemble each other")
        wanted, why = automatic_model(alike, lossless, modality="sections")
        assert (wanted.name, why) == (name, f"model {name}, since the modality is sections")
    flat = np.zeros((8, 8, 8), np.uint8)
    assert automatic_model(flat, lossless=True)[0].name == "em_lossless"
    assert automatic_model(unlike[:1], lossless=True)[0].name == "em_lossless"


def _air(rng):
    """Background of an MRI: the magnitude of complex noise."""
    return np.hypot(*(3 * rng.normal(size=(2, 24, 32, 32))))


def _smooth(rng):
    noise = gaussian_filter(rng.normal(size=(24, 32, 32)), 1)
    return 200 + 20 * noise / noise.std()


@pytest.mark.parametrize(("make", "fewest"), [(_air, "t1_lossless"), (_smooth, "mri_lossless")])
def test_of_several_models_for_a_modality_the_one_that_codes_the_middle_in_fewest_bytes_is_chosen(make, fewest):
    volume = make(np.random.default_rng(0)).clip(0).astype(np.uint16)
    sizes = {name: len(compress(volume, name, lossless=True)) for name in ("mri_lossless", "t1_lossless")}
    assert min(sizes, key=sizes.get) == fewest
    model, why = automatic_model(volume, lossless=True, modality="mri")
    assert model.name == fewest
    assert why == f"model {fewest}, since the modality is mri and it codes a part of the volume in the fewest bits"
    assert len(compress(volume, lossless=True)) <= min(sizes.values())  # without a hint CT is tried, too
    why = automatic_model(volume, lossless=True)[1]
    assert why.endswith(", since it codes a part of the volume in the fewest bits")


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
    assert "model em_nano, since it has 8 bits" in capsys.readouterr().err
    assert main(["decompress", f"{tmp_path}/a.aiw", f"{tmp_path}/b.npy"]) == 0
    assert np.load(tmp_path / "b.npy").shape == (16, 16, 16)
