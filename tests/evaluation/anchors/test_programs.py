"""External codecs against programs that stand in for them: their command lines and files."""

import json

import numpy as np
import pytest

from aiwave.errors import AiwaveError
from tests.anchors import anchor, smooth, stub

RECORD = """
record = Path(__file__).parent / (Path(__file__).name + ".json")
files = {p.name: p.read_bytes().hex() for p in Path.cwd().iterdir()}
"""
KEEP = "record.write_text(__import__('json').dumps({'given': given, 'files': files}))\n"

JP3D = ("opj_jp3d_compress", "opj_jp3d_decompress")
HM = ("TAppEncoderStatic", "TAppDecoderStatic")
KAKADU = ("kdu_compress", "kdu_expand")

OLD_JP3D = """
if '-h' in given:
    sys.exit('List of parameters for the JPEG2000 Part 10 encoder:')
if '-T' in given:
    print('[ERROR] This option is not valid "-T 3DWT"')
    sys.exit(0)
"""
NEW_JP3D = OLD_JP3D.replace("if '-T'", "if False and '-T'")


def passing(name, source, target, version=""):
    """A program that answers `version` and else records what it was given and copies `source` to `target`."""
    return version + RECORD + KEEP + f"Path({target!r}).write_bytes(Path({source!r}).read_bytes())\n"


def jp3d(folder, version=OLD_JP3D):
    stub(folder, JP3D[0], passing(JP3D[0], "input.bin", "output.jp3d", version))
    stub(folder, JP3D[1], passing(JP3D[1], "output.jp3d", "output.bin"))
    return anchor("jp3d", folder)


def hm(folder, name="hevc_rext", suffix="", version="16.15"):
    told = f"if given == ['--help']:\n    sys.exit('HM software: Encoder Version [{version}] (including RExt)')\n"
    stub(folder, HM[0].replace("Static", suffix + "Static"), passing("", "input.yuv", "input.bin", told))
    stub(folder, HM[1].replace("Static", suffix + "Static"), passing("", "input.bin", "decoded.yuv"))
    (folder / "encoder_randomaccess_main_rext.cfg").write_text("Profile : main-RExt\n")
    return anchor(name, folder)


def kakadu(folder):
    stub(folder, KAKADU[0], passing("", "input.rawl", "output.jpx"))
    stub(folder, KAKADU[1], passing("", "output.jpx", "decoded.rawl"))
    return anchor("jpeg2000_part2", folder)


def recorded(folder, name):
    kept = json.loads((folder / f"{name}.json").read_text())
    return kept["given"], {name: bytes.fromhex(content) for name, content in kept["files"].items()}


def test_jp3d_gets_the_published_command_line_and_files(tmp_path):
    folder = tmp_path / "a folder"
    codec, voxels = jp3d(folder, NEW_JP3D), smooth((4, 16, 18), np.uint16, 4000)
    coded = codec.code(voxels, 2.7)
    assert np.array_equal(coded.voxels, voxels)
    assert coded.size == voxels.nbytes
    given, files = recorded(folder, JP3D[0])
    assert given == ["-i", "input.bin", "-m", "config.img", "-o", "output.jp3d", "-r", "2.7", "-T", "3DWT", "-C", "3EB"]
    assert files["input.bin"] == voxels.astype("<u2").tobytes()
    assert files["config.img"] == b"Bpp\t16\nColor Map\t2\nDimensions\t18\t16\t4\nResolution(mm)\t1\t1\t1\t\n"
    given, _ = recorded(folder, JP3D[1])
    assert given == ["-i", "output.jp3d", "-m", "config.img", "-O", "input.bin", "-o", "output.bin"]


def test_jp3d_leaves_out_the_transform_that_linux_programs_refuse(tmp_path):
    codec = jp3d(tmp_path)
    codec.code(smooth((4, 16, 18), np.uint8, 255), 1)
    given, files = recorded(tmp_path, JP3D[0])
    assert given == ["-i", "input.bin", "-m", "config.img", "-o", "output.jp3d", "-r", "1", "-C", "3EB"]
    assert files["config.img"].startswith(b"Bpp\t8\n")


def test_jp3d_pads_slices_that_the_program_does_not_decode(tmp_path):
    voxels = smooth((2, 3, 9), np.uint8, 255)
    assert np.array_equal(jp3d(tmp_path).code(voxels, 1).voxels, voxels)
    assert b"Dimensions\t16\t16\t2\n" in recorded(tmp_path, JP3D[0])[1]["config.img"]


