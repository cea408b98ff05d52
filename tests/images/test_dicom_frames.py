"""Enhanced multi-frame images, segmentations and doses: order, place and rescaling of their frames."""

import numpy as np
import pydicom
import pytest

from aiwave.errors import AiwaveError
from aiwave.images import read_image, read_images

from .dicom_files import PACKAGED, ct, groups, multiframe, unzipped

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
AXIAL = {"orientation": [1, 0, 0, 0, 1, 0], "spacing": [0.8, 0.7]}


def noise(shape, dtype="uint16", high=1000):
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


def shuffled(places, seed=0):
    return [places[k] for k in np.random.default_rng(seed).permutation(len(places))]


def test_frames_are_sorted_by_position_and_time(tmp_path):
    wanted = noise((3, 5, 8, 9))
    order = shuffled([(t, z) for t in range(3) for z in range(5)])
    frames = [groups([1, 2, 2.5 * z], index=[z + 1, t + 1]) for t, z in order]
    multiframe(
        tmp_path / "a.dcm",
        np.stack([wanted[place] for place in order]),
        frames,
        dimensions=("InStackPositionNumber", "TemporalPositionIndex"),
        shared=groups(**AXIAL, RepetitionTime=1500.0),
    )
    image = read_image(str(tmp_path / "a.dcm"))
    np.testing.assert_array_equal(image.voxels, wanted)
    assert (image.spacing, image.origin, image.period) == ((2.5, 0.8, 0.7), (1, 2, 0), 1.5)


@pytest.mark.parametrize("differ", [False, True])
def test_rescaling_of_frames(tmp_path, differ):
    voxels = noise((4, 8, 9))
    slopes = [2.0 + k * differ for k in range(4)]
    frames = [
        groups([0, 0, 3 * k], **AXIAL, rescale={"RescaleSlope": slope, "RescaleIntercept": -5, "RescaleType": "US"})
        for k, slope in enumerate(slopes)
    ]
    image = read_image(str(multiframe(tmp_path / "a.dcm", voxels, frames)))
    np.testing.assert_array_equal(image.voxels, voxels)
    assert (image.slope, image.intercept) == ((1, 0) if differ else (2, -5))


def test_a_missing_frame_is_named(tmp_path):
    frames = [groups([0, 0, z], **AXIAL) for z in (0, 1, 2, 4, 5)]
    multiframe(tmp_path / "a.dcm", noise((5, 8, 9)), frames)
    with pytest.raises(AiwaveError, match=r"missing between a\.dcm \(frame 3\) and a\.dcm \(frame 4\)"):
        read_images(tmp_path / "a.dcm")


def test_frames_beyond_the_functional_groups_are_refused(tmp_path):
    multiframe(tmp_path / "a.dcm", noise((5, 8, 9)), [groups([0, 0, 0], **AXIAL)])
    with pytest.raises(AiwaveError, match="it has 5 frames, but functional groups of 1"):
        read_images(tmp_path / "a.dcm")


def segmentation(path, masks, places):
    """Frames of 1 bit; `places` are (segment, z) of each of `masks`."""
    frames = [groups([0, 0, 2 * z], index=[segment, z + 1], segment=segment) for segment, z in places]
    multiframe(
        path,
        masks,
        frames,
        SEGMENTATION,
        ("ReferencedSegmentNumber", "ImagePositionPatient"),
        groups(**AXIAL),
        Modality="SEG",
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelData=pydicom.pixels.pack_bits(masks),
    )


def test_a_segment_is_a_volume_of_zeros_and_ones(tmp_path):
    masks = noise((4, 7, 9), "uint8", 2)  # 63 bits a frame: frames do not start at bytes
    segmentation(tmp_path / "a.dcm", masks, [(1, z) for z in range(4)])
    image = read_image(str(tmp_path / "a.dcm"))
    np.testing.assert_array_equal(image.voxels, masks)
    assert (image.voxels.dtype, image.spacing[0], image.channels) == (np.uint8, 2, False)


def test_segments_of_the_same_slices_are_channels(tmp_path):
    wanted = noise((2, 4, 7, 9), "uint8", 2)
    order = shuffled([(s, z) for s in range(2) for z in range(4)])
    masks = np.stack([wanted[place] for place in order])
    segmentation(tmp_path / "a.dcm", masks, [(s + 1, z) for s, z in order])
    image = read_image(str(tmp_path / "a.dcm"))
    np.testing.assert_array_equal(image.voxels, wanted)
    assert image.channels
    segmentation(tmp_path / "b.dcm", masks[:4], [(1, 0), (1, 1), (2, 1), (2, 2)])
    with pytest.raises(AiwaveError, match="its 2 segments do not cover the same slices"):
        read_images(tmp_path / "b.dcm")


def test_a_philips_volume_is_where_its_frames_are(tmp_path):
    path = unzipped("philips_mprage.dcm.gz", tmp_path)
    data, image = pydicom.dcmread(path), read_image(str(path))
    assert image.voxels.shape == (176, 256, 256)
    frames = data.pixel_array
    for k in (0, 100, 175):
        position = data.PerFrameFunctionalGroupsSequence[k].PlanePositionSequence[0].ImagePositionPatient
        place = next(z for z in (k, 175 - k) if image.position((z, 0, 0)) == pytest.approx(position, abs=1e-2))
        np.testing.assert_array_equal(image.voxels[place], frames[k])
    assert image.slope == pytest.approx(2.1079365)


def test_a_dose_has_its_grid_and_scaling():
    data = pydicom.dcmread(PACKAGED / "rtdose.dcm")
    image = read_image(str(PACKAGED / "rtdose.dcm"))
    np.testing.assert_array_equal(image.voxels, data.pixel_array)
    assert (image.voxels.dtype, image.slope) == (np.uint32, data.DoseGridScaling)
    x, y, z = data.ImagePositionPatient
    for k in (0, 14):
        assert image.position((k, 0, 0)) == pytest.approx((x, y, z + data.GridFrameOffsetVector[k]))


def test_frames_with_a_frame_time_are_a_film(tmp_path):
    voxels = noise((6, 8, 9), "uint8", 200)
    data = ct()
    del data.ImagePositionPatient
    data.NumberOfFrames, data.Rows, data.Columns = voxels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.FrameTime, data.PixelData = "40", voxels.tobytes()
    data.save_as(tmp_path / "a.dcm")
    film = read_image(str(tmp_path / "a.dcm"))
    np.testing.assert_array_equal(film.voxels, voxels[:, None])
    assert film.period == 0.04
