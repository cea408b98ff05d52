"""Raw images that cannot be kept exactly: one sentence that names the file."""

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.datamodules.sources import LocalFiles
from aiwave.errors import AiwaveError
from tests.raw_images import NO_SPLIT, dicom, noise, placed, prepare


def series(folder, **options):
    return dicom(folder, noise((6, 8, 9), "int16"), **options)


def missing_slice(folder):
    series(folder)[3].unlink()


def missing_time(folder):
    series(folder)
    series(folder, first=50)[2].unlink()


def mixed_sizes(folder):
    dicom(folder, noise((2, 8, 10), "int16"), first=50)
    series(folder)


def unreadable_slice(folder):
    file = series(folder)[2]
    file.write_bytes(file.read_bytes()[:-40])


def not_dicom(folder):
    series(folder)
    (folder / "text.dcm").write_text("hello")


def colour_dicom(folder):
    folder.mkdir()
    image = sitk.Image([8, 9, 1], sitk.sitkVectorUInt8, 3)
    sitk.WriteImage(image, str(folder / "rgb.dcm"))


def mixed_pages(folder):
    folder.mkdir()
    for k in range(4):
        tifffile.imwrite(folder / f"s{k}.tif", noise((8, 9 + (k == 2)), "uint8", 0, 9))


def mixed_types(folder):
    folder.mkdir()
    for k in range(4):
        tifffile.imwrite(folder / f"s{k}.tif", noise((8, 9), "uint16" if k == 2 else "uint8", 0, 9))


def missing_page(folder):
    folder.mkdir()
    for k in (7, 8, 9, 11, 12):
        tifffile.imwrite(folder / f"s{k}.tif", noise((8, 9), "uint8", 0, 9))


def colour_pages(folder):
    folder.mkdir()
    for k in range(3):
        tifffile.imwrite(folder / f"s{k}.tif", noise((8, 9, 3), "uint8", 0, 9), photometric="rgb")


def vectors(folder):
    folder.mkdir()
    sitk.WriteImage(sitk.Image([4, 5, 6], sitk.sitkVectorUInt8, 3), str(folder / "a.nrrd"))


def channels(folder):
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", noise((4, 2, 8, 9)), imagej=True, metadata={"axes": "ZCYX"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (vectors, ["a.nrrd is a colour image or has several channels (3 values per voxel)"]),
        (channels, ["a.tif is a colour image or has several channels (2 values per voxel)"]),
        (
            missing_slice,
            ["raw: slices are missing between", "(number 3) and", "(number 5)", "5 mm apart"],
        ),
        (missing_time, ["its position has 1 of 2 slices"]),
        (mixed_sizes, [".dcm has another size than"]),
        (unreadable_slice, ["002_2.dcm cannot be read", "truncated or damaged"]),
        (not_dicom, ["text.dcm cannot be read"]),
        (colour_dicom, ["rgb.dcm is a colour image"]),
        (mixed_pages, ["s2.tif has 8×10 uint8 pixels, but s0.tif has 8×9"]),
        (mixed_types, ["s2.tif has 8×9 uint16 pixels, but s0.tif has 8×9 uint8"]),
        (missing_page, ["slices are missing between s9.tif and s11.tif"]),
        (colour_pages, ["raw is a colour image"]),
    ],
)
def test_folders_of_slices(tmp_path, capfd, make, words):
    make(tmp_path / "raw")
    assert prepare(tmp_path / "raw", tmp_path / "out", *NO_SPLIT) == 1
    (sentence,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("aiwave: ")]
    assert [word for word in words if word not in sentence] == [], sentence
    assert list((tmp_path / "out").rglob("*.nii.gz")) == []


@pytest.mark.parametrize(("given", "words"), [("none", "does not exist"), ("empty", "holds no image"), (None, "from=")])
def test_nothing_to_prepare(tmp_path, given, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/README.txt").write_text("no image")
    with pytest.raises(AiwaveError, match=words):
        LocalFiles(given and str(tmp_path / given)).fetch(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], "SplitByRegion"),
        (
            ["source.split._target_=aiwave.datamodules.sources.SplitByRegion", "source.crops.size=[1,1]"],
            "source.crops.size",
        ),
        (["source.suffix=.png"], "source.suffix"),
        (["source.air=3"], "source.air"),
        (["+source.crops.colour=3"], "source.crops"),
    ],
)
def test_settings(tmp_path, capfd, overrides, words):
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw/a.npy", noise((9, 9, 9)))
    assert prepare(tmp_path / "raw", tmp_path / "out", *overrides) == 1
    (sentence,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("aiwave: ")]
    assert words in sentence
    assert not (tmp_path / "out/set").exists()


def test_names_of_subjects(tmp_path):
    def subjects(folder, subset=None):
        return [(raw.subject, raw.split) for raw in LocalFiles(str(folder), subset).fetch(tmp_path)]

    for place in ("train/em/a.npy", "train/em/b.npy", "test/em/a.npy", "test/ct/c.npy", "flat/a.npy", "flat/a.nii"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / place, noise((3, 4, 5))) if place.endswith("npy") else sitk.WriteImage(
            placed(noise((3, 4, 5))), str(tmp_path / place)
        )
    assert subjects(tmp_path, "em") == [("b", "train"), ("test_em_a", "test"), ("train_em_a", "train")]
    assert subjects(tmp_path, "ct") == [("c", "test")]
    assert subjects(tmp_path / "test/em") == [("a", None)]
    assert subjects(tmp_path / "test/em/a.npy") == [("a", None)]
    assert subjects(tmp_path / "flat") == [("a.nii", None), ("a.npy", None)]
    for k in range(2):
        series(tmp_path / f"dicom/patient{k}/study/series")
    assert subjects(tmp_path / "dicom") == [("patient0", None), ("patient1", None)]
    assert subjects(tmp_path / "dicom/patient0") == [("study", None)]
