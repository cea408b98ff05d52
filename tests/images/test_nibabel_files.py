"""MGH and AFNI files, against nibabel."""

import gzip
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from aiwave.datamodules.sources.source import LocalFiles
from aiwave.errors import AiwaveError
from aiwave.images import read_image, read_images

from ..raw_images import noise
from .test_nifti_geometry import SHEARED, affine_of

SHIPPED = Path(nibabel.__file__).parent / "tests/data"


def voxels_of(image):
    """As nibabel has them before scaling: (x, y, z) or (x, y, z, t)."""
    return np.asarray(image.dataobj.get_unscaled() if hasattr(image.dataobj, "get_unscaled") else image.dataobj)


@pytest.mark.parametrize("name", ["example4d+orig.HEAD", "example4d+orig.BRIK.gz", "scaled+tlrc.BRIK", "test.mgz"])
def test_files_of_nibabel(name):
    expected, image = nibabel.load(SHIPPED / name), read_image(str(SHIPPED / name))
    np.testing.assert_array_equal(image.voxels.T.squeeze(), voxels_of(expected).squeeze())
    np.testing.assert_allclose(affine_of(image), expected.affine, atol=1e-6)
    assert (image.voxels.dtype.name, image.original) == (expected.get_data_dtype().name, None)


def test_slope_and_period():
    assert read_image(str(SHIPPED / "scaled+tlrc.HEAD")).slope == 3.883363e-08
    assert read_image(str(SHIPPED / "example4d+orig.HEAD")).period == 3
    assert read_image(str(SHIPPED / "test.mgz")).period == pytest.approx(0.002)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32"])
@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
def test_mgh(tmp_path, suffix, dtype):
    array = noise((3, 4, 5, 2), dtype, 0, 200)
    image = nibabel.MGHImage(array, SHEARED.astype(np.float32))
    image.header["tr"] = 2300
    nibabel.save(image, tmp_path / f"a{suffix}")
    found = read_image(str(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(found.voxels, array.transpose(3, 2, 1, 0))
    np.testing.assert_allclose(affine_of(found), SHEARED, atol=1e-5)
    assert (found.voxels.dtype.name, found.period) == (dtype, 2.3)


def copied(folder, name, brik=True):
    for suffix in (".HEAD", *([".BRIK"] if brik else [])):
        shutil.copy(SHIPPED / f"{name}{suffix}", folder)
    return folder / f"{name}.HEAD"


def test_sub_bricks_without_times_are_channels(tmp_path):
    head = tmp_path / "a+orig.HEAD"
    text = (SHIPPED / "example4d+orig.HEAD").read_text()
    head.write_text("\n\n".join(block for block in text.split("\n\n") if "TAXIS" not in block))
    shutil.copy(SHIPPED / "example4d+orig.BRIK.gz", tmp_path / "a+orig.BRIK.gz")
    assert (read_image(str(head)).channels, read_image(str(head)).period) == (True, 0)
    expected = voxels_of(nibabel.load(head))[..., 1].T
    np.testing.assert_array_equal(read_image(str(head), channel=2).voxels, expected)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bad_attribute+orig", "bad_attribute.orig.HEAD cannot be read .*improper type casting.*fetch it again"),
        (
            "bad_datatype+orig",
            r"bad_datatype\+orig\.HEAD cannot be read \(Can't load file with multiple data types\): con",
        ),
    ],
)
def test_headers_that_nibabel_refuses(tmp_path, name, words):
    head = copied(tmp_path, name, brik=False)
    with pytest.raises(AiwaveError, match=rf"{name[:8]}.* has no BRIK file beside it: add it"):
        read_images(head)
    head.with_suffix(".BRIK").write_bytes(bytes(100))
    with pytest.raises(AiwaveError, match=words):
        read_images(head)


def test_true_reasons(tmp_path):
    head = copied(tmp_path, "scaled+tlrc")
    brik, text = head.with_suffix(".BRIK"), head.read_text()
    brik.write_bytes(brik.read_bytes()[:-1])
    with pytest.raises(AiwaveError, match=r"scaled\+tlrc\.BRIK cannot be read \(it holds 218267 of 218268 bytes"):
        read_images(head)
    head.write_text(text.replace("count = 1\n 1\n", "count = 1\n 5\n", 1).replace("BRICK_TYPES", "BRICK_KINDS"))
    with pytest.raises(AiwaveError, match=r"scaled\+tlrc\.HEAD cannot be read \(its header lacks BRICK_TYPES\)"):
        read_images(head)
    head.unlink()
    with pytest.raises(AiwaveError, match=r"scaled\+tlrc\.BRIK has no HEAD file beside it: add it"):
        read_images(brik)
    (tmp_path / "a.mgh").write_bytes(bytes(400))
    with pytest.raises(AiwaveError, match=r"a\.mgh cannot be read \(it has no MGH header\)"):
        read_images(tmp_path / "a.mgh")


def test_claims_take_no_memory(tmp_path):
    content = bytearray(gzip.decompress((SHIPPED / "test.mgz").read_bytes()))
    content[4:16] = np.array([1 << 20] * 3, ">i4").tobytes()
    (tmp_path / "a.mgh").write_bytes(content)
    with pytest.raises(AiwaveError, match=r"a\.mgh cannot be read \(it holds .* bytes of voxels\)"):
        read_images(tmp_path / "a.mgh")


def test_damage_is_one_sentence(tmp_path):
    random = np.random.default_rng(0)
    copied(tmp_path, "scaled+tlrc")
    for name, content in (
        ("a.mgh", gzip.decompress((SHIPPED / "test.mgz").read_bytes())),
        ("scaled+tlrc.HEAD", (SHIPPED / "scaled+tlrc.HEAD").read_bytes()),
    ):
        for _ in range(200):
            mutated = bytearray(content)
            for place in random.integers(0, min(len(mutated), 2500) if "HEAD" in name else 90, 4):
                mutated[place] = random.choice([0, 32, 45, 48, 57, 255, random.integers(256)])
            (tmp_path / name).write_bytes(mutated)
            try:
                (image,) = read_images(tmp_path / name)
            except AiwaveError:
                continue
            assert np.isfinite([*image.spacing, *image.origin, *image.direction]).all()


def test_a_pair_of_files_is_one_image(tmp_path):
    copied(tmp_path, "scaled+tlrc")
    nibabel.save(nibabel.Nifti1Pair(noise((3, 4, 5), "int16"), np.eye(4)), tmp_path / "b.img")
    found = LocalFiles(str(tmp_path)).fetch(tmp_path)
    assert [(raw.subject, Path(raw.path).name) for raw in found] == [
        ("b", "b.hdr"),
        ("scaled+tlrc", "scaled+tlrc.HEAD"),
    ]
