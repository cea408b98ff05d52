import math
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from aiwave.errors import AiwaveError
from aiwave.report.rd_plot import plot_rd, rd_figure
from aiwave.report.tables import RdRow, format_table, mean_curves, read_rd_csv, write_rd_csv
from aiwave.writing import replacing
from tests.anchors import measured

PROJECT = Path(__file__).parents[2]
ANCHORS = Path(os.environ.get("AIWAVE_TEST_ANCHORS", PROJECT / "../shared/anchors/measured.csv"))
OLD = "dataset,file,codec,quality,bpp,psnr_db,encode_s,decode_s\n"  # before max_error
HEADER = OLD.rstrip() + ",max_error\n"

# Python's csv does not quote a carriage return
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1)
finite = st.floats(allow_nan=False, allow_infinity=False)
any_row = st.builds(
    RdRow,
    names,
    names,
    names,
    finite,
    st.floats(0, allow_infinity=False),
    st.floats(allow_nan=False),
    finite,
    finite,
    st.none() | st.floats(0, allow_infinity=False),
)


def row(dataset="brain", file="a.nii", codec="x", quality=1.0, bpp=1.0, psnr=40.0, encode=2.0, decode=0.5):
    return RdRow(dataset, file, codec, quality, bpp, psnr, encode, decode)


@pytest.fixture
def rows():
    lossy = [
        row(dataset, file, codec, quality, quality * step, 30 + 5 * quality)
        for dataset in ("brain", "fib")
        for file, step in (("a", 1), ("b", 1.5))
        for codec in ("ours", "jp3d")
        for quality in (2, 1, 3)
    ]
    return [*lossy, row(codec="lossless", psnr=math.inf)]


