"""Measuring with real files."""

import numpy as np
import pytest

from aiwave.cli import main
from aiwave.datamodules import Volume
from aiwave.evaluation.measure import measure_real, measure_volume
from aiwave.report.tables import read_rd_csv
from tests.conftest import textured
from tests.files import file_model, trained_codec
from tests.short_runs import train


@pytest.mark.parametrize(("kind", "name"), [("plain", "cdf97"), ("lossy", "affine")])
def test_estimated_and_real_rate_agree(kind, name):
    trained, model = trained_codec(kind), file_model(kind)
    volume = Volume("s", "f", textured((36, 32, 32), 1))
    for step in (2.0, 12.0, 60.0):
        estimated = measure_volume(trained, volume, step, 255.0, 64).row
        real = measure_real(trained, model, volume, step, 255.0, 64).row
        besides = 8 * 160 / volume.voxels.size  # header, index, lengths
        assert 0.99 * estimated.bpp < real.bpp < 1.01 * estimated.bpp + besides
        assert real.psnr_db == pytest.approx(estimated.psnr_db, abs=0.05)
        assert real.encode_s > 0 < real.decode_s
        assert (real.codec, real.quality) == (f"aiwave_{name}_context", step)


@pytest.fixture(scope="module")
def run_folder(data_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "one"
    assert train(data_root, folder, "evaluate=false", "logger=none") == 0
    return folder


def test_a_run_is_evaluated_with_files(run_folder, capsys):
    assert main(["evaluate", f"run={run_folder}", "real=true", "qualities=[8]", f"out={run_folder}/real"]) == 0
    rows = read_rd_csv(run_folder / "real" / "rd.csv")
    assert len(rows) == 2
    assert all("estimated" not in row.codec for row in rows)
    assert "aiwave_affine_context" in capsys.readouterr().out


def test_runs_checkpoints_and_exported_models_are_one(run_folder, tmp_path, capsys):
    np.save(tmp_path / "a.npy", textured((8, 9, 10), 0))
    assert main(["export", str(run_folder), str(tmp_path / "m.aiwm")]) == 0
    assert "identity" in capsys.readouterr().out
    checkpoint = run_folder / "stages" / "finetune" / "best.ckpt"
    streams = []
    for k, model in enumerate((tmp_path / "m.aiwm", run_folder, checkpoint)):
        packed = tmp_path / f"{k}.aiw"
        assert main(["compress", str(tmp_path / "a.npy"), str(packed), "--model", str(model), "--step", "3"]) == 0
        streams.append(packed.read_bytes())
    assert streams[0] == streams[1] == streams[2]
    assert main(["export", str(run_folder), str(tmp_path / "m.aiwm")]) == 1
    assert main(["export", str(run_folder), str(tmp_path / "n.aiwm"), "--after", "nonsense"]) == 1
    assert "already exists" in capsys.readouterr().err
