"""The training schedule: the stages of a run, one fit each, with the weights carried from one to the next."""

import time
import zlib
from pathlib import Path
from typing import cast

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.profilers import SimpleProfiler
from pytorch_lightning.trainer.states import TrainerStatus

from ..callbacks.end_by_sigterm import EndBySigterm
from ..callbacks.freeze import FreezeComponents
from ..callbacks.progress import MetricsTable
from ..callbacks.stage_checkpoint import StageCheckpoint
from ..callbacks.weight_average import WeightAverage
from ..config.building import build
from ..config.data_schema import Dataset
from ..config.plan import plan, run_tags
from ..config.training_schema import Callback, LrSchedule
from ..datamodules.volume_datamodule import VolumeDataModule
from ..errors import Interrupted
from ..models.conv import multiplies_bfloat16
from ..runs.run_folder import LAST, RunFolder
from ..system import torch_device
from ..tracking.tracker import Status, Tracker
from .checkpoints import AtomicCheckpointIO
from .stage_codec import build_codec, carried
from .starting_weights import load_weights
from .task import CompressionTask


def read_data(cfg: DictConfig) -> VolumeDataModule:
    """The data module, set up for training; if the run will be evaluated, reading a test volume is tried.

    Raises:
        AiwaveError: If the volumes cannot be read.
    """
    data: VolumeDataModule = build(cfg.dataset, Dataset, "dataset")
    data.setup("fit")
    if cfg.evaluate:
        volume = next(iter(data.test_volumes()))
        data.check_depth(volume.file, volume.voxels.dtype)
    return data


OURS = ("compile", "profile")  # keys of `cfg.trainer` that Lightning does not have


def suitable_precision(wanted: str, accelerator: str) -> str:
    """`wanted`, or float32 where that is bfloat16 and would be emulated, which takes up to twelve times as long."""
    emulated = torch_device(accelerator).type == "cpu" and not multiplies_bfloat16()
    return "32-true" if wanted == "bf16-mixed" and emulated else wanted


def run_schedule(cfg: DictConfig, folder: RunFolder, datamodule: VolumeDataModule, tracker: Tracker) -> None:
    """Train every unfinished stage; an interrupted one continues from its last checkpoint.

    Only weights are carried from one stage to the next: see `carried`. The first stage starts from `cfg.init_from`, if
    given.

    Raises:
        AiwaveError: If a stage cannot be trained.
        Interrupted: On Ctrl-C or SIGTERM; the run can be resumed.
    """
    weights = Path(cfg.init_from) if cfg.init_from else None
    for stage in plan(cfg):
        if folder.is_finished(stage.name):
            ended_worse = folder.facts(stage.name)["ended_worse"]
        else:
            ended_worse = run_stage(cfg, stage, weights, folder, datamodule, tracker)
        weights = carried(cfg, folder, stage.name, ended_worse)


def run_stage(
    cfg: DictConfig,
    stage: DictConfig,
    weights: Path | None,
    folder: RunFolder,
    datamodule: VolumeDataModule,
    tracker: Tracker,
) -> bool:
    """Run one fit: build the stage's codec, load `weights`, train, mark the stage as finished.

    The `weights` compete for the best of the stage. Returns True, and says so, if it ended worse than it began.

    Raises:
        AiwaveError: If the weights do not fit, or the loss is no longer finite.
        Interrupted: On Ctrl-C or SIGTERM.
    """
    seed = stage_seed(cfg.seed, stage.name)
    pl.seed_everything(seed, verbose=False)
    datamodule.training_seed = seed
    task = _task(cfg, stage, weights, datamodule.known_peak, seed)
    started = time.perf_counter()
    status: Status = "failed"
    try:
        trainer = stage_trainer(cfg, stage, folder, tracker, weights is not None)
        _fit(trainer, task, datamodule, stage.name, folder)
        for picture in sorted(folder.stage(stage.name).glob("*.png")):
            tracker.log_picture(picture.stem, picture)
        status = "ok"
    finally:
        tracker.close(status)
    kept = cast(StageCheckpoint, trainer.checkpoint_callback)
    if trainer.is_global_zero:
        _finish(stage, folder, kept, time.perf_counter() - started)
    return kept.ended_worse


