"""Images whose headers are damaged or forged: read, or refused in one sentence without a warning."""

import gzip
import io
import re
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from aiwave.bitstream.metadata import Metadata
from aiwave.errors import AiwaveError
from aiwave.images.image import Image
from aiwave.images.image_files import read_images, write_image
from aiwave.images.image_metadata import image_metadata, image_of

from .dicom_files import ct

KINDS = ("a.nii", "a.nii.gz", "t.nii", "a.nrrd", "c.nrrd", "a.mha", "c.mha", "a.tif", "a.npy", "a.dcm")
HEADER = 420
WORDS = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xff\x7f",
    b"\0\0\xc0\x7f",
    b"\0\0\x80\x7f",
    b"\xff\xff\x7f\x7f",
    b"\0\x80",
)
NUMBERS = (b"0", b"-1", b"1e400", b"nan", b"9" * 400, b"1.5", b"True", b"1e300", b"99999", b"(1,", b"'x'", b"inf")
TEXTS = ("abc", "1e400", "-1e300", "nan", "", "1\\2\\3", "9" * 60, "0", "-1", "inf", "1e-320", "\\")
ELEMENTS = """
    RescaleSlope RescaleIntercept PixelSpacing ImagePositionPatient ImageOrientationPatient SliceThickness
    NumberOfFrames InstanceNumber SeriesNumber TemporalPositionIndex SpacingBetweenSlices SpecificCharacterSet
""".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of a small file of every kind."""
    folder = tmp_path_factory.mktemp("sound")
    voxels = np.random.default_rng(0).integers(0, 3000, (4, 5, 6)).astype("int16")
    for name in KINDS[:-1]:
        stacked = np.stack([voxels, voxels])
        image = {
            "a": Image(voxels, (2.0, 1.0, 1.0), (3.0, 4.0, 5.0)),
            "t": Image(stacked, period=2.0),
            "c": Image(stacked, channels=True),
        }
        write_image(image[name[0]], str(folder / name))
    ct().save_as(folder / KINDS[-1])
    return {name: (folder / name).read_bytes() for name in KINDS}


def mutated(name, data, rng):
    if name.endswith(".dcm"):
        return _other_element(data, rng)
    raw = bytearray(gzip.decompress(data) if name.endswith(".gz") else data)
    for _ in range(int(rng.integers(1, 4))):
        at, change = int(rng.integers(min(HEADER, len(raw)))), int(rng.integers(5))
        numbers = [found.span() for found in re.finditer(rb"-?\d+(\.\d+)?", bytes(raw[:HEADER]))]
        if change == 0:
            raw[at] = int(rng.integers(256))
        elif change == 1:
            word = WORDS[int(rng.integers(len(WORDS)))]
            raw[at & ~1 : (at & ~1) + len(word)] = word
        elif change == 2:
            del raw[at : at + int(rng.integers(1, 6))]
        elif change == 3 and numbers:
            first, last = numbers[int(rng.integers(len(numbers)))]
            raw[first:last] = NUMBERS[int(rng.integers(len(NUMBERS)))]
        else:
            raw[at:at] = raw[at : at + int(rng.integers(1, 9))]
    return gzip.compress(bytes(raw)) if name.endswith(".gz") else bytes(raw)


def _other_element(data, rng):
    """A DICOM file with the text of one element replaced."""
    found, out = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
    keyword, value = str(rng.choice(ELEMENTS)), TEXTS[int(rng.integers(len(TEXTS)))].encode()
    value += b" " * (len(value) % 2)
    tag = Tag(tag_for_keyword(keyword))
    found._dict[tag] = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        found.save_as(out)
    return out.getvalue()


def use(path, folder):
    """Read an image, keep its header, and write it again."""
    for image in read_images(path):
        original = b"" if image.original is None else image.original.data
        kept = Metadata({"model": "x", **image_metadata(image)}, original)
        back = Metadata.from_bytes(kept.to_bytes(), kept.packed)
        again = image_of(image.voxels, back.entries, back.original)
        for suffix in (".nii", ".nrrd", ".mha", ".tif"):
            write_image(again, str(folder / f"o{suffix}"))


def _try(sound, folder, numbers):
    used = 0
    for number in numbers:
        name = KINDS[number % len(KINDS)]
        path = folder / f"m{name}"
        path.write_bytes(mutated(name, sound[name], np.random.default_rng(number)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                use(path, folder)
            used += 1
        except AiwaveError as error:
            said = str(error)
            assert said.endswith("."), f"mutation {number}: {said}"
            assert "\n" not in said
            assert len(said) < 600
        except Exception as error:
            raise AssertionError(f"mutation {number} of {name}") from error
    return used


def test_mutated_images_are_read_or_refused(sound, tmp_path):
    assert 20 < _try(sound, tmp_path, range(300)) < 280


@pytest.mark.slow
def test_many_mutated_images_are_read_or_refused(sound, tmp_path):
    assert _try(sound, tmp_path, range(1000, 8000)) > 500
