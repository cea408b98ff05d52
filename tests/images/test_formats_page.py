"""Every format through an .aiw file and back: the table of docs/formats.md is what this test finds.

`AIWAVE_WRITE_PAGES=1 python -m pytest tests/images/test_formats_page.py` writes the page.
"""

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.api import compress, decompress
from aiwave.bitstream.container import open_stream
from aiwave.errors import AiwaveError
from aiwave.images import image_metadata, image_of, read_images, write_image
from aiwave.images.image_files import lost_by
from tests.files import file_model
from tests.images.dicom_files import series

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
TYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
TYPES += ["float16", "float32", "float64"]
AFFINE = np.array([[-0.75, 0, 0, 90], [0, 0.75, 0.1, -126], [0, 0, 2.5, -72], [0, 0, 0, 1]])


def voxels(dtype):
    rng = np.random.default_rng(0)
    if dtype == "bool":
        return rng.random((3, 4, 5)) > 0.5
    if dtype in ("float32", "float64"):
        return rng.normal(size=(3, 4, 5)).astype(dtype)
    return rng.integers(0, 100, (3, 4, 5)).astype(dtype)


def nifti(kind, name):
    def make(folder, volume):
        typed = {"dtype": volume.dtype} if issubclass(kind, nibabel.Nifti1Pair) else {}  # else nibabel refuses int64
        image = kind(np.ascontiguousarray(volume.T), AFFINE, **typed)
        image.set_data_dtype(volume.dtype)
        if hasattr(image.header, "extensions"):
            image.header["descrip"], image.header["cal_max"] = b"made up", 7
        nibabel.save(image, folder / name)
        return folder / name

    return make


def tiff(name, **options):
    def make(folder, volume):
        tifffile.imwrite(folder / name, volume, photometric="minisblack", **options)
        return folder / name

    return make


def itk(name):
    def make(folder, volume):
        if volume.dtype in (np.dtype(bool), np.dtype(np.float16)):
            raise TypeError("ITK has no such voxels")
        image = sitk.GetImageFromArray(volume)
        image.SetSpacing((0.75, 0.75, 2.5))
        image.SetMetaData("note", "made up")
        sitk.WriteImage(image, str(folder / name))
        return folder / name

    return make


def numpy(folder, volume):
    np.save(folder / "a.npy", volume)
    return folder / "a.npy"


def dicom(folder, volume):
    if volume.dtype != np.int16:
        raise TypeError("made from a CT")
    series(folder / "in", 3)
    return folder / "in"


FORMATS = {
    "NIfTI-1": (nifti(nibabel.Nifti1Image, "a.nii.gz"), "b.nii.gz"),
    "NIfTI-2": (nifti(nibabel.Nifti2Image, "a.nii"), "b.nii"),
    "NIfTI pair (.hdr, .img)": (nifti(nibabel.Nifti1Pair, "a.img"), "b.nii"),
    "Analyze 7.5": (nifti(nibabel.AnalyzeImage, "a.img"), "b.nii"),
    "MGH": (nifti(nibabel.MGHImage, "a.mgz"), "b.nii.gz"),
    "NRRD": (itk("a.nrrd"), "b.nrrd"),
    "MetaImage": (itk("a.mha"), "b.mha"),
    "TIFF": (tiff("a.tif", software="a scanner"), "b.tif"),
    "TIFF of ImageJ": (tiff("a.tif", imagej=True, metadata={"spacing": 2.5, "unit": "um", "axes": "ZYX"}), "b.tif"),
    "OME-TIFF": (tiff("a.ome.tif", metadata={"axes": "ZYX", "PhysicalSizeX": 0.5}), "b.ome.tif"),
    "DICOM series": (dicom, "out"),
    "NumPy": (numpy, "b.npy"),
}


def there_and_back(source, target):
    """The image, the one written from its stream, and what the file cannot keep."""
    (image,) = read_images(source)
    original = b"" if image.original is None else image.original.data
    data = compress(image.voxels, file_model(), lossless=True, metadata=image_metadata(image), original=original)
    stream = open_stream(data)
    decoded = image_of(decompress(data, model=file_model()), stream.metadata, stream.original)
    write_image(decoded, str(target))
    (again,) = read_images(target)
    return image, again, lost_by(str(target), decoded)


def row(name, make, target, folder):
    """One row of the table: type by type, the format through a stream and back."""
    kept, header, lost = [], set(), set()
    for dtype in TYPES:
        place = folder / name.replace(" ", "_") / dtype
        place.mkdir(parents=True)
        try:
            source = make(place, voxels(dtype))
        except Exception:  # each program has its own for voxels that it, or the format, does not know
            continue
        try:
            image, again, missing = there_and_back(source, place / target)
        except AiwaveError as error:
            raise AssertionError(f"{name} of {dtype}: {error}") from error
        np.testing.assert_array_equal(again.voxels, image.voxels)
        assert again.voxels.dtype == image.voxels.dtype
        for field in ("spacing", "origin", "direction"):
            assert getattr(again, field) == pytest.approx(getattr(image, field), rel=1e-5, abs=1e-5) or field in missing
        kept.append(dtype)
        lost |= set(missing)
        if image.original is None:
            header.add("none kept")
        elif again.original is not None and image.original.data == again.original.data:
            header.add("identical")
        elif again.original is not None and again.original.format == image.original.format:
            header.add("the same fields")
        else:
            header.add("none kept")
    assert kept
    out = target.removeprefix("b") if "." in target else "folder"
    return f"| {name} | {out} | {', '.join(kept)} | {' or '.join(sorted(header))} | {', '.join(sorted(lost)) or '-'} |"


HEAD = """# Formats, and what they keep

Every row is made by `tests/images/test_formats_page.py`: a file of each type of voxels that the format has is written
by another program (nibabel, SimpleITK, tifffile, pydicom, NumPy), compressed losslessly, and decompressed to the format
in the second column. Voxels came back bit by bit, in the same type; geometry too, unless the last column names it.

| format | written as | voxels that came back exactly | original header | not kept |
|---|---|---|---|---|
"""

TAIL = """
AFNI (.HEAD, .BRIK) and MINC (.mnc; version 2 with `pip install 'aiwave[minc]'`) are read as well, without their
headers. MINC files in which each slice is scaled in its own way are read as physical values, float32.

Colours, vectors and series of volumes are kept by NIfTI, NRRD, MetaImage and TIFF, series of several channels by NIfTI
and TIFF. A part of a volume, or a preview, gets a header of its own, NIfTI's with the other fields as they were.
Decompressing to another format keeps what that can hold, and says on standard error what it cannot. So does `aiwave
convert`. What a file has beside voxels and header is left out, and a note says so: smaller images of an OME-TIFF
(SubIFDs), EXIF and the like, bytes after the voxels of a NIfTI file, the .mat file of SPM beside an Analyze pair.
"""


def test_the_page_is_what_comes_back(tmp_path):
    rows = [row(name, make, target, tmp_path) for name, (make, target) in FORMATS.items()]
    page = HEAD + "\n".join(rows) + "\n" + TAIL
    if os.environ.get("AIWAVE_WRITE_PAGES"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page
