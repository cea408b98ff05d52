"""`aiwave convert`: its stores, read by zarr-python and checked by ome-zarr-models; what is done twice, what not."""

import json
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from ome_zarr_models.v05 import Image

import zarr
from aiwave.cli import main
from aiwave.conversion import shards, to_store, work
from aiwave.conversion.codecs import filled_up
from tests.conftest import textured
from tests.stores.test_opening import ome, precomputed, sections, written

VOLUME = textured((34, 20, 36), 0)
SIDES = ["--chunk", "16", "--shard", "32", "--workers", "1"]
SMALL = [*SIDES, "--model", "em_lossless"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def coded(monkeypatch):
    """Boxes of the chunks that were coded."""
    boxes, whole = [], work.CodePart._chunk

    def chunk(self, voxels, box, measured):
        boxes.append((self.number, box))
        return whole(self, voxels, box, measured)

    monkeypatch.setattr(work.CodePart, "_chunk", chunk)
    return boxes


def convert(*arguments):
    return main(["convert", *map(str, arguments)])


def image(path):
    """The image at a path, its metadata checked."""
    group = zarr.open_group(str(path), mode="r")
    return group, Image.from_zarr(group).attributes.ome.multiscales[0]


def source_of(kind, folder):
    """A source of each kind, with its scale along z, y, x and its unit."""
    if kind == "ome":
        transforms = [{"type": "scale", "scale": [4, 4, 4]}, {"type": "translation", "translation": [1, 2, 3]}]
        group = zarr.open_group(str(folder / "a.zarr"), mode="w")
        group.create_array("s0", shape=VOLUME.shape, chunks=(16, 20, 50), dtype="uint8")[:] = VOLUME
        axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
        datasets = [{"path": "s0", "coordinateTransformations": transforms}]
        group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
        return folder / "a.zarr", [4, 4, 4], "nanometer"
    if kind == "n5":
        about = {"units": ["nm"] * 3, "resolution": [4, 5, 6]}
        return written(folder / "a.n5", "n5", VOLUME.T, metadata=about), [6, 5, 4], "nanometer"
    if kind == "precomputed":
        return precomputed(folder / "a", VOLUME.T[..., None]), [40, 5, 4], "nanometer"
    if kind == "sections":
        return sections(folder / "a", VOLUME), [1, 1, 1], None
    if kind == "nifti":
        nibabel.Nifti1Image(VOLUME.T, np.diag([0.2, 0.3, 0.25, 1])).to_filename(folder / "a.nii.gz")
        return folder / "a.nii.gz", [0.25, 0.3, 0.2], "millimeter"
    return written(folder / "a", "zarr", VOLUME), [1, 1, 1], None


def test_an_address_is_read_like_a_path(tmp_path, server):
    store, *_ = source_of("ome", tmp_path)
    files = [path for path in store.rglob("*") if path.is_file()]
    server.files = {f"/{path.relative_to(tmp_path)}": path.read_bytes() for path in files}
    assert convert(f"{server.url}/a.zarr", "out.zarr", *SMALL, "--quiet", "--region", "0:20,:,:") == 0
    np.testing.assert_array_equal(image("out.zarr")[0]["0"][:], VOLUME[:20])
    server.files.pop("/a.zarr/zarr.json")
    assert convert(f"{server.url}/a.zarr", "other.zarr", *SMALL) == 1


def test_on_windows_no_file_of_a_store_is_open_when_it_gets_its_name(monkeypatch):
    np.save("a.npy", VOLUME[:16, :16, :16])
    rename = os.rename

    def watched(folder, target):
        opened = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        assert not [name for name in opened if name.startswith(str(folder))]
        rename(folder, target)

    monkeypatch.setattr(to_store, "IS_WINDOWS", True)
    monkeypatch.setattr(to_store.os, "rename", watched)
    assert convert("a.npy", "out.zarr", *SMALL, "--quiet") == 0
    assert Path("out.zarr").is_dir()


def test_levels_that_there_cannot_be_are_said(capsys):
    np.save("a.npy", VOLUME[:4, :3, :3])
    assert convert("a.npy", "out.zarr", *SIDES, "--codec", "zstd", "--levels", 99) == 0
    assert "levels: 3, not 99, since nothing is left to halve then" in capsys.readouterr().err
    assert len(image("out.zarr")[1].datasets) == 3


@pytest.mark.parametrize("kind", ["ome", "n5", "precomputed", "sections", "nifti", "zarr2"])
def test_every_source_comes_back_with_its_scale(tmp_path, kind):
    source, scale, unit = source_of(kind, tmp_path)
    assert convert(source, "out.zarr", *SMALL, "--quiet") == 0
    group, about = image("out.zarr")
    np.testing.assert_array_equal(group["0"][:], VOLUME)
    assert [axis.unit for axis in about.axes] == [unit] * 3
    np.testing.assert_allclose(about.datasets[0].coordinateTransformations[0].scale, scale, rtol=1e-6)
    assert group["0"].chunks == (16, 16, 16)
    assert group["0"].shards == (32, 32, 32)
    (codec,) = group["0"].metadata.to_dict()["codecs"][0]["configuration"]["codecs"]
    assert codec["name"] == "aiwave"
    assert sorted(path.name for path in Path("out.zarr").iterdir()) == [
        *(one.path for one in about.datasets),
        "zarr.json",
    ]


def test_levels_are_low_bands_where_the_codec_has_them(tmp_path):
    np.save("a.npy", VOLUME)
    convert("a.npy", "out.zarr", *SMALL)
    group, about = image("out.zarr")
    assert [array.shape for _, array in sorted(group.arrays())] == [(34, 20, 36), (17, 10, 18), (9, 5, 9)]
    assert about.type == "low-band"
    assert about.datasets[2].coordinateTransformations[0].scale == [4, 4, 4]
    assert about.datasets[2].coordinateTransformations[1].translation == [0, 0, 0]
    even, low = VOLUME[::2, ::2, ::2].astype(float), group["1"][:].astype(float)
    assert 1 < np.sqrt(np.mean((low - even) ** 2)) < 12  # smoothed, at these very places
    assert abs(low.mean() - VOLUME.mean()) < 1
    for side in (low[-1] - even[-1], low[:, -1] - even[:, -1], low[..., -1] - even[..., -1]):
        assert abs(side.mean()) < 3  # nothing of what fills up chunks


@pytest.mark.parametrize("model", ["em_lossless", "voxels_fast"])
def test_a_low_band_is_what_decompress_has_for_a_preview(tmp_path, model):
    import aiwave

    part = VOLUME[:16, :16, :16]
    np.save("a.npy", part)
    assert convert("a.npy", "out.zarr", *SIDES, "--model", model, "--levels", 2, "--quiet") == 0
    data = aiwave.compress(part, model, lossless=True)
    np.testing.assert_array_equal(image("out.zarr")[0]["1"][:], aiwave.decompress(data, level=1))


@pytest.mark.parametrize("kind", ["textured", "few values", "negative", "with air"])
def test_low_bands_of_exact_voxels_are_those_of_the_chunks_though_nothing_is_decoded(tmp_path, monkeypatch, kind):
    volume = {
        "textured": VOLUME,
        "few values": VOLUME // 60 * 60,
        "negative": VOLUME.astype(np.int16) * 9 - 1200,
        "with air": np.where(np.arange(34)[:, None, None] < 17, 0, VOLUME),
    }[kind].astype("int16" if kind == "negative" else "uint8")
    np.save("a.npy", volume)
    options = [*SIDES, "--model", "voxels_fast", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr("aiwave.zarr.array_codec.low_band", lambda *_: pytest.fail("a chunk was decoded"))
        assert convert("a.npy", "told.zarr", *options, "--levels", 2) == 0
    monkeypatch.setattr("aiwave.zarr.volumes.tells_low_bands", lambda _: False)
    assert convert("a.npy", "decoded.zarr", *options, "--levels", 2) == 0
    told, decoded = (image(path)[0]["1"][:] for path in ("told.zarr", "decoded.zarr"))
    np.testing.assert_array_equal(told, decoded)


def test_means_lie_in_the_middle_and_anisotropic_voxels_become_cubes(tmp_path):
    source = ome(tmp_path / "a.zarr", "0.5", [{"type": "scale", "scale": [40, 10, 10]}])
    assert convert(source, "out.zarr", "--chunk", "4,8,8", "--workers", 1, "--levels", 3) == 0
    group, about = image("out.zarr")
    volume = zarr.open_array(f"{source}/0", mode="r")[:].astype(float)
    assert about.type == "mean"
    mean = volume.reshape(10, 6, 2, 7, 2).mean((2, 4))
    np.testing.assert_array_equal(group["1"][:], np.rint(mean))
    assert group["2"].shape == (10, 3, 4)
    second = about.datasets[1].coordinateTransformations
    assert (second[0].scale, second[1].translation) == ([40, 20, 20], [0, 5, 5])
    assert about.datasets[2].coordinateTransformations[1].translation == [0, 15, 15]


@pytest.mark.parametrize(("dtype", "method"), [("int16", "low-band"), ("float32", "mean"), ("bool", "nearest")])
def test_voxels_of_other_types_have_levels_that_suit_them(tmp_path, dtype, method):
    volume = VOLUME > 128 if dtype == "bool" else (VOLUME.astype("float64") * 7.5 - 900).astype(dtype)
    np.save("a.npy", volume)
    assert convert("a.npy", "out.zarr", *SIDES, "--model", "em_lossless", "--levels", 2, "--verify") == 0
    group, about = image("out.zarr")
    assert group["0"].dtype == volume.dtype
    np.testing.assert_array_equal(group["0"][:], volume)
    assert about.type == method
    even, level = volume[::2, ::2, ::2].astype(float), group["1"][:].astype(float)
    if method == "low-band":
        assert abs(level.mean() - volume.mean()) < 0.01 * np.ptp(volume)
        assert np.abs(level - even).mean() < 0.05 * np.ptp(volume)
    elif method == "mean":
        blocks = volume.reshape(17, 2, 10, 2, 18, 2).astype(float)
        np.testing.assert_allclose(level, blocks.mean((1, 3, 5)), rtol=1e-6)
    else:
        np.testing.assert_array_equal(level, even)


def test_labels_keep_their_numbers(tmp_path):
    labels = (VOLUME // 50).astype("uint32") + 70000
    np.save("a.npy", labels)
    assert convert("a.npy", "out.zarr", *SMALL, "--levels", 2) == 0
    group, about = image("out.zarr")
    assert about.type == "nearest"
    np.testing.assert_array_equal(group["1"][:], labels[::2, ::2, ::2])


@pytest.mark.parametrize(("options", "most"), [(["--max-error", 2], 2), (["--step", 4], 16), (["--psnr", 40], 30)])
def test_the_quality_is_what_was_asked_for(tmp_path, options, most, capsys):
    np.save("a.npy", VOLUME)
    assert convert("a.npy", "out.zarr", *SIDES, "--modality", "em", "--verify", *options) == 0
    group, _ = image("out.zarr")
    error = np.abs(group["0"][:].astype(float) - VOLUME)
    assert 0 < error.max() <= most
    row = group.attrs["aiwave"]["summary"][0]
    if "--psnr" in options:
        assert row["psnr_db"] == pytest.approx(40, abs=1)
    assert row["max_error"] == error.max()
    assert row["measured_voxels"] == VOLUME.size
    assert row["psnr_db"] == pytest.approx(10 * np.log10(255**2 / np.mean(error**2)), abs=1e-6)
    stored = sum(path.stat().st_size for path in Path("out.zarr/0/c").rglob("*") if path.is_file())
    assert (row["bytes_before"], row["bytes_after"]) == (VOLUME.nbytes, stored)
    assert f"{row['psnr_db']:.2f} dB" in capsys.readouterr().out


def test_series_and_channels_are_cut_between_them(tmp_path):
    series = np.stack([np.stack([textured((20, 18, 19), 2 * t + c) for c in range(2)]) for t in range(2)])
    path = written(tmp_path / "a", "zarr3", series, metadata={"dimension_names": list("tczyx")})
    assert convert(path, "out.zarr", *SMALL) == 0
    group, about = image("out.zarr")
    np.testing.assert_array_equal(group["0"][:], series)
    assert [axis.name for axis in about.axes] == list("tczyx")
    assert group["0"].chunks == (1, 1, 16, 16, 16)
    assert group["1"].shape == (2, 2, 10, 9, 10)
    assert convert("out.zarr", "one.npy", "--region", "1:2,0:1,2:12,:,3:") == 0
    np.testing.assert_array_equal(np.load("one.npy"), series[1, 0, 2:12, :, 3:])
    assert convert("out.zarr", "all.tif") == 0
    assert convert("out.zarr", "channels.tif", "--region", "1:2,:,2:12,:,3:") == 0
    for name, axes, expected in (("all", "TZCYX", series), ("channels", "ZCYX", series[1, :, 2:12, :, 3:])):
        with tifffile.TiffFile(f"{name}.tif") as file:
            assert file.series[0].axes == axes
            np.testing.assert_array_equal(file.asarray(), expected.swapaxes(-4, -3))
    assert convert("all.tif", "again.zarr", *SMALL) == 0
    again, about = image("again.zarr")
    assert [axis.name for axis in about.axes] == list("tczyx")
    np.testing.assert_array_equal(again["0"][:], series)


def test_zeros_take_no_room(tmp_path):
    volume = VOLUME.copy()
    volume[:32, :, :32] = 0
    volume[32:, 16:, 32:] = 0
    np.save("a.npy", volume)
    assert convert("a.npy", "out.zarr", *SMALL, "--levels", 1) == 0
    np.testing.assert_array_equal(image("out.zarr")[0]["0"][:], volume)
    assert not Path("out.zarr/0/c/0/0/0").exists()
    assert Path("out.zarr/0/c/0/0/1").exists()


def test_back_to_other_codecs_and_to_images(tmp_path):
    affine = np.diag([-0.2, 0.3, 0.25, 1])
    affine[:3, 3] = 7, 8, 9
    nibabel.Nifti1Image(VOLUME.T, affine).to_filename("a.nii")
    assert convert("a.nii", "a.zarr", *SMALL, "--quiet") == 0
    assert convert("a.zarr", "b.zarr", *SIDES, "--codec", "blosc") == 0
    assert convert("b.zarr", "c.zarr", *SIDES, "--codec", '{"name": "gzip", "configuration": {"level": 1}}') == 0
    group, about = image("c.zarr")
    assert about.type == "mean"
    np.testing.assert_array_equal(group["0"][:], VOLUME)
    assert group["0"].compressors[0].to_dict() == {"name": "gzip", "configuration": {"level": 1}}
    assert convert("c.zarr", "back.nii") == 0
    back = nibabel.load("back.nii")
    np.testing.assert_array_equal(np.asarray(back.dataobj), VOLUME.T)
    np.testing.assert_allclose(back.affine, affine, atol=1e-6)
    assert convert("a.zarr", "part.nii", "--region", "4:20,:,10:") == 0
    part = nibabel.load("part.nii")
    np.testing.assert_array_equal(np.asarray(part.dataobj), VOLUME[4:20, :, 10:].T)
    np.testing.assert_allclose(part.affine[:3, 3], affine[:3, 3] + affine[:3, :3] @ [10, 0, 4], atol=1e-6)
    assert convert("a.zarr", "part.zarr", *SMALL, "--region", "4:20,:,10:") == 0
    assert convert("part.zarr", "part.tif") == 0
    np.testing.assert_array_equal(tifffile.imread("part.tif"), VOLUME[4:20, :, 10:])


def fail_at(monkeypatch, number, error):
    """Let the coding of the chunk of this number fail."""
    count, whole = [0], work.CodePart._chunk

    def chunk(self, *arguments):
        count[0] += 1
        if count[0] >= number:
            raise error
        return whole(self, *arguments)

    monkeypatch.setattr(work.CodePart, "_chunk", chunk)


def test_a_command_goes_on_where_another_was_interrupted(tmp_path, coded, monkeypatch, capsys):
    np.save("a.npy", VOLUME)
    convert("a.npy", "whole.zarr", *SMALL)
    expected = list(coded)
    coded.clear()
    with monkeypatch.context() as patch:
        fail_at(patch, 10, KeyboardInterrupt())
        assert convert("a.npy", "out.zarr", *SMALL) == 130
    assert "goes on from there" in capsys.readouterr().err
    assert not Path("out.zarr").exists()
    done = len(list(Path("out.zarr.part/journal").glob("*/part-*")))
    assert done > 0
    before = [box for number, box in coded]
    assert convert("a.npy", "out.zarr", *SMALL) == 0
    twice = len(coded) - len(expected)
    assert 0 <= twice < 4  # the part that was not finished, of 2 x 2 chunks
    assert len(before) > 4
    assert sorted({*map(str, coded)}) == sorted({*map(str, expected)})
    for path in Path("whole.zarr").rglob("c/**/*"):
        assert path.is_dir() or path.read_bytes() == (Path("out.zarr") / path.relative_to("whole.zarr")).read_bytes()
    coded.clear()
    capsys.readouterr()
    assert convert("a.npy", "out.zarr", *SMALL) == 0
    assert "nothing was left to do" in capsys.readouterr().out
    assert not coded
    assert not Path("out.zarr.part").exists()


def test_nothing_is_left_of_what_was_interrupted_before_a_part_was_finished(tmp_path, monkeypatch, capsys):
    np.save("a.npy", VOLUME[:16, :16, :16])
    fail_at(monkeypatch, 1, KeyboardInterrupt())
    assert convert("a.npy", "out.zarr", *SMALL) == 130
    assert "the same command starts again" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_shard_that_was_not_joined_in_the_end_is_joined_again(tmp_path, coded, monkeypatch):
    np.save("a.npy", VOLUME)
    with monkeypatch.context() as patch:
        patch.setattr(shards, "_copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        assert convert("a.npy", "out.zarr", *SMALL, "--levels", 1) == 130
    count = len(coded)
    assert not list(Path("out.zarr.part/0").rglob("c/*/*/*"))
    assert convert("a.npy", "out.zarr", *SMALL, "--levels", 1) == 0
    assert len(coded) == count == 3 * 2 * 3
    np.testing.assert_array_equal(image("out.zarr")[0]["0"][:], VOLUME)


def test_a_chunk_that_fails_is_tried_again_then_named(tmp_path, monkeypatch, capsys):
    np.save("a.npy", VOLUME)
    count, whole = [0], work.CodePart._chunk

    def once(self, *arguments):
        count[0] += 1
        if count[0] == 3:
            raise work.AiwaveError("The disk was away.")
        return whole(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(work.CodePart, "_chunk", once)
        assert convert("a.npy", "out.zarr", *SMALL, "--levels", 1) == 0
    with monkeypatch.context() as patch:
        patch.setattr(work.Cell, "encode", lambda *_: (_ for _ in ()).throw(MemoryError()))
        assert convert("a.npy", "other.zarr", *SMALL) == 1
    said = capsys.readouterr().err
    assert "The chunk of level 0 at 0:16,0:16,0:16 could not be coded: There is not enough memory" in said


def test_a_codec_that_does_not_give_back_what_it_got_is_caught(tmp_path, monkeypatch, capsys):
    np.save("a.npy", VOLUME)
    whole = work.Cell.decoded
    monkeypatch.setattr(work.Cell, "decoded", lambda self: whole(self) ^ 1)
    assert convert("a.npy", "out.zarr", *SMALL) == 1
    assert "at 0:16,0:16,0:16 is off by 1 when read back" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-error", 1], "other settings (codec or quality)"),
        (["--levels", 1], "other settings (shape, chunks, shards or levels)"),
        (["--verify"], "other settings (--verify)"),
    ],
)
def test_a_target_with_other_settings_is_refused(tmp_path, options, words, monkeypatch, capsys):
    np.save("a.npy", VOLUME[:17, :16, :16])
    with monkeypatch.context() as patch:
        fail_at(patch, 2, KeyboardInterrupt())
        convert("a.npy", "out.zarr", *SMALL)
    before = sorted(Path("out.zarr.part").rglob("*"))
    assert convert("a.npy", "out.zarr", *SMALL, *options) == 1
    assert words in capsys.readouterr().err
    assert sorted(Path("out.zarr.part").rglob("*")) == before
    assert convert("a.npy", "out.zarr", *SMALL) == 0
    assert convert("a.npy", "out.zarr", *SMALL, *options) == 1
    assert words in capsys.readouterr().err
    assert not Path("out.zarr.part").exists()


def test_a_source_that_changes_is_refused(tmp_path, monkeypatch, capsys):
    path = Path(written(tmp_path / "a", "zarr", VOLUME[:33]))
    with monkeypatch.context() as patch:
        fail_at(patch, 20, KeyboardInterrupt())
        convert(path, "out.zarr", *SMALL)
    zarr.open_array(str(path), mode="r+")[:] = VOLUME[1:34]
    assert convert(path, "out.zarr", *SMALL) == 1
    assert "a has changed since" in capsys.readouterr().err
    whole = shards.JoinShard._join

    def join(self, parts):
        zarr.open_array(str(path), mode="r+")[:] = VOLUME[::-1][:33]
        return whole(self, parts)

    monkeypatch.setattr(shards.JoinShard, "_join", join)
    assert convert(path, "other.zarr", *SMALL) == 1
    assert "a has changed since" in capsys.readouterr().err
    assert not Path("other.zarr").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.npy", "out"], "out is neither a store nor an image"),
        (["no.zarr", "out.zarr"], "no.zarr cannot be read: it does not exist"),
        (["complex.npy", "out.zarr"], "complex.npy holds complex voxels"),
        (["a.npy", "out.zarr", "--codec", "nothing"], "No codec 'nothing' is registered"),
        (["a.npy", "out.zarr", "--codec", "transpose"], "cannot be used"),
        (["a.npy", "out.zarr", "--codec", "zstd", "--step", "3"], "Quality and model are those of the codec aiwave"),
        (["a.npy", "out.zarr", "--model", "nothing"], "nothing"),
        (["a.npy", "out.zarr", "--step", "-1"], "mode {'step': -1.0} is unknown"),
        (["a.npy", "out.zarr", "--chunk", "16,x"], "--chunk is 16,x: give voxels"),
        (["a.npy", "out.zarr", "--chunk", "16", "--shard", "40"], "side of 40 is no multiple of a chunk's, 16"),
        (["a.npy", "out.zarr", "--chunk", "15", "--downsample", "low-band"], "has no low band to come from"),
        (["a.npy", "out.zarr", "--region", "0:99,:,:"], "The region 0:99 along z does not lie in 0:34"),
        (["a.npy", "out.zarr", "--region", "0:9"], "has 1 axes"),
        (["a.npy", "out.zarr", "--axes", "zyx"], "image files tell theirs"),
        (["a.npy", "out.zarr", "--workers", "0"], "--workers is 0"),
        (["a.npy", "out.zarr", "--levels", "0"], "--levels is 0"),
        (["a.npy", "out.zarr", "--step", "inf"], "mode {'step': inf} is unknown"),
        (["a.npy", "out.zarr", "--workers", "1", "--step", "4", "--model", "em_lossless"], "codes only losslessly"),
        (["a.npy", "out.zarr", "--workers", "1", "--codec", "vlen-utf8"], "could not be coded: TypeError"),
        (["a.npy", "out.zarr", "--codec", '{"name":' * 2000], "cannot be used"),
        (["empty.zarr", "out.zarr"], "empty.zarr has the shape (0, 5, 5): it holds no voxels"),
        (["deep.zarr", "out.zarr"], "deep.zarr/zarr.json is damaged: it is not JSON"),
        (["a.npy", "there.zarr/"], "there.zarr already exists, and this command did not make it"),
        (["a.npy", "out.zarr", "--modality", "xray"], "--modality is xray"),
        (["a.npy", "there.zarr"], "there.zarr already exists, and this command did not make it"),
        (["a.npy", "a.tif"], "a.tif already exists"),
        (["-", "out.zarr"], "not of standard input"),
        (["", "out.zarr"], "Argument 1 of aiwave convert is empty"),
        (["a.npy", "out.zarr", "--model", ""], "Argument 4 of aiwave convert is empty"),
        (["a.npy", "out.zarr", "--max-error", "1.5"], "whole"),
        (["a.npy", "out.nii.gz", "--step", "4"], "--step is for stores, but out.nii.gz is an image"),
        (["a.npy", "out.nii.gz", "--codec", "zstd", "--verify"], "--codec is for stores"),
        (["a.npy", "out.zarr", "--modality", "ct", "--model", "em_lossless"], "leave one of them out"),
        (
            ["a.npy", "out.zarr", "--modality", "ct", "--codec", "zstd"],
            "Quality and model are those of the codec aiwave",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, arguments, words, capsys):
    np.save("a.npy", VOLUME)
    np.save("complex.npy", VOLUME.astype("complex64"))
    Path("a.tif").write_bytes(b"")
    Path("there.zarr").mkdir()
    zarr.create_array("empty.zarr", shape=(0, 5, 5), dtype="uint8")
    Path("deep.zarr").mkdir()
    Path("deep.zarr/zarr.json").write_text("[" * 100_000)
    before = sorted(tmp_path.rglob("*"))
    assert convert(*arguments) == 1
    said = capsys.readouterr().err.splitlines()
    assert words in said[-1]
    assert said[-1].startswith("aiwave: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_is_filled_by_one_command_at_a_time(tmp_path, monkeypatch, capsys):
    np.save("a.npy", VOLUME[:16, :16, :16])
    seen, whole = [], work.CodePart._chunk

    def chunk(self, *arguments):
        seen.append(convert("a.npy", "out.zarr", *SMALL))
        return whole(self, *arguments)

    monkeypatch.setattr(work.CodePart, "_chunk", chunk)
    assert convert("a.npy", "out.zarr", *SMALL, "--levels", 1) == 0
    assert seen == [1]
    assert "is being filled by another command" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch, capsys):
    np.save("a.npy", VOLUME)
    whole = Path.write_bytes

    def write(self, data):
        if "part/journal/0" in str(self):
            raise OSError(28, "No space left on device")
        return whole(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    assert convert("a.npy", "out.zarr", *SMALL) == 1
    assert "part-0-0-0: No space left on device." in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert convert("a.npy", "out.zarr", *SMALL) == 0


def test_a_damaged_source_is_named_with_its_chunk(tmp_path, capsys):
    np.save("a.npy", VOLUME)
    convert("a.npy", "a.zarr", *SMALL, "--quiet", "--levels", 1)
    path = Path("a.zarr/0/c/1/0/1")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    capsys.readouterr()
    assert convert("a.zarr", "b.zarr", *SIDES, "--codec", "blosc") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "a.zarr cannot be read at 0:34,0:20,0:36: The file is damaged" in said


def test_the_journal_is_plain(tmp_path, monkeypatch):
    np.save("a.npy", VOLUME[:17])
    with monkeypatch.context() as patch:
        fail_at(patch, 10, KeyboardInterrupt())
        convert("a.npy", "out.zarr", *SMALL)
    settings = json.loads(Path("out.zarr.part/journal/settings.json").read_text())
    assert settings["source"] == "a.npy"
    assert settings["codec"][0]["name"] == "aiwave"
    line = next(Path("out.zarr.part/journal/0").iterdir()).read_bytes().split(b"\n", 1)[0]
    assert set(json.loads(line)) == {"sizes", "seconds", "errors"}


def test_what_fills_up_chunks_repeats_little_and_not_beyond_a_tile():
    volume = textured((64, 20, 20), 3)
    filled = filled_up(volume, (128, 64, 20))
    np.testing.assert_array_equal(filled[:64, :20], volume)
    np.testing.assert_array_equal(filled[:64, 20:22], np.repeat(volume[:, -1:], 2, axis=1))
    assert len(np.unique(np.concatenate([filled[:64, 22:].ravel(), filled[64:].ravel()]))) == 1
    assert filled_up(volume, volume.shape) is volume
    empty = np.full((3, 3, 3), np.nan, np.float32)
    assert np.isnan(filled_up(empty, (4, 4, 4))[:3]).all()