def test_kakadu_gets_the_published_command_line_and_files(tmp_path):
    voxels = smooth((64, 8, 8), np.uint8, 255)
    coded = kakadu(tmp_path).code(voxels, 0.5)
    assert np.array_equal(coded.voxels, voxels)
    given, files = recorded(tmp_path, KAKADU[0])
    assert " ".join(given) == (
        "-i input.rawl*64@64 -o output.jpx -jpx_layers * -jpx_space sLUM Sdims={8,8} Clayers=4 -rate 32 "
        "Mcomponents=64 Msigned=no Mprecision=8 -cpu 0 Ssigned=no,no,no Sprecision=8,8,8 Mvector_size:I4=64 "
        "Mvector_coeffs:I4=128 Mstage_inputs:I5={0,63} Mstage_outputs:I5={0,63} Mstage_collections:I5={64,64} "
        "Mstage_xforms:I5={DWT,0,4,3,0} Mnum_stages=1 Mstages=5"
    )
    assert files["input.rawl"] == voxels.tobytes()
    given, _ = recorded(tmp_path, KAKADU[1])
    assert " ".join(given) == (
        "-i output.jpx -o decoded.rawl*64@64 -raw_components 0 -skip_components 0 -cpu 0 -record log.txt"
    )


def test_kakadu_is_told_the_significant_bits(tmp_path):
    kakadu(tmp_path).code(smooth((3, 8, 8), np.uint16, 4000), 1)
    given, _ = recorded(tmp_path, KAKADU[0])
    assert {"input.rawl*3@128", "Mprecision=12", "Sprecision=12,12,12", "Mvector_coeffs:I4=2048"} <= set(given)


@pytest.mark.parametrize(
    ("dtype", "most", "bits", "suffix"),
    [(np.uint8, 255, 8, ""), (np.uint16, 600, 12, "HighBitDepth"), (np.uint16, 9000, 16, "HighBitDepth")],
)
def test_hm_gets_the_published_command_line_and_files(tmp_path, dtype, most, bits, suffix):
    codec, voxels = hm(tmp_path), smooth((5, 13, 20), dtype, most)
    hm(tmp_path, suffix="HighBitDepth")
    coded = codec.code(voxels, 10)
    assert np.array_equal(coded.voxels, voxels)
    given, files = recorded(tmp_path, f"TAppEncoder{suffix}Static")
    configuration = tmp_path.resolve() / "encoder_randomaccess_main_rext.cfg"
    options = "-i input.yuv -b input.bin -o output.bin --ECU=1 --CFM=1 --ESD=1 --FramesToBeEncoded=5 --QP=10"
    assert given == ["-c", str(configuration), "-c", "config.cfg", *options.split()]
    film = np.frombuffer(files["input.yuv"], np.dtype(dtype).newbyteorder("<")).reshape(5, 16, 24)
    assert np.array_equal(film[:, :13, :20], voxels)
    described = dict(line.split(" : ") for line in files["config.cfg"].decode().splitlines())
    assert described == {
        "SourceWidth": "24",
        "SourceHeight": "16",
        "FrameRate": "25",
        "FrameSkip": "0",
        "InputBitDepth": str(bits),
        "InternalBitDepth": str(bits),
        "OutputBitDepth": str(bits),
        "InputChromaFormat": "400",
        "ExtendedPrecision": str(int(bits == 16)),
    }
    assert recorded(tmp_path, f"TAppDecoder{suffix}Static")[0] == ["-b", "input.bin", "-o", "decoded.yuv"]


def test_hm_without_range_extensions_and_lossless_differ_in_their_tools(tmp_path):
    extra = {}
    for name in ("hevc", "hevc_rext", "hevc_lossless"):
        hm(tmp_path / name, name).code(smooth((2, 16, 16), np.uint8, 255), 0)
        given, _ = recorded(tmp_path / name, HM[0])
        extra[name] = given[given.index("--QP=0") + 1 :]
    assert extra["hevc_rext"] == []
    assert {"--ImplicitResidualDPCM=0", "--ExplicitResidualDPCM=0", "--ResidualRotation=0"} <= set(extra["hevc"])
    assert extra["hevc_lossless"] == ["--TransquantBypassEnableFlag=1", "--CUTransquantBypassFlagForce=1"]


@pytest.mark.parametrize(
    ("name", "quality", "words"),
    [("jp3d", 0.5, "1 or more"), ("hevc", 2.5, "0 to 51 for 8 bits"), ("jpeg2000_part2", 0, "above 0")],
)
def test_an_impossible_quality_is_refused(tmp_path, name, quality, words):
    codec = {"jp3d": jp3d, "hevc": lambda f: hm(f, "hevc"), "jpeg2000_part2": kakadu}[name](tmp_path)
    with pytest.raises(AiwaveError, match=f"{name} has no quality {quality:g}: .*{words}"):
        codec.code(smooth((2, 16, 16), np.uint8, 255), quality)
