"""The sources that publish archives: from a server with archives like theirs to exact voxels."""

import io

import numpy as np
import pytest

from aiwave.datamodules.sources import DecathlonTask, MrNet, SpmAttention, ZenodoRecord
from aiwave.errors import AiwaveError
from aiwave.images import read_images
from tests.published import analyze, dicom_slices, nifti, noise
from tests.serving import md5_of, tar_of, zip_of


def voxels_of(raw):
    (image,) = read_images(raw.path)
    return image.voxels


def equal(raws, truth):
    assert [raw.subject for raw in raws] == sorted(truth)
    for raw in raws:
        np.testing.assert_array_equal(voxels_of(raw), truth[raw.subject])


def decathlon(server, folder):
    truth = {f"spleen_{n}": noise((5, 8, 9), -1024, 3000, np.int16, n) for n in (10, 2, 3)}
    images = {name: nifti(voxels, folder) for name, voxels in truth.items()}
    task = "Task09_Spleen"
    files = {f"{task}/dataset.json": b"{}", f"{task}/._dataset.json": b"fork"}
    for name, image in images.items():
        files |= {f"{task}/imagesTr/{name}.nii.gz": image, f"{task}/imagesTr/._{name}.nii.gz": b"fork"}
        files |= {f"{task}/labelsTr/{name}.nii.gz": image, f"{task}/labelsTr/._{name}.nii.gz": b"fork"}
    files[f"{task}/imagesTs/spleen_1.nii.gz"] = images["spleen_2"]
    server.files["/Task09_Spleen.tar"] = archive = tar_of(files)
    return DecathlonTask(task, f"{server.url}/Task09_Spleen.tar", md5_of(archive)), truth


def chaos(server, folder):
    truth = {number: noise((4, 8, 9), 0, 4096, np.uint16, int(number)) for number in ("1", "14", "2")}
    files = {"Train_Sets/MR/1/T1DUAL/DICOM_anon/InPhase/IMG-0004-00001.dcm": b"MR"}
    for number, voxels in truth.items():
        slices = dicom_slices(voxels, folder)
        files |= {f"Train_Sets/CT/{number}/DICOM_anon/{name}": content for name, content in slices.items()}
        files |= {f"Train_Sets/CT/{number}/Ground/liver_GT_{k:03d}.png": b"png" for k in range(4)}
    server.files["/3431873/files/CHAOS_Train_Sets.zip"] = archive = zip_of(files)
    images = "Train_Sets/CT/{subject}/DICOM_anon"
    source = ZenodoRecord(3431873, "CHAOS_Train_Sets.zip", images, md5_of(archive), len(archive), server.url)
    return source, truth


def attention(server, folder):
    truth = {f"snffM00587_{n:04d}": noise((6, 7, 8), -50, 900, np.int16, n) for n in range(4, 44)}
    files = {"attention/README_DATA.txt": b"about", "attention/factors.mat": b"mat"}
    for name, voxels in truth.items():
        header, image = analyze(voxels)
        files |= {f"attention/functional/{name}.img": image, f"attention/functional/{name}.hdr": header}
    files |= {f"attention/structural/nsM00587_0002.{end}": b"structural" for end in ("hdr", "img")}
    server.files["/attention.zip"] = zip_of(files)
    return SpmAttention(f"{server.url}/attention.zip"), truth


SOURCES = {"decathlon": decathlon, "chaos": chaos, "attention": attention}


@pytest.fixture(params=SOURCES)
def published(request, server, tmp_path_factory):
    return SOURCES[request.param](server, tmp_path_factory.mktemp("published"))


def test_fetched_once_and_exact(published, server, tmp_path):
    source, truth = published
    raws = source.fetch(tmp_path / "downloads")
    equal(raws, truth)
    assert len(server.asked) == 1
    assert source.fetch(tmp_path / "downloads") == raws
    (tmp_path / "downloads" / source.url.rsplit("/", 1)[1]).unlink()
    assert source.fetch(tmp_path / "downloads") == raws
    assert len(server.asked) == 1
    assert all(raw.source.startswith(f"{source.url}#") for raw in raws)
    unwanted = ("labelsTr", "imagesTs", "MR", "structural", "dataset.json", "factors.mat")
    assert not [path for path in tmp_path.rglob("*") if path.name in unwanted or path.name.startswith("._")]


def test_the_archive_or_its_folder_can_be_given(published, server, tmp_path):
    source, truth = published
    name = source.url.rsplit("/", 1)[1]
    archive = tmp_path / name
    archive.write_bytes(server.files[f"/{source.url.split('/', 3)[3]}"])
    equal(source.adopt(archive, tmp_path / "downloads"), truth)
    folder = tmp_path / "downloads" / f"{name}.files"
    while (inner := [path for path in folder.iterdir() if path.is_dir()]) and len(inner) == 1:
        equal(source.adopt(folder, tmp_path / "other"), truth)
        folder = inner[0]
    assert server.asked == []
    assert not (tmp_path / "other").exists()


