"""Cut-outs of a precomputed volume that tensorstore wrote, by way of the web server."""

import math

import numpy as np
import pytest

from aiwave.datamodules.sources import PrecomputedCutout
from aiwave.datamodules.sources import precomputed as precomputed_cutout
from aiwave.errors import AiwaveError
from aiwave.images import read_images
from aiwave.stores import tensorstore_arrays

SHAPE, OFFSET, CHUNK = (40, 24, 32), (8, 16, 24), 8  # z, y, x
TRUTH = np.random.default_rng(5).integers(1, 256, SHAPE).astype(np.uint8)
BOXES = {"train": "8:27,16:40,24:48", "val": "30:34,17:22,24:30", "test": "40:48,32:40,48:56"}


@pytest.fixture
def volume(server, tmp_path, monkeypatch):
    """A volume on the server, with a coarser scale besides."""
    tensorstore = pytest.importorskip("tensorstore")
    monkeypatch.setattr(tensorstore_arrays, "RETRIES", {"max_retries": 1, "initial_delay": "1ms", "max_delay": "1ms"})
    monkeypatch.setattr(precomputed_cutout, "SLAB", CHUNK)
    folder = tmp_path / "volume"
    for step in (1, 2):
        scale = {
            "size": [side // step for side in SHAPE[::-1]],
            "voxel_offset": [start // step for start in OFFSET[::-1]],
            "resolution": [4 * step, 4 * step, 40],
            "chunk_size": [CHUNK] * 3,
            "encoding": "raw",
        }
        spec = {"driver": "neuroglancer_precomputed", "kvstore": f"file://{folder}/", "scale_metadata": scale}
        if step == 1:
            spec["multiscale_metadata"] = {"type": "image", "data_type": "uint8", "num_channels": 1}
        store = tensorstore.open(spec, create=True).result()
        store[..., 0] = TRUTH.transpose(2, 1, 0)[: scale["size"][0], : scale["size"][1], : scale["size"][2]]
    server.files |= {
        f"/em/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    return f"{server.url}/em"


def cutout(url, boxes=BOXES, resolution=(4, 4, 40)):
    return PrecomputedCutout(url, resolution, boxes)


def test_every_box_is_exact_and_fetched_once(volume, server, tmp_path):
    source = cutout(volume)
    raws = source.fetch(tmp_path / "downloads")
    assert [(raw.subject, raw.split) for raw in raws] == [(split, split) for split in ("test", "train", "val")]
    for raw in raws:
        sides = [tuple(map(int, side.split(":"))) for side in BOXES[raw.split].split(",")]
        where = tuple(slice(a - o, b - o) for (a, b), o in zip(sides, OFFSET, strict=True))
        (image,) = read_images(raw.path)
        np.testing.assert_array_equal(image.voxels, TRUTH[where])
        assert image.voxels.dtype == np.uint8
        assert image.spacing == pytest.approx((40e-6, 4e-6, 4e-6))
        assert raw.source == f"{volume}#{BOXES[raw.split]}"
    assert source.size == sum(math.prod(read_images(raw.path)[0].voxels.shape) for raw in raws)
    asked = len(server.asked)
    assert source.fetch(tmp_path / "downloads") == raws
    assert len(server.asked) == asked


def test_a_block_that_fails_stops_its_box_only(volume, server, tmp_path):
    lost = "/em/4_4_40/48-56_32-40_40-48"
    content = server.files.pop(lost)
    with pytest.raises(AiwaveError, match=rf"{volume} cannot be read at 40:48,32:40,48:56: .*missing"):
        cutout(volume).fetch(tmp_path / "downloads")
    there = {path.name for path in (tmp_path / "downloads").iterdir()}
    assert {name.split("_")[0] for name in there} == {"train", "val"}
    server.files[lost] = content
    server.asked.clear()
    cutout(volume).fetch(tmp_path / "downloads")
    assert {path for path, _ in server.asked} == {"/em/info", lost}


def test_another_box_is_another_file_and_a_changed_file_is_noticed(volume, tmp_path):
    cutout(volume).fetch(tmp_path / "downloads")
    other = cutout(volume, BOXES | {"val": "31:35,17:22,24:30"})
    *_, moved = other.fetch(tmp_path / "downloads")
    np.testing.assert_array_equal(read_images(moved.path)[0].voxels, TRUTH[23:27, 1:6, 0:6])
    moved.path.write_bytes(moved.path.read_bytes()[:-1])
    with pytest.raises(AiwaveError, match=r"has changed since it was fetched: delete it"):
        other.fetch(tmp_path / "downloads")


def test_a_coarser_scale(volume, tmp_path):
    (raw,) = cutout(volume, {"train": "8:16,8:16,12:20"}, (8, 8, 40)).fetch(tmp_path / "downloads")
    (image,) = read_images(raw.path)
    np.testing.assert_array_equal(image.voxels, TRUTH[4:12, :8, :8])
    assert image.spacing == pytest.approx((40e-6, 8e-6, 8e-6))


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ({"train": "0:8,0:8,0:8", "test": "7:9,7:9,7:9"}, r"train \(0:8,0:8,0:8\) and test \(7:9,7:9,7:9\) overlap"),
        ({"train": "0:8,0:8,8:8"}, r"boxes\.train is '0:8,0:8,8:8': give"),
        ({"train": "0:8,0:8"}, "boxes.train"),
        ({"train": [[0, 8]]}, "boxes.train"),
        ({"trian": "0:8,0:8,0:8"}, "boxes.trian"),
    ],
)
def test_boxes_that_cannot_be(boxes, words):
    with pytest.raises(AiwaveError, match=words):
        cutout("http://127.0.0.1/em", boxes)


def test_what_is_not_there(volume, server, tmp_path):
    for url, boxes, resolution, words in (
        (volume, {"train": "8:50,16:40,24:48"}, (4, 4, 40), r"extends beyond .*/em, which is 8:48,16:40,24:56"),
        (f"{volume}/none", BOXES, (4, 4, 40), r"em/none cannot be opened \(.*does not exist\).*from=FILE"),
        (volume, BOXES, (3, 3, 40), r"em cannot be opened \(.*No scale found"),
        ("http://127.0.0.1:9/em", BOXES, (4, 4, 40), r"cannot be opened \(.*(connect|refused)"),
    ):
        with pytest.raises(AiwaveError, match=words) as caught:
            cutout(url, boxes, resolution).fetch(tmp_path / "downloads")
        assert "\n" not in str(caught.value)


def test_without_tensorstore(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorstore", None)
    with pytest.raises(AiwaveError, match=r"needs tensorstore, which is not installed: pip install 'aiwave\[fetch\]'"):
        cutout("http://127.0.0.1/em").fetch(tmp_path)