def _task(cfg: DictConfig, stage: DictConfig, weights: Path | None, peak: float, seed: int) -> CompressionTask:
    """The Lightning module of a stage, whose codec begins with `weights`."""
    codec = build_codec(cfg, stage)
    if weights is not None:
        load_weights(codec, weights)
    lr_schedule = build(stage.lr_schedule, LrSchedule, "lr_schedule")
    task = CompressionTask(codec, peak, stage.lr, lr_schedule, seed, stage.name)
    if cfg.trainer.compile:
        codec.compile()
    return task


def _finish(stage: DictConfig, folder: RunFolder, kept: StageCheckpoint, seconds: float) -> None:
    """Mark a stage as finished, and say so if it ended worse than it began."""
    best = None if kept.best_model_score is None else float(kept.best_model_score)
    facts = {
        "epochs": stage.epochs,
        "seconds_since_start_or_resume": round(seconds, 1),
        "validation_loss": best,
        "starting_loss": kept.starting_loss,
        "final_loss": kept.final_loss,
        "ended_worse": kept.ended_worse,
    }
    folder.finish(stage.name, facts)
    if kept.ended_worse:
        print(
            f"{stage.name} ended worse than it began: validation loss {kept.final_loss:.4f} after "
            f"{kept.starting_loss:.4f}; the best weights, of {best:.4f}, are carried on"
        )


def stage_seed(seed: int, name: str) -> int:
    """Seed of a stage, different for each, so that no stage repeats the crops of the previous one."""
    return zlib.crc32(f"{seed}/{name}".encode())


def stage_trainer(
    cfg: DictConfig, stage: DictConfig, folder: RunFolder, tracker: Tracker, from_weights: bool
) -> pl.Trainer:
    """The trainer of a stage, its callbacks and its logger; `from_weights`, if given any, are validated first."""
    own = folder.stage(stage.name)
    own.mkdir(parents=True, exist_ok=True)
    record = folder.record() | {"stage": OmegaConf.to_container(stage), "frozen": list(stage.freeze)}
    name = f"{folder.title(cfg.name)}-{stage.name}"
    tags = [stage.name, *run_tags(cfg)]
    logger = tracker.open(folder.path, folder.group(cfg.name), name, stage.name, tags, record)
    extra = [build(node, Callback, "callbacks") for node in cfg.callbacks.values() if node is not None]
    if stage.ema is not None:
        extra.append(WeightAverage(stage.ema))
    options = {name: value for name, value in cfg.trainer.items() if name not in OURS}
    options["precision"] = suitable_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    return pl.Trainer(
        **options,
        profiler=SimpleProfiler(own, "profile") if cfg.trainer.profile else None,
        max_epochs=stage.epochs,
        gradient_clip_val=stage.clip,
        default_root_dir=own,
        logger=logger,
        callbacks=[FreezeComponents(stage.freeze), StageCheckpoint(), MetricsTable(), EndBySigterm(), *extra],
        plugins=[AtomicCheckpointIO()],
        num_sanity_val_steps=-1 if from_weights else 0,
        use_distributed_sampler=False,  # the data module divides its batches itself
        enable_model_summary=False,
        enable_progress_bar=cfg.callbacks.get("progress") is not None,
    )


def _fit(
    trainer: pl.Trainer, task: CompressionTask, datamodule: VolumeDataModule, name: str, folder: RunFolder
) -> None:
    """Train a stage, from its last checkpoint if there is one."""
    last = folder.stage(name) / LAST
    try:
        trainer.fit(task, datamodule=datamodule, ckpt_path=last if last.is_file() else None, weights_only=True)
    except SystemExit as stop:  # how Lightning ends after an interrupt
        if trainer.state.status != TrainerStatus.INTERRUPTED:
            raise
        raise Interrupted(
            f"Interrupted in stage {name} at step {trainer.global_step}: continue with "
            f"`aiwave train resume={folder.path}`."
        ) from stop
