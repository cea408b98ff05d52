"""Slices before and after coding: which is kept, what is drawn, what is read back."""

import io

import numpy as np
import pytest
from PIL import Image

from aiwave.errors import AiwaveError
from aiwave.report.slices import Slice, middle, pictures, png, read_slices, save_slice, some_slices
from aiwave.report.tables import RdRow


def one(file="a.tif", bpp=1.0, original=None, decoded=None, codec="c", dataset="set"):
    original = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20 if original is None else original
    row = RdRow(dataset, file, codec, 3.0, bpp, 40.0, 1.0, 0.5)
    return Slice(row, original, original if decoded is None else decoded)


def test_the_slice_nearest_to_one_bit_by_ratio_is_kept():
    assert middle([one(bpp=0.6), one(bpp=1.5), one(bpp=0.0)]).row.bpp == 1.5  # 1.5 is nearer than 1 / 0.6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_slices_come_back_as_they_were(tmp_path, dtype):
    plane = np.random.default_rng(0).integers(0, 127, (5, 6)).astype(dtype)
    picture = save_slice(one("weird name/ü.tif", original=plane, decoded=plane + 1), tmp_path)
    (found,) = read_slices(tmp_path)
    assert found.row == one("weird name/ü.tif").row
    assert found.original.dtype == dtype
    assert (found.original == plane).all()
    assert (found.decoded == plane + 1).all()
    assert np.asarray(Image.open(picture)).shape == (5, 3 * 6 + 2 * 4)


def test_slices_of_two_data_sets_with_equal_file_names_are_both_kept(tmp_path):
    pictures = {save_slice(one(dataset=dataset), tmp_path) for dataset in ("cells", "bones")}
    assert len(pictures) == 2
    assert {found.row.dataset for found in read_slices(tmp_path)} == {"cells", "bones"}


@pytest.mark.parametrize("letter", ["x", "脑"])
def test_names_too_long_for_a_file_are_shortened_and_stay_distinct(tmp_path, letter):
    files = {f"{letter * 300}{end}.tif" for end in "ab"}
    pictures = {save_slice(one(file, codec=letter * 300), tmp_path) for file in files}
    assert len(pictures) == 2
    assert all(path.name.startswith(f"set.{letter}") for path in pictures)
    assert {found.row.file for found in read_slices(tmp_path)} == files


def test_damaged_slices_are_named(tmp_path):
    path = save_slice(one(), tmp_path).with_suffix(".npz")
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(AiwaveError, match=r"a\.tif\.c\.npz holds no slices"):
        read_slices(tmp_path)
    np.savez(path, names=np.array(["x"], dtype=object))
    with pytest.raises(AiwaveError, match="holds no slices"):
        read_slices(tmp_path)


def test_the_difference_is_ten_times_that_of_the_window():
    original = np.tile(np.linspace(0, 200, 101).round().astype(np.uint8), (50, 1))
    decoded = original.copy()
    decoded[0, 50] += 4
    decoded[1, 50] -= 4
    before, after, difference = pictures(one(original=original, decoded=decoded))
    window = np.percentile(original, 99.5) - np.percentile(original, 0.5)
    assert before.dtype == after.dtype == difference.dtype == np.uint8
    assert (difference[2:] == 128).all()
    assert int(difference[0, 50]) - 127.5 == pytest.approx(10 * 4 * 255 / window, abs=0.6)
    assert int(difference[1, 50]) - 127.5 == pytest.approx(-10 * 4 * 255 / window, abs=0.6)
    assert int(after[0, 50]) - int(before[0, 50]) == pytest.approx(4 * 255 / window, abs=1)


def test_large_planes_are_cropped_to_the_middle_and_pngs_are_exact():
    plane = np.random.default_rng(1).integers(0, 255, (300, 40)).astype(np.uint8)
    shown = pictures(one(original=plane))[0]
    assert shown.shape == (256, 40)
    low, high = np.percentile(plane[22:278], (0.5, 99.5))
    assert (shown == np.clip(np.round((plane[22:278] - low) * 255 / (high - low)), 0, 255)).all()
    assert (np.asarray(Image.open(io.BytesIO(png(shown)))) == shown).all()


def test_a_report_shows_the_same_first_volumes_of_every_codec():
    found = some_slices([one(f"{k}.tif", codec=codec) for codec in ("x", "y") for k in range(5)])
    assert [(s.row.file, s.row.codec) for s in found] == [(f"{k}.tif", c) for k in range(3) for c in ("x", "y")]
