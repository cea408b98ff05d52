"""`aiwave prepare` with the configuration of each of the seven sources, from a server with data like theirs."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import yaml
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

import aiwave.conf
from aiwave.cli import main
from aiwave.config.command_schemas import PrepareConfig
from aiwave.config.validation import validate
from aiwave.datamodules.manifest import Manifest
from aiwave.datamodules.sources import PrecomputedCutout
from aiwave.datamodules.sources.splits import Box
from tests.datamodules.sources.test_archive import attention, chaos, decathlon, mrnet
from tests.datamodules.sources.test_precomputed import TRUTH, volume  # noqa: F401  (a fixture)
from tests.serving import zip_of

SEVEN = ("attention", "chaos_ct", "fafb", "fib25", "heart_mri", "mrnet", "spleen_ct")
CONF = Path(aiwave.conf.__file__).parent
BOXES = "{train: '8:24,16:40,24:40', val: '24:30,16:24,24:40', test: '30:40,16:24,24:40'}"


def composed(name):
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        return compose("prepare", [f"source={name}", "dataset=folder", f"dataset.subset={name}", "root=DATA"])


@pytest.mark.parametrize("name", SEVEN)
def test_the_configuration_is_valid_and_builds(name):
    cfg = composed(name)
    validate(cfg, PrepareConfig)
    source, crops = (instantiate(cfg.source[part]) for part in ("fetch", "crops"))
    assert crops.size == (64, 64, 64)
    assert cfg.source.suffix == (".tif" if name in ("fafb", "fib25") else ".nii.gz")
    assert source.size is None or source.size < 2e9


@pytest.mark.parametrize("name", ["fafb", "fib25"])
def test_cut_outs_are_whole_blocks_and_lie_apart(name):
    source = instantiate(composed(name).source.fetch)
    assert isinstance(source, PrecomputedCutout)
    for box in source.boxes.values():
        assert all(side % 64 == 0 for side in (*box.start, *box.stop))
    ends = sorted((box.start[0], box.stop[0]) for box in source.boxes.values())
    assert all(stop + 64 <= start for (_, stop), (start, _) in pairwise(ends))
    crops = {split: np.prod(box.shape) // 64**3 for split, box in source.boxes.items()}
    assert crops == {"train": 256, "val": 16, "test": 32}
    extent = {"fib25": (8090, 6643, 6446), "fafb": (7063, 134144, 248832)}[name]  # z, y, x
    assert all(np.less_equal(box.stop, extent).all() for box in source.boxes.values())


def stored(path):
    return tifffile.imread(path) if path.suffix == ".tif" else sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def check(folder, truth, counts):
    """Every file holds, after its offset, the voxels of its box."""
    manifest = Manifest.read(folder)
    assert {split: len(manifest.split(split)) for split in ("train", "val", "test")} == counts
    for entry in manifest.entries:
        whole = truth[entry.subject]
        voxels = stored(manifest.verify(entry)).astype(int)
        np.testing.assert_array_equal(voxels + entry.offset, whole[Box.parse(entry.box).slices])
    return manifest


def given(name, server, folder):
    """Stand-in for the public archive: overrides, and voxels by subject."""
    archives = {"spleen_ct": decathlon, "heart_mri": decathlon, "chaos_ct": chaos, "attention": attention}
    source, truth = archives[name](server, folder)
    by_name = {
        "spleen_ct": ["task=Task09_Spleen", f"url={source.url}", f"checksum={source.checksum}", "size=1000"],
        "chaos_ct": [f"+base={server.url}", f"checksum={source.checksum}", "size=1000"],
        "attention": [f"url={source.url}"],
    }
    by_name["heart_mri"] = by_name["spleen_ct"]
    return by_name[name], truth


@pytest.mark.parametrize("name", ["spleen_ct", "heart_mri", "chaos_ct", "attention"])
def test_an_archive_becomes_crops_once(name, server, tmp_path, capsys):
    fetch, truth = given(name, server, tmp_path)
    options = yaml.safe_load((CONF / f"source/{name}.yaml").read_text())["crops"]
    crops = ["source.crops.size=[4,4,4]", "source.crops.air=null"]
    crops += ["source.crops.count=2"] if "count" in options else []
    command = ["prepare", f"source={name}", "dataset=folder", f"dataset.subset={name}", f"root={tmp_path}/DATA"]
    command += [*crops, *(f"{'+' * (word[0] == '+')}source.fetch.{word.lstrip('+')}" for word in fetch)]
    assert main(command) == 0, capsys.readouterr().err
    each, scans = (2, (1, 1, 1)) if name != "attention" else (2, (10, 1, 3))
    counts = dict(zip(("train", "val", "test"), (each * scan for scan in scans), strict=True))
    manifest = check(tmp_path / "DATA" / name, truth, counts)
    assert all(entry.source.startswith(server.url) for entry in manifest.entries)
    if name == "spleen_ct":
        assert {entry.offset for entry in manifest.entries} == {-1024}
    asked = len(server.asked)
    capsys.readouterr()
    assert main(command) == 0
    assert main([*command, "--dry-run"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert len(server.asked) == asked == 1


@pytest.mark.parametrize("name", ["fafb", "fib25"])
def test_a_cut_out_becomes_crops(name, volume, server, tmp_path, capsys):  # noqa: F811
    command = ["prepare", f"source={name}", "dataset=folder", f"dataset.subset={name}", f"root={tmp_path}/DATA"]
    command += [f"source.fetch.url={volume}", "source.fetch.resolution=[4,4,40]", f"source.fetch.boxes={BOXES}"]
    command += ["source.crops.size=[4,8,8]"]
    assert main(command) == 0, capsys.readouterr().err
    truth = {"train": TRUTH[:16, :, :16], "val": TRUTH[16:22, :8, :16], "test": TRUTH[22:32, :8, :16]}
    manifest = check(tmp_path / "DATA" / name, truth, {"train": 4 * 3 * 2, "val": 1 * 1 * 2, "test": 2 * 1 * 2})
    assert manifest.entries[0].spacing == pytest.approx((40e-6, 4e-6, 4e-6))
    asked = len(server.asked)
    assert main(command) == 0
    assert len(server.asked) == asked


def test_mrnet_asks_for_a_signature_first(tmp_path, capsys):
    command = ["prepare", "source=mrnet", "dataset=folder", "dataset.subset=mrnet", f"root={tmp_path}/DATA"]
    command += ["source.crops.size=[3,4,4]", "source.fetch.exams={train: 5, val: 1, test: 3}"]
    assert main(command) == 1
    assert f"put it into {tmp_path}/DATA/downloads/mrnet (packed" in capsys.readouterr().err
    files, truth = mrnet(tmp_path)
    (tmp_path / "MRNet-v1.0.zip").write_bytes(zip_of(files))
    assert main([*command, f"from={tmp_path}/MRNet-v1.0.zip"]) == 0, capsys.readouterr().err
    check(tmp_path / "DATA/mrnet", truth, {"train": 10, "val": 2, "test": 6})
