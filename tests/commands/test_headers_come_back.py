"""What goes in comes out: original headers through compress and decompress, for every format that has them."""

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import tifffile
from pydicom.data import get_testdata_file

from aiwave.cli import main
from aiwave.images import read_images
from tests.files import file_model, noise
from tests.images.dicom_files import series


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.aiwm"
    path.write_bytes(file_model().data)
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


VOXELS = noise((4, 6, 5), "uint16")


def there_and_back(model, source, target, *quality):
    packed = target.parent / "packed.aiw"
    assert run("compress", source, packed, "--model", model, *(quality or ["--lossless"]), "--embed-model") == 0
    assert run("decompress", packed, target, "--force") == 0
    return packed


def test_tiff_tags_come_back(model, tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", VOXELS, photometric="minisblack", software="a scanner", resolution=(3, 5), resolutionunit=3,
        description="made up", extratags=[(65000, 3, 1, 77, True)], metadata=None,
    )  # fmt: skip
    there_and_back(model, tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(tmp_path / "b.tif") as after:
        for name in ("Software", "XResolution", "YResolution", "ResolutionUnit", "ImageDescription", 65000):
            assert after.pages[0].tags[name].value == before.pages[0].tags[name].value
        np.testing.assert_array_equal(after.asarray(), VOXELS)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_fields_of_text_headers_come_back(suffix, model, tmp_path):
    stored = sitk.GetImageFromArray(VOXELS)
    stored.SetMetaData("study", "a long name")
    sitk.WriteImage(stored, str(tmp_path / f"a{suffix}"))
    there_and_back(model, tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    assert sitk.ReadImage(str(tmp_path / f"b{suffix}")).GetMetaData("study") == "a long name"


def test_dicom_instances_come_back_with_their_identifiers(model, tmp_path, capfd):
    voxels = series(tmp_path / "in", 3)
    there_and_back(model, tmp_path / "in", tmp_path / "out")
    assert capfd.readouterr().err == ""
    before = {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, (tmp_path / "in").iterdir())}
    after = {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, (tmp_path / "out").iterdir())}
    assert before.keys() == after.keys()
    for uid, one in before.items():
        assert [e for e in after[uid] if e.tag.element] == [e for e in one if e.tag.element]
    (again,) = read_images(tmp_path / "out")
    np.testing.assert_array_equal(again.voxels, voxels)


def test_lossy_dicom_declares_itself(tmp_path):
    voxels = series(tmp_path / "in", 8)
    assert run("compress", tmp_path / "in", tmp_path / "a.aiw", "--step", 30, "--model", "mri_nano") == 0
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "out") == 0
    known = {str(pydicom.dcmread(path).SOPInstanceUID) for path in (tmp_path / "in").iterdir()}
    for path in (tmp_path / "out").iterdir():
        one = pydicom.dcmread(path)
        assert one.LossyImageCompression == "01"
        assert one.SOPInstanceUID not in known
    assert 0 < np.abs(read_images(tmp_path / "out")[0].voxels.astype(int) - voxels).max() < 200


def test_files_that_are_no_images_are_counted(model, tmp_path, capfd):
    series(tmp_path / "in", 3)
    (tmp_path / "in" / "rt.dcm").write_bytes(
        open(get_testdata_file("rtstruct.dcm", download=False), "rb").read()  # noqa: SIM115
    )
    assert run("compress", tmp_path / "in", tmp_path / "a.aiw", "--model", model, "--lossless") == 0
    assert "skipped beside the images: 1 " in capfd.readouterr().err


def test_a_folder_is_written_for_dicom_only(model, tmp_path, capfd):
    np.save(tmp_path / "a.npy", VOXELS)
    run("compress", tmp_path / "a.npy", tmp_path / "a.aiw", "--model", model, "--lossless", "--embed-model")
    assert run("decompress", tmp_path / "a.aiw", tmp_path / "out") == 1
    assert "the image has no DICOM headers: choose one of .tif" in capfd.readouterr().err
    series(tmp_path / "in", 3)
    there_and_back(model, tmp_path / "in", tmp_path / "out")
    assert run("decompress", tmp_path / "packed.aiw", tmp_path / "part", "--region", "0:2,:,:") == 1
    assert "write the whole image, or another format" in capfd.readouterr().err
    assert not (tmp_path / "part").exists()


def test_another_format_says_what_it_cannot_keep(model, tmp_path, capfd):
    series(tmp_path / "in", 3)
    there_and_back(model, tmp_path / "in", tmp_path / "a.nii.gz")
    assert "a.nii.gz cannot keep the other fields of the DICOM header." in capfd.readouterr().err


def test_strip_keeps_geometry_alone_and_info_names_personal_fields(model, tmp_path, capfd):
    series(tmp_path / "in", 3)
    for options in ((), ("--strip",)):
        data = tmp_path / f"{len(options)}.aiw"
        assert run("compress", tmp_path / "in", data, "--model", model, "--lossless", "--embed-model", *options) == 0
        capfd.readouterr()
        assert run("info", data, "--json") == 0
        found = json.loads(capfd.readouterr().out)
        assert ("PatientName" in found["personal_fields"]) == (not options)
        assert (found["original_bytes"] > 0) == (not options)
        assert found["metadata"]["spacing"][0] == 5
    run("info", tmp_path / "0.aiw")
    shown = capfd.readouterr().out
    assert "DICOM header, " in shown
    assert "may identify a person: PatientName" in shown


def test_zeros_of_a_nifti_take_under_200_bytes(tmp_path):
    import nibabel

    affine = np.diag([-0.8, 0.8, 2.5, 1])
    affine[:3, 3] = 90, -126, -72
    nibabel.save(nibabel.Nifti1Image(np.zeros((96, 96, 96), "u1"), affine), tmp_path / "zeros.nii.gz")
    assert run("compress", tmp_path / "zeros.nii.gz", tmp_path / "a.aiw") == 0
    assert (tmp_path / "a.aiw").stat().st_size < 200
