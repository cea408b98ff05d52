"""A folder of files as a data module, made here and, where there is one, real."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.datamodules import FolderDataModule, PhantomDataModule, VolumeDataModule
from aiwave.datamodules.volume import load_volumes
from aiwave.errors import AiwaveError
from aiwave.images import read_voxels
from tests.modules import SETTINGS

REAL = Path(os.environ.get("AIWAVE_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
needs_real = pytest.mark.skipif(not (REAL / "MANIFEST.csv").is_file(), reason="no real volumes")


def module(root, subset="em", crop=(4, 8, 8)):
    given = {"name": "folder", "root": root and str(root), "subset": subset, "crop": crop}
    return FolderDataModule(**(SETTINGS | given))


def save(path, shape=(6, 16, 16), value=0, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.full(shape, value, dtype)
    if path.suffix == ".tif":
        tifffile.imwrite(path, voxels, photometric="minisblack")
    else:
        sitk.WriteImage(sitk.GetImageFromArray(voxels, isVector=False), str(path))


def test_files_are_read_in_order_of_their_names(tmp_path):
    save(tmp_path / "train" / "em" / "x.tif")
    for value, name in enumerate(["a.tif", "b.nii.gz", "c.nrrd", "d.mha"]):
        save(tmp_path / "test" / "em" / name, value=value)
    save(tmp_path / "test" / "em" / "e.nii.gz", shape=(2, 6, 16, 16), value=4)
    (tmp_path / "test" / "em" / "README.txt").write_text("not a volume")
    volumes = list(module(tmp_path).test_volumes())
    assert [v.file for v in volumes] == ["a.tif", "b.nii.gz", "c.nrrd", "d.mha", "e.nii.gz#0", "e.nii.gz#1"]
    assert [int(v.voxels[0, 0, 0]) for v in volumes] == [0, 1, 2, 3, 4, 4]
    assert {v.dataset for v in volumes} == {"folder"}


def test_test_volumes_are_lazy(tmp_path):
    save(tmp_path / "test" / "em" / "a.tif")
    (tmp_path / "test" / "em" / "b.tif").write_bytes(b"damaged")
    volumes = module(tmp_path).test_volumes()
    assert next(volumes).file == "a.tif"
    with pytest.raises(AiwaveError, match=r"b\.tif cannot be read"):
        next(volumes)


def test_set_to_test_on_needs_no_training_volumes(tmp_path):
    save(tmp_path / "test" / "ct" / "a.nii.gz", value=-5, dtype=np.int16)
    data = module(tmp_path, "ct")
    data.setup("test")
    assert (data.dtype, data.peak, data.intensity_scale) == (np.dtype("int16"), 65535.0, None)


def test_root_is_missing(tmp_path):
    with pytest.raises(AiwaveError, match=r"dataset\.root .*nowhere is not a folder"):
        module(tmp_path / "nowhere").setup()
    with pytest.raises(AiwaveError, match=r"dataset\.root is not set"):
        module(None).setup()


@pytest.mark.parametrize("split", ["train", "test"])
def test_subset_is_missing_or_empty(tmp_path, split):
    save(tmp_path / split / "ct" / "a.tif")
    save(tmp_path / split / "mri" / "a.tif")
    data = module(tmp_path)
    ask = data.setup if split == "train" else lambda: next(data.test_volumes())
    end = r" \(training alone, with evaluate=false, needs none\)" if split == "test" else ""
    with pytest.raises(AiwaveError, match=rf"{split}/em is not a folder: .*one of ct, mri{end}\.$"):
        ask()
    (tmp_path / split / "em").mkdir()
    with pytest.raises(AiwaveError, match=rf"{split}/em holds no volume .*one of ct, mri{end}\.$"):
        ask()


def test_other_images_of_the_same_names_and_sizes_are_other_data(tmp_path):
    for root, values in (("raw", (1, 2)), ("copy", (1, 2)), ("denoised", (1, 3)), ("smoothed", (4, 2))):
        for split, value in zip(("train", "test"), values, strict=True):
            save(tmp_path / root / split / "em" / "a.tif", value=value)
    names = {root: module(tmp_path / root).identity() for root in ("raw", "copy", "denoised", "smoothed")}
    assert names["raw"] == names["copy"]
    assert len(set(names.values())) == 3


def test_data_whose_contents_nobody_hashes_are_named_by_their_root(tmp_path):
    class Custom(VolumeDataModule):
        training_volumes = test_volumes = None

    raw, denoised = (
        Custom(**SETTINGS | {"name": "mine", "subset": "em", "crop": (4, 8, 8), "root": root}) for root in "ab"
    )
    assert raw.identity() != denoised.identity()
    phantoms = [
        PhantomDataModule(**SETTINGS | {"name": "em", "subset": "em", "crop": (4, 8, 8), "root": r}) for r in "ab"
    ]
    assert phantoms[0].identity() == phantoms[1].identity()


def test_package_is_imported_without_the_heavy_libraries():
    code = "import aiwave.datamodules, sys; print([m for m in ('monai', 'SimpleITK') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_real
def test_real_files_are_what_their_manifest_says():
    with (REAL / "MANIFEST.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    for row in rows:
        voxels = read_voxels(REAL / row["file"])
        assert "x".join(map(str, voxels.shape)) == row["shape_zyx"]
        assert voxels.dtype.name == row["dtype"]


@needs_real
@pytest.mark.parametrize(
    "file",
    ["train/bold/bold_t0-15.nii.gz", "test/msd_spleen/spleen2.nii.gz", "test/fib25/fib25_sample1_0_64_0.tif"],
)
def test_real_voxels_are_what_their_manifest_says(file):
    with (REAL / "MANIFEST.csv").open() as stream:
        row = next(row for row in csv.DictReader(stream) if row["file"] == file)
    voxels = np.stack([volume.voxels for volume in load_volumes(REAL / file, "real")])
    assert voxels.dtype.name == row["dtype"]
    found = voxels.min(), voxels.max(), len(np.unique(voxels))
    assert found == (int(row["min"]), int(row["max"]), int(row["distinct"]))


@needs_real
def test_real_set_is_trained_on():
    data = module(REAL, "bold", crop=(16, 32, 32))
    images = [batch["image"] for batch in data.train_dataloader()]
    assert [tuple(image.shape) for image in images] == [(2, 1, 16, 32, 32)] * 2
    assert (data.dtype, data.intensity_scale) == (np.dtype("uint16"), 1024.0)
    assert len(list(data.test_volumes())) == 2