@given(rows=st.lists(any_row, max_size=5))
def test_csv_gives_back_what_was_written(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "rd.csv"
    write_rd_csv(rows, path)
    assert read_rd_csv(path) == rows
    assert os.listdir(path.parent) == ["rd.csv"]


def test_csv_has_the_common_schema(tmp_path):
    write_rd_csv([row(psnr=math.inf, bpp=1.25)], tmp_path / "rd.csv")
    assert (tmp_path / "rd.csv").read_text() == HEADER + "brain,a.nii,x,1,1.25,inf,2,0.5,\n"


@pytest.mark.skipif(not ANCHORS.exists(), reason="no measured anchors here")
def test_measured_anchors_can_be_read_and_averaged(tmp_path):
    rows = measured(ANCHORS, tmp_path)
    with ANCHORS.open(encoding="utf-8") as stream:
        assert len(rows) == sum(",lossless," not in line for line in stream) - 1
    assert any(math.isinf(row.psnr_db) for row in rows)
    for (dataset, codec), points in mean_curves(rows).items():
        files = {row.file for row in rows if (row.dataset, row.codec) == (dataset, codec)}
        assert all(point.volumes == len(files) for point in points)
        lossy = [point.psnr_db for point in points if math.isfinite(point.psnr_db)]
        assert lossy == sorted(lossy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the columns dataset, file"),
        ("dataset,file,codec,quality,bpp,encode_s,decode_s\n", "lacks the columns psnr_db"),
        (OLD + "s,f,c,1,1,40,1,1\ns,f,c,high,1,40,1,1\n", "line 3: could not convert"),
        (OLD + "s,f,c,1,1,40,1\n", "line 2: the number of fields"),
        (OLD + "s,f,c,1,1,40,1,1,1\n", "line 2: the number of fields"),
        (OLD + "s,f,c,1,1,nan,1,1\n", "line 2: psnr_db of f with c is not a number"),
        (OLD + "s,f,c,1,-1,40,1,1\n", "line 2: bpp of f with c is -1.0"),
        (OLD + "s,f,c,1,inf,40,1,1\n", "line 2: bpp of f with c is inf"),
    ],
)
def test_bad_csv_is_named_with_its_fault(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(AiwaveError, match=message) as caught:
        read_rd_csv(path)
    assert str(path) in str(caught.value)


def test_unreadable_csv_is_named(tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.csv", tmp_path / "binary.csv", tmp_path):
        with pytest.raises(AiwaveError, match=f"Cannot read {path}"):
            read_rd_csv(path)


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "rd.csv"
    path.write_text("old")

    def broken():
        yield row()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rd_csv(broken(), path)
    assert os.listdir(tmp_path) == ["rd.csv"]
    assert path.read_text() == "old"


def test_absent_folders_are_made_and_impossible_ones_refused(tmp_path):
    with replacing(tmp_path / "new" / "rd.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "new" / "rd.csv").read_text() == "new"
    (tmp_path / "file").write_text("")
    with pytest.raises(AiwaveError, match="Cannot write"), replacing(tmp_path / "file" / "rd.csv") as temporary:
        temporary.write_text("new")


@pytest.mark.parametrize("text", [OLD + "s,f,c,1,1,40,1,1\n", HEADER + "s,f,c,1,1,40,1,1,\n"])
def test_csv_without_the_largest_error_can_be_read(tmp_path, text):
    (tmp_path / "rd.csv").write_text(text)
    (read,) = read_rd_csv(tmp_path / "rd.csv")
    assert read == RdRow("s", "f", "c", 1, 1, 40, 1, 1, None)


def test_mean_curves_average_volumes_per_quality_and_rise(rows):
    curve = mean_curves(rows)["brain", "ours"]
    assert [point.quality for point in curve] == [1, 2, 3]
    assert [point.bpp for point in curve] == [1.25, 2.5, 3.75]
    assert [point.psnr_db for point in curve] == [35, 40, 45]
    assert [point.volumes for point in curve] == [2, 2, 2]
    assert mean_curves(rows)["brain", "lossless"][0].psnr_db == math.inf


def test_mean_curves_pair_ranks_when_each_volume_has_its_own_qualities():
    rows = [row(file="a", quality=10, bpp=1), row(file="a", quality=20, bpp=2)]
    rows += [row(file="b", quality=14, bpp=2), row(file="b", quality=24, bpp=4)]
    curve = mean_curves(rows)["brain", "x"]
    assert [(point.quality, point.bpp, point.volumes) for point in curve] == [(12, 1.5, 2), (22, 3, 2)]


def test_mean_curves_keep_a_quality_that_a_volume_lacks():
    rows = [row(file="a", quality=1), row(file="a", quality=2, bpp=2), row(file="b", quality=1)]
    assert [(p.quality, p.volumes) for p in mean_curves(rows)["brain", "x"]] == [(1, 2), (2, 1)]


def test_table_is_aligned(rows):
    lines = format_table(rows).splitlines()
    assert len(lines) == 2 + 4 * 3 + 1
    names = ["dataset", "codec", "quality", "bpp", "PSNR dB", "encode s", "decode s", "volumes"]
    assert re.split(" {2,}", lines[0]) == names
    assert lines[2].split() == ["brain", "ours", "1", "1.2500", "35.00", "2.00", "0.50", "2"]
    assert len({len(line) for line in lines}) == 1
    assert any(line.split()[:2] == ["brain", "lossless"] and "inf" in line for line in lines)


def test_figure_is_a_png_of_print_size(rows, tmp_path):
    plot_rd(rows, tmp_path / "rd.png", peak=255)
    assert (tmp_path / "rd.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    height, width, _ = imread(tmp_path / "rd.png").shape
    assert 900 < width < 2500
    assert 500 < height < 2500
    assert os.listdir(tmp_path) == ["rd.png"]


def test_figure_has_a_panel_per_dataset_and_a_line_per_codec(rows):
    figure = rd_figure(rows, peak=255)
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["brain", "fib"]
    for panel in figure.axes:
        assert panel.get_xlabel() == "rate [bit per voxel]"
        assert panel.get_ylabel() == "PSNR [dB], peak 255"
        drawn = [line for line in panel.lines if len(line.get_xdata())]
        assert [list(line.get_xdata()) for line in drawn] == [[1.25, 2.5, 3.75]] * 2
        assert len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == 2
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["ours", "jp3d"]


def test_figure_does_not_join_points_of_fewer_volumes(rows):
    rows.append(row(file="a", codec="ours", quality=9, bpp=9))
    panel = rd_figure(rows).axes[0]
    loose = [line for line in panel.lines if line.get_linestyle() == "None" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in loose] == [[9]]
    assert panel.get_ylabel() == "PSNR [dB]"


def test_figure_of_lossless_points_only_and_of_none(tmp_path):
    plot_rd([row(psnr=math.inf)], tmp_path / "lossless.png")
    assert (tmp_path / "lossless.png").stat().st_size > 1000
    with pytest.raises(AiwaveError, match="no rate-distortion points"):
        plot_rd([], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_figure_leaves_pyplot_alone(rows, tmp_path):
    import matplotlib

    backend = matplotlib.get_backend()
    plot_rd(rows, tmp_path / "rd.png")
    assert matplotlib.get_backend() == backend
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_rows_are_immutable_and_checked():
    with pytest.raises(AttributeError):
        row().bpp = 2
    with pytest.raises(AiwaveError, match="not a rate"):
        replace(row(), bpp=-0.1)
    with pytest.raises(AiwaveError, match="is -1, below zero"):
        replace(row(), max_error=-1)
