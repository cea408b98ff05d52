"""Pictures of a codec: the right functions, in files that the trackers show."""

import base64
import os

import numpy as np
import pytest
import pywt
import torch
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aiwave.callbacks.pictures import synthesis_functions
from aiwave.report.page.write_page import _responses
from aiwave.report.stage_figures import profiles, save_filters, save_responses, save_slices
from aiwave.tracking import CsvTracker, ManyTrackers, NoTracker, TensorBoardTracker
from tests.builders import shake, transform
from tests.short_runs import train


def test_functions_of_the_plain_wavelet_are_those_of_pywavelets():
    functions = synthesis_functions(transform("cdf97"))
    assert len(functions) == 15
    high = np.array(pywt.Wavelet("bior4.4").rec_hi)
    function = functions["HHH1"].numpy()
    z, y, x = np.unravel_index(np.abs(function).argmax(), function.shape)
    line = function[z, y]
    peak = int(np.abs(high).argmax())
    found = line[x - peak : x - peak + len(high)]
    np.testing.assert_allclose(found / line[x], high / high[peak], atol=1e-4)
    np.testing.assert_allclose(
        function, np.einsum("i,j,k", *(function[:, y, x], function[z, :, x], line)) / line[x] ** 2, atol=1e-4
    )


def test_functions_of_a_trained_transform_change_what_a_coefficient_does_and_nothing_where_there_is_none():
    trained = shake(transform("affine"), std=0.1)
    with torch.no_grad():
        functions = synthesis_functions(trained)
        plain = synthesis_functions(transform("affine"))
    assert all(torch.isfinite(values).all() for values in functions.values())
    assert not torch.allclose(functions["LLL2"], plain["LLL2"], atol=1e-2)


def test_functions_of_many_levels_are_those_of_the_finest_three():
    few, many = (synthesis_functions(transform("cdf97", levels)) for levels in (3, 5))
    assert list(many) == list(few)[1:]
    assert all(torch.equal(values, few[name]) for name, values in many.items())


def test_pictures_are_drawn(tmp_path):
    volume = np.random.default_rng(0).integers(0, 255, (8, 9, 10)).astype(np.float32)
    save_slices(volume, volume + 1, tmp_path / "slices.png")
    save_filters({f"b{k}": volume for k in range(7)}, tmp_path / "filters.png")
    save_responses(
        {f"b{k}": volume + 9 for k in range(7)}, {f"b{k}": volume for k in range(7)}, tmp_path / "responses.png"
    )
    for name in ("slices", "filters", "responses"):
        assert imread(tmp_path / f"{name}.png").std() > 0.05


def test_profiles_cross_at_the_voxel():
    volume = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    lines = profiles(volume, (1, 2, 3))
    assert [line.tolist() for line in lines] == [[11, 23], [15, 19, 23], [20, 21, 22, 23]]


def test_several_loggers_at_once_see_metrics_pictures_and_results(data_root, tmp_path):
    options = ["logger=tensorboard", "logger@also=csv", "schedule=one_stage", "epochs=1"]
    options += ["trainer.log_every_n_steps=1"]
    assert train(data_root, tmp_path / "run", *options, epochs=[]) == 0
    events = EventAccumulator(str(tmp_path / "run/tensorboard/joint")).Reload()
    assert set(events.Tags()["images"]) == {"filters", "responses", "slices"}
    assert {"val/loss", "train/step", "gradient_norm/transform", "band_bpp/HHH1"} <= set(events.Tags()["scalars"])
    (version,) = (tmp_path / "run/csv/joint").iterdir()
    assert {path.name for path in version.iterdir()} >= {"metrics.csv", "filters.png", "slices.png"}
    assert "val/loss" in (version / "metrics.csv").read_text().splitlines()[0]
    assert "rd/curves" in EventAccumulator(str(tmp_path / "run/tensorboard/evaluate")).Reload().Tags()["images"]


@pytest.mark.parametrize("trackers", [[], [NoTracker()]])
def test_nothing_to_track_with_is_nothing_to_trip_over(trackers, tmp_path):
    many = ManyTrackers(trackers)
    assert many.open(tmp_path, "group", "name", "train", [], {}) == []
    many.log_rd([], tmp_path)
    many.log_picture("a", tmp_path)
    many.close("ok")
    assert many.location == ""
    assert list(tmp_path.iterdir()) == []


def test_places_of_several_trackers_are_told(tmp_path):
    many = ManyTrackers([CsvTracker(), NoTracker(), TensorBoardTracker()])
    assert len(many.open(tmp_path, "group", "name", "train", [], {})) == 2
    many.close("ok")
    assert many.location == f"{tmp_path}/csv/train/version_0, {tmp_path}/tensorboard/train"


def test_the_page_shows_the_responses_of_the_last_stage(tmp_path):
    assert _responses(tmp_path) is None
    for age, stage in enumerate(("finetune", "additive")):
        path = tmp_path / "stages" / stage / "responses.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(stage.encode())
        os.utime(path, (1000 - age, 1000 - age))
    assert base64.b64decode(_responses(tmp_path)) == b"finetune"
