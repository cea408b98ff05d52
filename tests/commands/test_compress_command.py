"""aiwave compress, decompress, info and export on real files."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.api import compress as compress_bytes
from aiwave.bitstream.tile_index import Mode
from aiwave.cli import main
from aiwave.commands.info import WAYS
from aiwave.images import Image, read_image, read_images, write_image
from aiwave.images.image_files import WRITERS
from tests.conftest import textured
from tests.files import file_model, noise, npy
from tests.raw_images import dicom, placed

TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.aiwm"
    path.write_bytes(file_model().data)
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def image(shape=(4, 5, 6), dtype="int16", **geometry):
    return Image(noise(shape, dtype), (2.5, 0.75, 0.5), (10.0, -20.5, 30.0), TURNED, **geometry)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_geometry_survives(suffix, dtype, model, tmp_path):
    original = image(dtype=dtype, slope=0.5, intercept=-3.0) if suffix.startswith(".nii") else image(dtype=dtype)
    first, packed, last = tmp_path / f"a{suffix}", tmp_path / "a.aiw", tmp_path / f"b{suffix}"
    write_image(original, str(first))
    assert run("compress", first, packed, "--model", model, "--lossless") == 0
    assert run("decompress", packed, last, "--model", model) == 0
    (before,), (after,) = read_images(first), read_images(last)
    np.testing.assert_array_equal(after.voxels, original.voxels)
    assert after.voxels.dtype == original.voxels.dtype
    for name in ("spacing", "origin", "direction", "slope", "intercept"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-6), name
    if suffix != ".npy":
        assert after.spacing == pytest.approx(original.spacing, rel=1e-5)
    if suffix not in (".npy", ".tif", ".tiff"):
        assert after.direction == pytest.approx(original.direction, abs=1e-5)
        assert after.origin == pytest.approx(original.origin, rel=1e-5)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".tif", ".npy"])
def test_series_survive(suffix, model, tmp_path):
    series = image((3, 4, 5, 6), "uint8")
    write_image(series, str(tmp_path / f"a{suffix}"))
    assert run("compress", tmp_path / f"a{suffix}", tmp_path / "a.aiw", "--model", model, "--lossless") == 0
    assert run("decompress", tmp_path / "a.aiw", tmp_path / f"b{suffix}", "--model", model) == 0
    (again,) = read_images(tmp_path / f"b{suffix}")
    np.testing.assert_array_equal(again.voxels, series.voxels)


def test_other_programs_read_what_is_written(tmp_path):
    write_image(image(), str(tmp_path / "a.nrrd"))
    read = sitk.ReadImage(str(tmp_path / "a.nrrd"))
    assert read.GetSpacing() == pytest.approx((0.5, 0.75, 2.5))
    assert read.GetOrigin() == pytest.approx((10.0, -20.5, 30.0))
    write_image(image((4, 5, 6), "uint16"), str(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata["spacing"] == 2.5
        assert file.asarray().shape == (4, 5, 6)
    write_image(image(slope=2.0, intercept=1.0), str(tmp_path / "a.nii"))
    physical = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii")))
    np.testing.assert_allclose(physical, 2.0 * image().voxels + 1)


def test_a_dicom_series_becomes_a_volume(model, tmp_path):
    stored = noise((4, 6, 5), "int16") // 16
    dicom(tmp_path / "series", stored)
    assert (
        run("compress", tmp_path / "series", tmp_path / "a.aiw", "--model", model, "--lossless", "--embed-model") == 0
    )
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "a.nii.gz") == 0
    (again,) = read_images(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(again.voxels, stored)
    expected = placed(stored)
    assert again.spacing == pytest.approx(expected.GetSpacing()[::-1], rel=1e-5)
    assert again.direction == pytest.approx(expected.GetDirection(), abs=1e-5)


def test_times_and_channels_come_back_or_one_channel(model, tmp_path):
    voxels = noise((3, 2, 4, 5, 6), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", voxels, ome=True, photometric="minisblack", metadata={"axes": "TCZYX"})
    options = (tmp_path / "a.aiw", "--model", model, "--lossless", "--embed-model")
    assert run("compress", tmp_path / "a.tif", *options) == 0
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "again.tif") == 0
    with tifffile.TiffFile(tmp_path / "again.tif") as file:
        assert file.series[0].axes == "TCZYX"
        np.testing.assert_array_equal(file.asarray(), voxels)
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "some.nii", "--region", "1:4,0:4,0:5,0:6") == 0
    np.testing.assert_array_equal(read_image(str(tmp_path / "some.nii")).voxels, voxels.reshape(6, 4, 5, 6)[1:4])
    assert run("compress", tmp_path / "a.tif", *options, "--channel", 2, "--force") == 0
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "b.npy") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), voxels[:, 1])


def test_one_of_several_dicom_series_is_chosen(model, tmp_path, capfd):
    stored = [noise((4, 6, 5), "int16") // 16, noise((3, 6, 5), "int16") // 8]
    for k in range(2):
        dicom(tmp_path / "in" / str(k), stored[k], series=f"1.2.3.{k}")
    given = ("compress", tmp_path / "in", tmp_path / "a.aiw", "--model", model, "--lossless", "--embed-model")
    assert run(*given) == 1
    assert "1: no description (CT, 4 slices); 2: no description (CT, 3 slices)." in capfd.readouterr().err
    assert run(*given, "--series", 2) == 0
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "a.npy") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), stored[1])


def test_a_region_and_a_preview_keep_their_place(model, tmp_path):
    original = image((8, 9, 10))
    write_image(original, str(tmp_path / "a.mha"))
    run("compress", tmp_path / "a.mha", tmp_path / "a.aiw", "--model", model, "--lossless", "--embed-model")
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "part.mha", "--region", "2:6,:5,4:") == 0
    (part,) = read_images(tmp_path / "part.mha")
    np.testing.assert_array_equal(part.voxels, original.voxels[2:6, :5, 4:])
    assert part.origin == pytest.approx(original.position((2, 0, 4)))
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "half.mha", "--region", "2:6,:5,4:", "--level", 1) == 0
    (half,) = read_images(tmp_path / "half.mha")
    assert half.voxels.shape == (2, 3, 3)
    assert half.spacing == pytest.approx((5.0, 1.5, 1.0))
    assert half.origin == pytest.approx(original.position((2, 0, 4)))


def test_info_tells_what_there_is(model, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", textured((6, 7, 8), 0))
    run("compress", tmp_path / "a.tif", tmp_path / "a.aiw", "--model", model, "--step", 3)
    capsys.readouterr()
    assert run("info", tmp_path / "a.aiw", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["shape"], found["dtype"], found["lossless"]) == ([6, 7, 8], "uint8", False)
    assert found["bytes"] == (tmp_path / "a.aiw").stat().st_size
    assert found["model"] == file_model().identity
    assert run("info", tmp_path / "a.aiw") == 0
    assert "6 × 7 × 8 uint8" in (said := capsys.readouterr().out)
    assert ["model", "lossless", f"{file_model().identity[:16]}…", "(not"] in [
        line.split()[:4] for line in said.splitlines()
    ]


def test_streams_pass_through_pipes(model):
    volume = textured((5, 6, 7), 0)
    aiwave = [sys.executable, "-m", "aiwave"]
    packed = subprocess.run(
        [*aiwave, "compress", "-", "-", "--model", str(model), "--lossless"],
        input=npy(volume), capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert packed == compress_bytes(volume, file_model(), lossless=True, metadata={"model": "lossless"})
    command = [*aiwave, "decompress", "-", "-", "--model", str(model)]
    assert subprocess.run(command, input=packed, capture_output=True, check=True).stdout == npy(volume)
    broken = subprocess.run(command, input=packed[:-1], capture_output=True, check=False)
    assert (broken.returncode, broken.stdout) == (1, b"")
    assert broken.stderr == b"aiwave: The file is damaged: it is cut short.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("compress", "a.npy", "new.aiw", "--model", "MODEL", "--lossy"), 2, "unrecognized"),
        (("compress", "a.npy", "new.aiw", "--model", "MODEL", "--lossless", "--step", "2"), 2, "not allowed"),
        (("compress", "a.npy", "there.aiw", "--model", "MODEL", "--lossless"), 1, "already exists"),
        (("compress", "a.npy", "new.aiw", "--lossless", "--model", "nobody"), 1, "No model is called nobody"),
        (("compress", "a.npy", "new.aiw", "--model", "nowhere.aiwm", "--lossless"), 1, "nowhere.aiwm cannot be read"),
        (("compress", "a.npy", "new.aiw", "--model", "a.npy", "--lossless"), 1, "a.npy: It is no model file"),
        (("compress", "float.npy", "new.aiw", "--model", "MODEL", "--lossless"), 1, "float.npy holds complex voxels"),
        (("compress", "nowhere.tif", "new.aiw", "--model", "MODEL", "--lossless"), 1, "does not exist"),
        (("decompress", "there.aiw", "new.tif", "--model", "MODEL"), 1, "not an .aiw file"),
        (("decompress", "good.aiw", "new.jpg", "--model", "MODEL"), 1, "suffix"),
        (("decompress", "good.aiw", "new.tif", "--model", "MODEL", "--region", "1:2"), 1, "give z, y, x"),
        (("decompress", "good.aiw", "new.tif", "--model", "MODEL", "--region", "1:x,:,:"), 1, "cannot be read"),
        (("decompress", "good.aiw", "new.tif", "--model", "MODEL", "--region", "0:99,:,:"), 1, "choose one inside it"),
        (("decompress", "good.aiw", "new.tif", "--model", "MODEL", "--level", "3"), 1, "level from 0 to 2"),
        (("compress", "a.npy", "a.npy/x.aiw", "--model", "MODEL", "--lossless"), 1, "Cannot write a.npy/x.aiw"),
        (("compress", "a.npy", "new.aiw", "--modality", "t1"), 1, "--modality is t1: give one of ct, em, fmri, mri"),
        (("info", "nowhere.aiw"), 1, "nowhere.aiw cannot be read"),
    ],
)
def test_mistakes_are_named_and_leave_no_file(arguments, status, words, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", textured((3, 4, 5), 0))
    np.save("float.npy", np.zeros((2, 2, 2), "complex64"))
    (tmp_path / "there.aiw").write_bytes(b"something else")
    (tmp_path / "good.aiw").write_bytes(compress_bytes(textured((3, 4, 5), 0), file_model(), lossless=True))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main([str(model) if word == "MODEL" else word for word in arguments]) == status
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.fixture
def small_files():
    """Files can hold no more than 2,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("name", [f"b{suffix}" for suffix in (*WRITERS, ".aiw")])
