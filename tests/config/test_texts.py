"""Names and paths on the command line, whatever is special in Hydra's grammar."""

import nibabel
import numpy as np
import pytest
import tifffile

from aiwave.cli import main
from aiwave.config.command_schemas import PrepareConfig, TrainConfig
from aiwave.config.composing import as_text, composed
from aiwave.config.validation import validate
from aiwave.errors import AiwaveError

ODD = ["ü", "a=b", "a,b", "a[b", "[a,b]", "a(b", "a{b", "{a:b}", "a;b", "it's", 'say "a"', "~a", "#a", "2024", "a b"]


@pytest.mark.parametrize("name", ODD)
def test_a_folder_of_any_name_is_prepared(name, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    for k in range(3):
        tifffile.imwrite(tmp_path / name / f"{k}.tif", np.full((8, 8, 8), k, np.uint8), photometric="minisblack")
    split = "source.split._target_=aiwave.datamodules.sources.SplitBySubject"
    given = [
        "dataset=folder",
        f"from={name}",
        f"root={name.replace(',', '')}_out",
        "dataset.subset=2024",
        split,
        "check=true",
    ]
    assert main(["prepare", *given]) == 0
    said = capfd.readouterr().out
    assert "_out/2024 would be created" in said
    assert "  0: " in said


@pytest.mark.parametrize("value", ["seed=3", "name=null", "dataset.crop=[8,8,8]", "name=${dataset.name}_x", "name='x'"])
def test_what_is_no_text_or_is_quoted_stays(value):
    assert as_text(value, lambda: TrainConfig) == value


@pytest.mark.parametrize(("value", "read"), [("2024", "2024"), ("1e3", "1e3"), ("it's", "it's"), ("a\\'b,", "a\\'b,")])
def test_texts_arrive_as_they_were_given(value, read):
    root = ["dataset=folder", "dataset.root=x"]
    assert composed("train", [*root, f"dataset.subset={value}"], lambda: TrainConfig).dataset.subset == read


def test_several_values_are_still_several():
    assert as_text("dataset.subset=em,ct", lambda: TrainConfig) == "dataset.subset=em,ct"
    assert as_text("from=em,ct", lambda: PrepareConfig) == "from=em,ct"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *(
            (
                f"name={name}",
                "name: must be a name that has no slash, backslash or control character and does not begin with a dot, "
                f"not {name}.",
            )
            for name in ("'a/b'", "''", "'.a'", "'..'")
        ),
        (f"name={'n' * 101}", "name: must have at most 100 characters, so give a shorter one, not 'nnnn"),
        ("dataset.steps=[]", "dataset.steps: must have at least 1 value, not []."),
        ("dataset.crop=[8,8]", "dataset.crop: must have at least 3 values, not [8, 8]."),
        ("dataset.crop=[8,8,8,8]", "dataset.crop: must have at most 3 values, not [8, 8, 8, 8]."),
        ("schedule.order=[a/b]", "schedule.order.0: must be a name that has no slash, "),
    ],
)
def test_what_names_and_lists_may_hold_is_told_in_words(given, said):
    with pytest.raises(AiwaveError) as caught:
        validate(composed("train", [given, "run_dir=x"], lambda: TrainConfig), TrainConfig, imports=False)
    assert str(caught.value).startswith(said)


HEADERS = {
    "bad.mha": (
        "ObjectType = Image\nNDims = 3\nDimSize = 16 16 16\nOffset = nan 0 0\nElementSpacing = 1 1 1\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    ),
    "bad.nrrd": (
        "NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\nsizes: 16 16 16\nencoding: raw\n"
        "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (nan,nan,nan)\n\n"
    ),
}


@pytest.mark.parametrize("name", [*HEADERS, "bad.nii"])
def test_a_geometry_that_is_no_number_is_refused_by_name_or_read_without(name, tmp_path, capfd):
    folder = tmp_path / "raw"
    voxels = np.arange(4096, dtype=np.uint8).reshape(16, 16, 16)
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        tifffile.imwrite(folder / split / f"good_{split}.tif", voxels, photometric="minisblack")
    path = folder / "train" / name
    if name in HEADERS:
        path.write_bytes(HEADERS[name].encode() + voxels.tobytes())
    else:
        volume = nibabel.Nifti1Image(voxels, np.eye(4))
        nibabel.save(volume, path)
        header = bytearray(path.read_bytes())
        nan = np.float32(np.nan).tobytes()
        header[80:84] = header[112:116] = header[268:272] = header[284:288] = nan  # pixdim, slope, an offset, srow_x
        path.write_bytes(header)
    crops = "source.crops.size=[16,16,16]"
    status = main(["prepare", "dataset=folder", f"from={folder}", f"root={tmp_path}/out", "dataset.subset=x", crops])
    if status:
        assert name in capfd.readouterr().err
        return
    data = ["dataset=folder", f"dataset.root={tmp_path}/out", "dataset.subset=x"]
    assert main(["data", "show", *data, f"out={tmp_path}/sheet.png"]) == 0
