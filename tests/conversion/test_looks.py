"""Looks at a source before it is converted: only where models differ."""

import pytest

from aiwave.conversion.looks import model_for
from aiwave.pretrained.choice import automatic_model, needs_trial
from aiwave.stores.stored_array import StoredArray

from ..conftest import textured


class Counted:
    """Voxels that count how often they are read."""

    def __init__(self, voxels):
        self.voxels, self.reads = voxels, 0

    def read(self, box):
        self.reads += 1
        return self.voxels[box]


@pytest.mark.parametrize(("lossless", "error", "reads"), [(False, None, False), (True, None, True), (True, 2, True)])
def test_a_source_is_read_only_if_there_is_something_to_choose(lossless, error, reads):
    voxels = Counted(textured((40, 40, 40), 1))
    source = StoredArray("source", voxels, voxels.voxels.shape, voxels.voxels.dtype, ())
    name, why = model_for(source, lossless, None, error)
    assert (voxels.reads > 0) == reads == needs_trial(lossless, None, error)
    assert name in why
    assert name == automatic_model(voxels.voxels, lossless, None, error)[0].name
