"""Model files: safetensors that any library reads, the same every time, and nothing but what was stored."""

import hashlib
import json
import struct
import time

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.api import find_model
from aiwave.bitstream import Model
from aiwave.bitstream.from_codec import model_file
from aiwave.bitstream.model_file import pack, unpack
from aiwave.errors import AiwaveError
from tests.builders import codec
from tests.files import file_model, trained_codec

KINDS = ["lossy", "learned", "dependent", "oriented"]


def refused(data, match="."):
    """The one sentence that a model file is refused with."""
    started = time.monotonic()
    with pytest.raises(AiwaveError, match=match) as caught:
        Model.from_bytes(data)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert time.monotonic() - started < 20
    return said


def raw(header, body=b"", length=None):
    """Bytes laid out as safetensors, whatever they say."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def sealed(description, arrays):
    """A file whose seal fits, made by the library alone."""
    text = json.dumps({"seal": "0" * 64, **description})
    data = safetensors.numpy.save(arrays, {"aiwave": text})
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_other_programs_read_them_by_the_library(kind, tmp_path):
    model = file_model(kind)
    (tmp_path / "m.safetensors").write_bytes(model.data)
    with safetensors.safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        described = json.loads(file.metadata()["aiwave"])
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert (described["version"], described["name"]) == (1, kind)
    assert model.identity == hashlib.sha256(model.data).hexdigest()
    layers = [layer["name"] for layer in described["entropy"]["layers"]]
    integers = model.parameters.entropy
    assert layers == list(integers.layers)
    for name in layers:
        weight = stored[f"entropy.{name}.weight"]
        np.testing.assert_array_equal(weight, integers.layers[name].weight)
        assert weight.dtype == np.int8 or np.abs(weight).max() > 127
    codec = trained_codec(kind)
    for name, value in codec.post.state_dict().items():
        np.testing.assert_array_equal(stored[f"post.{name}"], value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_model_gives_the_same_bytes(kind):
    data = file_model(kind).data
    assert model_file(trained_codec(kind), kind) == data
    described, arrays = unpack(data)
    backwards = {name: arrays[name] for name in reversed(arrays)}
    assert pack(described, backwards) == data


def test_a_seal_made_by_the_library_alone_fits():
    described, arrays = unpack(file_model("lossy").data)
    model = Model.from_bytes(sealed({"version": 1, **described}, arrays))
    assert model.description == file_model("lossy").description


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.integers(0, 10**6), byte=st.integers(1, 255), change=st.sampled_from(["edit", "cut", "insert", "append"]))
@settings(max_examples=60)
def test_changed_files_are_refused(kind, at, byte, change):
    data = file_model(kind).data
    at %= len(data)
    edited = bytes([*data[:at], data[at] ^ byte, *data[at + 1 :]])
    refused(
        {
            "edit": edited,
            "cut": data[:at],
            "insert": data[:at] + bytes([byte]) + data[at:],
            "append": data + bytes([byte]) * (1 + at % 9),
        }[change]
    )


def test_every_byte_of_a_header_counts():
    data = file_model("lossy").data
    length = struct.unpack("<Q", data[:8])[0]
    for at in [*range(8 + 200), *range(208, length, 7), *range(length, 8 + length)]:
        changed = bytearray(data)
        changed[at] ^= 1 << at % 7
        refused(bytes(changed))
    blank = data[8 : 8 + length].decode()
    for other in (blank + "        ", blank.replace('","', '", "', 1)):  # the same to any parser of JSON
        refused(raw(other, data[8 + length :]), "its checksum does not fit")


def test_overlapping_arrays_gaps_and_bombs_are_refused_before_anything_is_allocated():
    ten = {"dtype": "I8", "shape": [10], "data_offsets": [0, 10]}
    half = {"dtype": "I8", "shape": [10], "data_offsets": [5, 15]}
    huge = {"dtype": "I64", "shape": [1 << 40], "data_offsets": [0, 1 << 43]}
    around = {"dtype": "I64", "shape": [1 << 62, 1 << 62, 16], "data_offsets": [0, 10]}
    meta = {"__metadata__": {"aiwave": "{}"}}
    for arrays in (
        {"a": ten, "b": half},
        {"a": ten, "b": ten},
        {"a": half},
        {"a": huge},
        {"a": around},
        {"a": ten | {"shape": [11]}},
        {"a": ten | {"shape": [-10]}},
        {"a": ten | {"dtype": "O"}},
        {"a": ten | {"data_offsets": [10, 0]}},
        {},
    ):
        refused(raw(meta | arrays, bytes(15)), "not a complete safetensors file")
    refused(raw(meta, length=1 << 62), "not a complete safetensors file")
    refused(raw("[" * 100_000), "not a complete safetensors file")
    deep = {"__metadata__": {"aiwave": "[" * 100_000}}
    for header in ({"a": ten}, {"__metadata__": {}, "a": ten}, deep | {"a": ten}):
        refused(raw(header, bytes(10)), "its header cannot be read")
    refused(raw(meta | {"a": ten | {"dtype": "F8_E4M3"}}, bytes(10)), "its header cannot be read")
    for text in ("[]", "1", "null"):
        refused(raw({"__metadata__": {"aiwave": text}, "a": ten}, bytes(10)), "its header cannot be read")


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]], ids=str)
def test_other_versions_are_refused(version):
    described, arrays = unpack(file_model("lossy").data)
    said = refused(sealed({**described, "version": version}, arrays))
    assert said == f"The model file has version {version!r}, this program reads version 1: update the program."


@pytest.mark.parametrize("number", [1, 2, 3])
def test_files_of_before_version_1_are_told_apart(number, tmp_path):
    """They were laid out as safetensors, too: a description with a format, the integer model in one array."""
    text = json.dumps({"format": number, "gain": 1.0, "name": "old"})
    entry = {"dtype": "U8", "shape": [24], "data_offsets": [0, 24]}
    (tmp_path / "old.aiwm").write_bytes(raw({"__metadata__": {"aiwave": text}, "entropy": entry}, bytes(24)))
    with pytest.raises(AiwaveError, match=r"old\.aiwm: .* before version 1 of the format: train .* commit 6ce39fe"):
        find_model(tmp_path / "old.aiwm")


def test_a_description_chooses_among_what_is_known():
    described, arrays = unpack(file_model("lossy").data)
    for key, value in (
        ("post", described["post"] | {"kind": "os.system"}),
        ("post", described["post"] | {"_target_": "os.system"}),
        ("transform", described["transform"] | {"wavelet": "eval"}),
        ("transform", described["transform"] | {"net": described["transform"]["net"] | {"activation": "Module"}}),
        ("entropy", described["entropy"] | {"kind": "os.system"}),
        ("entropy", described["entropy"] | {"density": {"family": "__class__", "components": 2}}),
        ("gain", float("inf")),
        ("levels", 3),
    ):
        refused(pack(described | {key: value}, arrays), "its description is invalid")
    refused(pack({key: value for key, value in described.items() if key != "gain"}, arrays), "description is invalid")


def test_arrays_that_belong_nowhere_or_are_of_another_type_are_refused():
    described, arrays = unpack(file_model("lossy").data)
    weight = next(name for name in arrays if name.startswith("post."))
    for changed, words in (
        ({"stranger": np.zeros(3, "f4")}, "'stranger', which belongs nowhere"),
        ({weight: arrays[weight].astype("f8")}, "not float32"),
        ({weight: np.full_like(arrays[weight], np.nan)}, "not finite"),
        ({"entropy.band": arrays["entropy.band"].astype("f4")}, "integer model do not fit together"),
        ({"entropy.stranger": np.zeros(3, "i1")}, "integer model do not fit together"),
    ):
        refused(pack(described, arrays | changed), words)
    refused(pack(described, {name: array for name, array in arrays.items() if name != weight}), "do not fit")


@pytest.mark.parametrize("kind", ["lossy", "learned", "oriented"])
@given(data=st.data())
@settings(max_examples=60)
def test_arrays_of_other_shapes_are_refused(kind, data):
    described, arrays = unpack(file_model(kind).data)
    name = data.draw(st.sampled_from(sorted(arrays)))
    shape = data.draw(st.sampled_from([(), (0,), (1,), (3,), (0, 4), (2, 3, 4), (1, 1, 1, 1)]))
    if np.zeros(shape).size != arrays[name].size:
        refused(pack(described, arrays | {name: np.zeros(shape, arrays[name].dtype)}))


def test_names_that_occur_twice_and_gains_of_zero_are_refused():
    described, arrays = unpack(file_model("lossy").data)
    text = json.dumps({"seal": "0" * 64, "version": 1, **described})
    data = safetensors.numpy.save(arrays, {"aiwave": text[:-1] + ', "gain": 2.0}'})
    refused(data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1), "its header cannot be read")
    gain = next(name for name in arrays if name.endswith("low_gain"))
    for value in (0.0, 1e-30, 1e30):
        refused(
            pack(described, arrays | {gain: np.full_like(arrays[gain], value)}), "a gain of its transform is out of"
        )


def test_a_factorized_model_whose_parts_do_not_fit_is_refused_when_it_is_read():
    described, arrays = unpack(model_file(codec("cdf97", "factorized").eval(), "factorized"))
    table = arrays["entropy.embedding"]
    for name, array in (
        ("embedding", table[:-1]),
        ("embedding", table[:, :-1]),
        ("embedding", table[None]),
        ("band_head", arrays["entropy.band_head"][:, :-1]),
        ("layer0.weight", arrays["entropy.layer0.weight"][:-1]),
    ):
        refused(pack(described, arrays | {f"entropy.{name}": array}), "parts of its integer model do not fit together")
    entropy = described["entropy"]
    fewer = entropy | {"layers": [layer | {"limit": 1} for layer in entropy["layers"]]}
    refused(pack(described | {"entropy": fewer}, arrays), "parts of its integer model do not fit together")


def test_a_bound_that_float32_cannot_hold_is_refused():
    """It would be 0 there, which stands for the published factor."""
    described, arrays = unpack(file_model("lossy").data)
    transform = described["transform"]
    assert transform["net"]["scale"] == 0.5
    net = transform["net"] | {"scale": 1e-50}
    refused(pack(described | {"transform": transform | {"net": net}}, arrays))
