"""MINC files of both versions, against nibabel."""

import gzip
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from aiwave.errors import AiwaveError
from aiwave.images import read_image, read_images

from .test_nifti_geometry import affine_of

SHIPPED = Path(nibabel.__file__).parent / "tests/data"
NAMES = sorted(path.name for path in SHIPPED.glob("*.mnc"))
BY_SLICE = ("minc1_4d.mnc", "minc2_4d.mnc", "minc2_baddim.mnc", "small.mnc", "tiny.mnc")
h5py = pytest.importorskip("h5py")


@pytest.mark.filterwarnings("ignore:Invalid spacing")
@pytest.mark.parametrize("name", NAMES)
def test_files_of_nibabel(name):
    expected, image = nibabel.load(SHIPPED / name), read_image(str(SHIPPED / name))
    values = image.voxels.astype(float) * image.slope + image.intercept
    np.testing.assert_allclose(values, expected.get_fdata(), rtol=1e-6, atol=1e-6)
    axes = [2, 1, 0, 3]  # nibabel keeps the order of the file, z first
    np.testing.assert_allclose(affine_of(image), expected.affine[:, axes], atol=1e-6)
    stored = np.float32 if name in BY_SLICE else expected.get_data_dtype()
    assert (image.voxels.dtype, image.voxels.shape) == (stored, expected.shape)
    assert ("scaled in its own way" in image.note) == (name in BY_SLICE)


def test_one_scale_keeps_the_voxels():
    with h5py.File(SHIPPED / "minc2_1_scale.mnc") as file:
        stored = file["minc-2.0/image/0/image"][()]
    np.testing.assert_array_equal(read_image(str(SHIPPED / "minc2_1_scale.mnc")).voxels, stored)
    np.testing.assert_array_equal(read_image(str(SHIPPED / "minc1_1_scale.mnc")).voxels, stored)


def test_times(tmp_path):
    series = read_image(str(SHIPPED / "minc1_4d.mnc"))
    assert (series.voxels.shape, series.period, series.channels) == ((2, 10, 20, 20), 1, False)
    file = tmp_path / "a.mnc"
    file.write_bytes((SHIPPED / "minc2_4d.mnc").read_bytes())
    with h5py.File(file, "r+") as minc:
        minc["minc-2.0/dimensions/time"].attrs["step"] = 2.5
    assert read_image(str(file)).period == 2.5


def test_gzipped(tmp_path):
    (tmp_path / "a.mnc.gz").write_bytes(gzip.compress((SHIPPED / "tiny.mnc").read_bytes()))
    np.testing.assert_array_equal(
        read_image(str(tmp_path / "a.mnc.gz")).voxels, read_image(str(SHIPPED / "tiny.mnc")).voxels
    )


def test_without_h5py(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert read_image(str(SHIPPED / "tiny.mnc")).voxels.shape == (10, 20, 20)
    with pytest.raises(AiwaveError, match=r"small\.mnc is a MINC 2 file, which needs h5py: pip install 'aiwave\[minc"):
        read_images(SHIPPED / "small.mnc")


@pytest.mark.parametrize("kind", ["link", "external", "virtual"])
def test_other_files_are_not_read(tmp_path, kind):
    (tmp_path / "secret").write_bytes(bytes(4000))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["image"] = np.zeros((10, 20, 20), np.uint8)
    file = tmp_path / "a.mnc"
    file.write_bytes((SHIPPED / "minc2_1_scale.mnc").read_bytes())
    with h5py.File(file, "r+") as minc:
        group = minc["minc-2.0/image/0"]
        attributes = dict(group["image"].attrs)
        del group["image"]
        if kind == "link":
            group["image"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "image")
        elif kind == "external":
            group.create_dataset("image", (10, 20, 20), np.uint8, external=[(str(tmp_path / "secret"), 0, 4000)])
        else:
            layout = h5py.VirtualLayout((10, 20, 20), np.uint8)
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "image", (10, 20, 20))
            group.create_virtual_dataset("image", layout)
        if kind != "link":
            group["image"].attrs.update(attributes)
    with pytest.raises(AiwaveError, match=r"a\.mnc refers to other files \(minc-2.0/image/0/image\), which is refused"):
        read_images(file)


def test_true_reasons(tmp_path):
    with pytest.raises(AiwaveError, match=r"tiny\.mnc has no channels: leave out --channel"):
        read_images(SHIPPED / "tiny.mnc", channel=1)
    content = (SHIPPED / "tiny.mnc").read_bytes()
    (tmp_path / "cut.mnc").write_bytes(content[:2000])
    with pytest.raises(AiwaveError, match=r"cut\.mnc cannot be read \(.*\): it is truncated or damaged"):
        read_images(tmp_path / "cut.mnc")
    (tmp_path / "text.mnc").write_bytes(b"no image")
    with pytest.raises(AiwaveError, match=r"text\.mnc cannot be read"):
        read_images(tmp_path / "text.mnc")
    (tmp_path / "axes.mnc").write_bytes(content.replace(b"zspace", b"wspace"))
    with pytest.raises(AiwaveError, match=r"axes\.mnc has the axes wspace, yspace, xspace: save a volume"):
        read_images(tmp_path / "axes.mnc")


@pytest.mark.parametrize("name", ["tiny.mnc", "small.mnc"])
def test_damage_is_one_sentence(tmp_path, name):
    random, content = np.random.default_rng(0), (SHIPPED / name).read_bytes()
    for _ in range(150):
        mutated = bytearray(content)
        for place in random.integers(0, min(len(mutated), 6000), 4):
            mutated[place] = random.choice([0, 1, 127, 255, random.integers(256)])
        (tmp_path / name).write_bytes(mutated)
        try:
            (image,) = read_images(tmp_path / name)
        except AiwaveError:
            continue
        assert image.voxels.ndim in (3, 4)
