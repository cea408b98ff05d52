"""Geometry in the metadata of a stream, and back."""

import json

import numpy as np
import pytest

from aiwave.errors import AiwaveError
from aiwave.images import Image, image_metadata, image_of, part_of

VOXELS = np.zeros((4, 5, 6), np.uint8)
TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


def test_geometry_passes_through_json():
    original = Image(VOXELS, (2.5, 0.75, 0.5), (10.0, -20.5, 30.0), TURNED, 0.37, -12.5)
    again = image_of(VOXELS, json.loads(json.dumps(image_metadata(original))))
    for name in ("spacing", "origin", "direction", "slope", "intercept"):
        assert getattr(again, name) == getattr(original, name), name


def test_defaults_take_no_room():
    assert image_metadata(Image(VOXELS)) == {}
    assert image_of(VOXELS, {"model": "em"}).spacing == (1, 1, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spacing", [1, 2]),
        ("origin", [1, 2, "x"]),
        ("direction", 3),
        ("slope", None),
        ("slope", True),
        ("intercept", [1]),
        ("slope", 10**400),
        ("spacing", [1, 1, 10**400]),
    ],
)
def test_other_values_are_damage(name, value):
    with pytest.raises(AiwaveError, match=rf"The file is damaged: its {name} is"):
        image_of(VOXELS, {name: value})


def test_a_preview_of_a_region_begins_at_its_first_voxel():
    image = Image(VOXELS, (2.0, 3.0, 4.0), (10.0, 20.0, 30.0), TURNED)
    part = part_of(image, (1, 4, 3), 1)
    assert part.spacing == (4, 6, 8)
    # x = 2 voxels of 4 mm and y = 4 voxels of 3 mm, turned; z = 0, the even slice before 1
    assert part.origin == pytest.approx((10 + 0.8 * 8 - 0.6 * 12, 20 + 0.6 * 8 + 0.8 * 12, 30))


@pytest.mark.parametrize("name", [[], {}, None, "jpeg", 3])
def test_an_original_header_of_another_format_is_damage(name):
    with pytest.raises(AiwaveError, match="original header is of an unknown format"):
        image_of(VOXELS, {"original": name}, b"header")
