"""Volume files in MONAI's own loader."""

import numpy as np
import pytest

from aiwave.errors import AiwaveError
from aiwave.images.monai_readers import VolumeReader, volume_loader

from .volume_files import cut, full_range, write


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.tif"])
def test_reader_works_in_load_imaged(tmp_path, name):
    from monai.transforms.io.dictionary import LoadImaged

    voxels = full_range("uint16", (4, 5, 6))
    path = write(tmp_path / name, voxels)
    for loader in (LoadImaged("image", reader=VolumeReader, dtype=None), volume_loader()):
        image = loader({"image": path})["image"]
        np.testing.assert_array_equal(image.numpy(), voxels)
        assert image.meta["stored_dtype"] == "uint16"


def test_errors_of_the_reader_reach_the_caller(tmp_path):
    path = cut(write(tmp_path / "a.nii", full_range("uint8", (4, 5, 6))), 0.9)
    with pytest.raises(AiwaveError, match=r"a\.nii cannot be read"):
        volume_loader()({"image": path})
