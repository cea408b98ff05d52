"""Whatever is thrown at the Python API and the command line: one sentence or a result, and no half-written file."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import aiwave
from aiwave.bitstream.container import open_stream
from aiwave.cli import main
from aiwave.errors import AiwaveError
from tests.files import file_model

LOSSY, LEARNED = ("lossy",), ("learned",)
"""Small models, which are made when they are needed."""

EMPTY = aiwave.compress(np.zeros((5, 6, 7), "uint8"), lossless=True)

DTYPES = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?"),
    arrays.complex_number_dtypes(),
    arrays.datetime64_dtypes(),
    arrays.byte_string_dtypes(max_len=3),
    st.sampled_from([np.dtype(object), np.dtype([("a", "u1"), ("b", "f4")])]),
)
VOLUMES = DTYPES.flatmap(
    lambda dtype: (
        arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6))
        if dtype.kind != "O"
        else st.just(np.array([[[None]]], object))
    )
)
FLOATS = st.one_of(st.none(), st.floats(), st.sampled_from([0, 1, 2.5, 40.0, -1, 10**400, True, "x", np.float32(3)]))
MODELS = st.sampled_from([None, "auto", "nothing", "", "\0", "/", "em_nano", 3, b"x", LOSSY, LEARNED])


def loaded(model):
    """The model that a strategy names, or what it has drawn."""
    return file_model(*model) if isinstance(model, tuple) else model


def only_a_sentence(call):
    """What the call returns, None if it is refused in one sentence; anything else fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return call()
        except AiwaveError as error:
            said = str(error)
            assert said.endswith(".")
            assert "\n" not in said
            assert len(said) < 600
            return None


@given(
    volume=st.one_of(VOLUMES, st.sampled_from([None, "a", b"abc", [], [[[1]]], {}, object()])),
    model=MODELS,
    options=st.fixed_dictionaries(
        {},
        optional={
            "lossless": st.booleans(),
            "step": FLOATS,
            "psnr": FLOATS,
            "bpp": FLOATS,
            "max_error": FLOATS,
            "tile": st.sampled_from([0, -4, 3, 4, 8, 64, 65532, 10**9, 4.0, "x", None, True]),
            "embed_model": st.booleans(),
            "optimise": st.just(False),
            "metadata": st.sampled_from(
                [None, {}, {"a": 1}, {1: 2}, {"a": object()}, {"a": "\ud800"}, {"a": np.nan}, 3]
            ),
            "original": st.sampled_from([b"", b"abc", "x", None]),
        },
    ),
)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_compress(volume, model, options):
    model = loaded(model)
    data = only_a_sentence(lambda: aiwave.compress(volume, model, **options))
    if data is not None:
        again = aiwave.decompress(data, model=model if not isinstance(model, str) else None)
        assert again.shape == np.shape(volume)
        assert again.dtype == np.asarray(volume).dtype.newbyteorder("=")
        if open_stream(data).header.lossless and not options.get("max_error"):
            np.testing.assert_array_equal(again, volume)


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.sampled_from(
            [None, "x.aiw", Path("x.aiw"), 3, [1], np.zeros(4), np.zeros((4, 4))[:, ::2], bytearray(b"\x89aiw")]
        ),
        st.just(EMPTY),
    ),
    region=st.one_of(
        st.none(),
        st.lists(
            st.tuples(*[st.one_of(st.none(), st.integers(-9, 9), st.floats(), st.text(max_size=2))] * 2), max_size=5
        ),
        st.lists(st.slices(9), max_size=4),
        st.sampled_from([3, "0:1", [1, 2, 3], [slice("a", "b")] * 3]),
    ),
    level=st.one_of(st.integers(-2, 9), st.sampled_from([1.0, 0.5, "1", None, True, np.int64(1)])),
    model=MODELS,
)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_decompress_and_info(data, region, level, model):
    only_a_sentence(lambda: aiwave.info(data))
    volume = only_a_sentence(lambda: aiwave.decompress(data, region, level, loaded(model)))
    assert volume is None or not volume.any()


NAMES = st.one_of(
    st.sampled_from(
        ["a.npy", "b.npy", "c.npy", "a.aiw", "bad.aiw", "none.npy", "-", "", ".", "folder", "folder/x.aiw"]
    ),
    st.sampled_from(
        ["o.aiw", "o.nii", "o.nii.gz", "o.tif", "o.mha", "o.nrrd", "o.npy", "o.xyz", "o", "no/where/o.aiw"]
    ),
    st.sampled_from(
        ["x" * 300 + ".aiw", "a\nb.aiw", "ü=,[(;'\"~#.aiw", "\x1b[31m.aiw", "a.npy/o.aiw", "--help", "\udcff.aiw"]
    ),
    st.text(st.characters(blacklist_characters="/\0", codec="utf-8"), min_size=1, max_size=8),
)
OPTIONS = st.lists(
    st.one_of(
        st.sampled_from(["--lossless", "--strip", "--embed-model", "--nearest", "--quiet", "--json", "--allow-large"]),
        st.tuples(
            st.sampled_from(
                [
                    "--step",
                    "--psnr",
                    "--bpp",
                    "--max-error",
                    "--tile",
                    "--level",
                    "--channel",
                    "--series",
                    "--region",
                    "--model",
                    "--modality",
                    "--x",
                ]
            ),
            st.one_of(
                st.sampled_from(
                    ["0", "1", "-1", "2.5", "nan", "inf", "1e400", "9" * 400, "", "x", "0:2,0:2,0:2", "ct"]
                ),
                st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=4),
            ),
        ),
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def files():
    """Small inputs by name, sound and unsound."""
    import io

    def npy(array):
        content = io.BytesIO()
        np.save(content, array)
        return content.getvalue()

    return {
        "a.npy": npy(np.arange(60, dtype="uint8").reshape(3, 4, 5)),
        "b.npy": npy(np.full((2, 2, 2), np.inf)),
        "c.npy": npy(np.zeros((2, 3, 3, 3), "datetime64[s]")),
        "a.aiw": aiwave.compress(np.zeros((5, 6, 7), "uint8"), lossless=True),
        "bad.aiw": b"\x89aiw\r\n\x1a\nand nothing else",
    }


@given(
    command=st.sampled_from(["compress", "decompress", "info", "models", "x"]),
    names=st.lists(NAMES, max_size=3),
    options=OPTIONS,
)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_the_command_line(command, names, options, files, tmp_path_factory, capfd):
    folder = tmp_path_factory.mktemp("any")
    (folder / "folder").mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    flat = [word for option in options for word in ([option] if isinstance(option, str) else option)]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        patch.chdir(folder)
        patch.setattr("sys.stdin", _NoInput())
        status = main([command, *names, *flat])
    said = capfd.readouterr().err
    assert status in (0, 1, 2)
    assert "Traceback" not in said
    assert status == 0 or "aiwave" in said
    assert {name: (folder / name).read_bytes() for name in files} == files
    assert not list(folder.rglob(".aiwave-*"))
    if status:
        assert {path.name for path in folder.iterdir()} == {*files, "folder"}


class _NoInput:
    """Standard input without anything in it."""

    class buffer:
        """Bytes."""

        @staticmethod
        def read(size=-1):
            return b""


@pytest.mark.parametrize("number", [np.float16, np.float32, np.float64, np.int16])
def test_numbers_of_numpy_are_numbers(number):
    volume = np.random.default_rng(0).integers(0, 99, (8, 9, 10), dtype=np.uint8)
    wanted = aiwave.compress(volume, "em_nano", step=4.0)
    assert only_a_sentence(lambda: aiwave.compress(volume, "em_nano", step=number(4))) == wanted