def test_an_archive_of_another_layout_is_named(server, tmp_path):
    source, _ = decathlon(server, tmp_path)
    server.files["/Task09_Spleen.tar"] = other = tar_of({"Task09_Spleen/imagesTr/readme.txt": b"moved"})
    with pytest.raises(AiwaveError, match="instead of md5:"):
        source.fetch(tmp_path / "downloads")
    source = DecathlonTask("Task09_Spleen", source.url, md5_of(other))
    with pytest.raises(AiwaveError, match=r"holds no Task09_Spleen/imagesTr/\{subject\}\.nii\.gz"):
        source.fetch(tmp_path / "downloads")


def test_the_decathlon_s_addresses_are_monai_s():
    source = DecathlonTask("Task02_Heart")
    assert source.url == "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task02_Heart.tar"
    assert str(source.checksum) == "md5:06ee59366e1e5124267b774dbd654057"
    with pytest.raises(AiwaveError, match=r"source\.fetch\.task is 'Task9'.*Task09_Spleen"):
        DecathlonTask("Task9")


def test_scans_are_split_in_time(server, tmp_path):
    source, truth = attention(server, tmp_path)
    source = SpmAttention(source.url, every=2, val=0.1, test=0.2)
    raws = source.fetch(tmp_path / "downloads")
    assert [raw.subject for raw in raws] == sorted(truth)[::2]
    assert [raw.split for raw in raws] == ["train"] * 14 + ["val"] * 2 + ["test"] * 4
    for wrong in ({"every": 0}, {"val": 0.5, "test": 0.5}, {"test": -0.1}):
        with pytest.raises(AiwaveError, match=r"source\.fetch"):
            SpmAttention(source.url, **wrong)


def mrnet(folder, exams=(6, 4)):
    """MRNet's files and, by number, its volumes in the sagittal plane."""
    files, truth = {"MRNet-v1.0/train-acl.csv": b"0000,0"}, {}
    for number in range(sum(exams)):
        part = "train" if number < exams[0] else "valid"
        for plane in ("axial", "coronal", "sagittal"):
            volume = noise((3 + number, 16, 16), 0, 256, np.uint8, number + len(plane))
            stream = io.BytesIO()
            np.save(stream, volume)
            files[f"MRNet-v1.0/{part}/{plane}/{number:04d}.npy"] = stream.getvalue()
            truth |= {f"{number:04d}": volume} if plane == "sagittal" else {}
    return files, truth


MRNET = {"page": "https://sign.here", "archive": "MRNet-v1.0.zip", "plane": "sagittal"}


def test_mrnet_says_what_to_do_and_then_takes_it(tmp_path):
    source = MrNet(**MRNET, exams={"train": 5, "val": 1, "test": 9})
    files, truth = mrnet(tmp_path)
    assert source.size == 0
    with pytest.raises(AiwaveError) as caught:
        source.fetch(tmp_path / "downloads")
    for word in ("MRNet-v1.0.zip", "https://sign.here", str(tmp_path / "downloads"), "from="):
        assert word in str(caught.value)
    (tmp_path / "downloads").mkdir()
    archive = tmp_path / "downloads/MRNet-v1.0.zip"
    archive.write_bytes(zip_of(files))
    packed = source.fetch(tmp_path / "downloads")
    chosen = {number: volume for number, volume in truth.items() if number != "0005"}
    equal(packed, chosen)
    assert [raw.split for raw in packed] == ["train"] * 5 + ["val"] + ["test"] * 3
    archive.unlink()
    equal(source.fetch(tmp_path / "downloads"), chosen)
    for given in (tmp_path / "downloads/MRNet-v1.0.zip.files", tmp_path / "downloads/MRNet-v1.0.zip.files/MRNet-v1.0"):
        equal(source.adopt(given, tmp_path / "other"), chosen)
    (tmp_path / "downloads/MRNet-v1.0.zip.files/MRNet-v1.0").rename(tmp_path / "mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine").rename(tmp_path / "elsewhere/MRNet-v1.0")
    equal(source.fetch(tmp_path / "elsewhere"), chosen)


@pytest.mark.parametrize("wrong", [{"plane": "oblique"}, {"exams": {"train": 1}}])
def test_mrnet_s_options(wrong):
    with pytest.raises(AiwaveError, match=r"source\.fetch\.(plane|exams)"):
        MrNet(**MRNET | {"exams": {"train": 1, "val": 1, "test": 1}} | wrong)