def test_a_full_disk_leaves_no_file(name, model, tmp_path, monkeypatch, capsys, request):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", noise((20, 20, 20)))
    (tmp_path / "a.aiw").write_bytes(compress_bytes(np.load("a.npy"), file_model(), lossless=True))
    request.getfixturevalue("small_files")
    command = ("compress", "a.npy", name, "--lossless") if name == "b.aiw" else ("decompress", "a.aiw", name)
    assert run(*command, "--model", model) == 1
    assert f"Cannot write {name}: " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.aiw", "a.npy"]


def test_an_interruption_leaves_no_file(model, tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", textured((6, 7, 8), 0))

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("aiwave.bitstream.tile_codec.TileCodec.encode", interrupt)
    assert run("compress", tmp_path / "a.tif", tmp_path / "a.aiw", "--model", model, "--lossless") == 130
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_info_has_words_for_every_way_of_coding_a_tile():
    assert set(WAYS) == {mode.name.lower() for mode in Mode}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compress", "a.npy", ""], "Argument 2 of aiwave compress is empty"),
        (["compress", "", "a.aiw"], "Argument 1 of aiwave compress is empty"),
        (["info", ""], "Argument 1 of aiwave info is empty"),
        (["compress", "a.npy", "folder/"], "folder/ is the name of a folder"),
        (["compress", "a.npy", "a.aiw", "--nearest"], "--nearest is for lossy coding"),
        (["compress", "a.npy", "a.aiw", "--modality", "ct", "--model", "em_lossless"], "leave one of them out"),
        (["compress", "none.npy", "a.aiw", "--tile", "0"], "Tiles cannot have 0 voxels per side: give a multiple of 2"),
        (["compress", "none.npy", "a.aiw", "--tile", "33"], "Tiles cannot have 33 voxels per side"),
        (["compress", "none.npy", "a.aiw", "--tile", "34", "--model", "em_nano"], "Tiles cannot have 34 voxels"),
        (["compress", "none.npy", "a.aiw", "--step", "-1"], "The step -1.0 cannot be used"),
        (["export", "nothing"], "nothing does not exist: give the folder of a run"),
    ],
)
def test_names_that_are_none_and_options_without_effect(tmp_path, monkeypatch, arguments, words, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", textured((8, 8, 8), 0))
    assert main(arguments) == 1
    assert words in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
