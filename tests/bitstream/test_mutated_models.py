"""Model files of a forger, who mends every hash: refused in one sentence, or as harmless as any other model."""

import copy
import warnings
from functools import cache

import numpy as np
import pytest

from aiwave.api import compress, decompress
from aiwave.bitstream import Model
from aiwave.bitstream.from_codec import model_file
from aiwave.bitstream.model_file import unpack
from aiwave.errors import AiwaveError
from tests.bitstream.mutations import mutated
from tests.builders import codec
from tests.files import file_model

KINDS = ("lossy", "learned", "dependent", "oriented", "sections", "factorized", "voxels")
VOLUME = np.arange(5 * 6 * 7, dtype="uint8").reshape(5, 6, 7)


@cache
def parts(kind):
    """Description and arrays of a small model."""
    if kind == "factorized":
        return unpack(model_file(codec("cdf97", "factorized").eval(), kind))
    return unpack(file_model(kind).data)


def use(data):
    """Load a model and code with it, as far as it lets one; True if it did. Raises anything but AiwaveErrors."""
    try:
        model = Model.from_bytes(data)
        lossless = model.only_lossless
        options = {"lossless": True} if lossless else {"step": 4.0, "optimise": False}
        decoded = decompress(compress(VOLUME, model, model_only=True, **options), model=model)
    except AiwaveError as error:
        said = str(error)
        assert said.endswith(".")
        assert "\n" not in said
        assert len(said) < 400
        return False
    assert decoded.shape == VOLUME.shape
    assert not lossless or np.array_equal(decoded, VOLUME)
    return True


def _try(numbers):
    used = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in numbers:
            data, changes = mutated(*parts(KINDS[number % len(KINDS)]), np.random.default_rng(number))
            try:
                used += use(data)
            except Exception as error:
                raise AssertionError(f"mutation {number}: {', '.join(changes)}") from error
    return used


@pytest.mark.parametrize("kind", KINDS)
def test_unchanged_models_are_used(kind):
    described, arrays = parts(kind)
    from tests.bitstream.test_model_files import sealed

    assert use(sealed({"version": 1, **described}, arrays))


@pytest.mark.parametrize("part", range(4))
def test_mutated_models_are_refused_or_harmless(part):
    used = _try(range(60 * part, 60 * part + 60))
    assert 0 < used < 40


@pytest.mark.slow
def test_ten_thousand_mutated_models_are_refused_or_harmless():
    assert _try(range(1000, 11000)) < 5000


@pytest.mark.parametrize(("channels", "loads"), [(1024, True), (1025, False)])
def test_lifting_networks_have_at_most_1024_channels(channels, loads):
    from tests.bitstream.test_model_files import sealed

    described, arrays = parts("learned")
    described, arrays = described | {"reversible": dict(described["reversible"])}, dict(arrays)
    layers = described["reversible"]["layers"]
    described["reversible"]["layers"] = [layer for layer in layers if "inner" not in layer["name"]]
    for layer in layers:
        inputs, outputs = (1, channels) if layer["name"].endswith("first") else (channels, 1)
        own = {"weight": (27 * inputs, outputs), "bias": outputs, "shift": outputs}
        for key, shape in own.items():
            arrays[f"reversible.{layer['name']}.{key}"] = np.zeros(shape, "int8")
            if "inner" in layer["name"]:
                del arrays[f"reversible.{layer['name']}.{key}"]
    assert use(sealed({"version": 1, **described}, arrays)) == loads


def _layer_limit(described, arrays):
    next(one for one in described["entropy"]["layers"] if one["name"] == "head")["limit"] = 2**15


def _later_section(described, arrays):
    arrays["entropy.far"][0] = (1, -8, 0)


def _wide_sums(described, arrays):
    for key, value in (("bias", 2**40), ("shift", 40)):
        arrays[f"entropy.skip.{key}"] = np.full(arrays[f"entropy.skip.{key}"].shape, value, "int64")


def _wide_layer(described, arrays):
    inputs, outputs = arrays["entropy.hidden0.weight"].shape[0], arrays["entropy.hidden1.weight"].shape[1]
    arrays["entropy.hidden1.weight"] = np.zeros((1025, outputs), "int8")
    shapes = {"weight": (inputs, 1025), "bias": (1025,), "shift": (1025,)}
    arrays.update({f"entropy.hidden0.{key}": np.zeros(shape, "int8") for key, shape in shapes.items()})


@pytest.mark.parametrize("forge", [_layer_limit, _later_section, _wide_sums, _wide_layer])
def test_voxel_models_that_the_compiled_core_cannot_hold_are_damaged(forge):
    from tests.bitstream.test_model_files import sealed

    described, arrays = copy.deepcopy(parts("voxels"))
    forge(described, arrays)
    with pytest.raises(AiwaveError, match="do not fit together"):
        Model.from_bytes(sealed({"version": 1, **described}, arrays))


@pytest.mark.parametrize("place", ["name", "value", "key"])
def test_a_description_with_half_a_character_is_damaged(place):
    from tests.bitstream.test_model_files import sealed

    described, arrays = copy.deepcopy(parts("lossy"))
    where, key = {
        "name": (described, "name"),
        "value": (described["transform"], "wavelet"),
        "key": (described["transform"], "\ud800"),
    }[place]
    where[key] = "\ud800"
    with pytest.raises(AiwaveError, match="its header cannot be read"):
        Model.from_bytes(sealed({"version": 1, **described}, arrays))
