"""The manifest of a prepared folder is read as it was written, or its damage is named."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.datamodules.manifest import COLUMNS, Entry, Manifest, row_of
from aiwave.errors import AiwaveError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ENTRIES = st.builds(
    Entry,
    file=st.from_regex(r"(train|test)/[a-z _,\"]{1,9}\.tif", fullmatch=True),
    sha256=st.from_regex("[0-9a-f]{64}", fullmatch=True),
    subject=st.text("abcß ,\"'\n", min_size=1).filter(lambda text: "\n" not in text),
    split=st.sampled_from(["train", "val", "test"]),
    shape=st.tuples(*[st.integers(1, 999)] * 3),
    dtype=st.sampled_from(["uint8", "uint16"]),
    minimum=st.integers(0, 65535),
    maximum=st.integers(0, 65535),
    distinct=st.integers(1, 65536),
    spacing=st.tuples(*[NUMBERS] * 3),
    origin=st.tuples(*[NUMBERS] * 3),
    direction=st.tuples(*[NUMBERS] * 9),
    offset=st.integers(-(2**40), 2**40),
    slope=NUMBERS,
    intercept=NUMBERS,
    box=st.from_regex(r"([0-9]{1,2};)?[0-9]:[0-9],[0-9]:[0-9],[0-9]:[0-9]", fullmatch=True),
    source=st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")),
)
ONE = Entry(
    *("train/a.tif", "0" * 64, "a", "train", (1, 2, 3), "uint8", 0, 9, 3),
    *((1.0, 2.0, 3.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), 0, 1.0, 0.0),
    *("0:1,0:2,0:3", "somewhere"),
)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=4, unique_by=lambda entry: entry.file))
def test_entries_come_back(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("manifest")
    written = Manifest(folder, tuple(entries))
    written.write()
    assert Manifest.read(folder) == written
    assert (folder / "manifest.csv").read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("file", "/etc/passwd"),
        ("file", "../a.tif"),
        ("file", ""),
        ("sha256", "12"),
        ("split", "training"),
        ("shape", "1x2"),
        ("dtype", "int16"),
        ("min", "a"),
        ("spacing", "1xnanx1"),
        ("subject", ""),
        ("slope", "inf"),
        ("offset", "1.5"),
        ("shape", "1x2x3x4"),
        ("distinct", ""),
        ("direction", "1x0x0"),
        ("box", "0:1,0:2"),
    ],
)
def test_damage_is_named(tmp_path, column, value):
    row = row_of(ONE)
    row[COLUMNS.index(column)] = value
    lines = [",".join(COLUMNS), ",".join(f'"{cell}"' for cell in row_of(ONE)), ",".join(f'"{cell}"' for cell in row)]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    with pytest.raises(AiwaveError, match=rf"manifest\.csv is damaged in line 3 \({column} is "):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not begin with the columns file,sha256"),
        ("file,hash\n", "does not begin with the columns"),
        (",".join(COLUMNS) + "\na,b\n", "line 2 .2 columns instead of 17"),
    ],
)
def test_files_that_are_no_manifest(tmp_path, text, words):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(AiwaveError, match=words):
        Manifest.read(tmp_path)


def test_missing_manifest_and_repeated_file(tmp_path):
    with pytest.raises(AiwaveError, match=r"manifest\.csv does not exist: run aiwave prepare"):
        Manifest.read(tmp_path)
    Manifest(tmp_path, (ONE, replace(ONE, subject="b"))).write()
    with pytest.raises(AiwaveError, match=r"names train/a\.tif twice, again in line 3"):
        Manifest.read(tmp_path)


def test_files_are_verified(tmp_path):
    manifest = Manifest(tmp_path, (ONE,))
    with pytest.raises(AiwaveError, match=r"train/a\.tif is missing: run aiwave prepare"):
        manifest.check()
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.tif").write_bytes(b"abc")
    with pytest.raises(AiwaveError, match=r"train/a\.tif has changed since it was prepared: run aiwave prepare"):
        manifest.verify(ONE)
    # SHA-256 of "abc", from FIPS 180-2
    known = replace(ONE, sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert manifest.verify(known) == tmp_path / "train/a.tif"
    assert manifest.split("train") == [ONE]
    assert manifest.split("test") == []


def test_names_of_files_need_not_be_text(tmp_path):
    odd = replace(ONE, file="train/a\udcff.tif", subject="a\udcff", source="/data/a\udcff.nii")
    Manifest(tmp_path, (odd,)).write()
    assert Manifest.read(tmp_path).entries == (odd,)
