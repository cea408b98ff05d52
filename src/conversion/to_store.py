"""Conversion of an array to OME-Zarr: begun or gone on with, in parts, and put in its place when it is whole."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import AiwaveError
from ..stores.ome_metadata import multiscales
from ..stores.spread import fingerprint
from ..stores.stored_array import StoredArray
from ..writing import IS_WINDOWS, sync_folder
from .codecs import options_of
from .job import Job
from .journal import begin, changed, check_same, emptied, locked
from .levels import METHODS
from .outcome import summary_of
from .running import Piece, Run, runner
from .shards import JoinShard

Bar = Callable[[int, int], AbstractContextManager[Callable[[int], object]]]
"""Shows progress: from the number of all voxels and of those already done, to what is told of more."""


@dataclass(frozen=True)
class Outcome:
    """Result of a command: the summary of all `levels`, and the `voxels` it coded itself in `seconds`.

    `peak` is the largest memory of a worker [bytes], 0 if nothing was left to do.
    """

    levels: list[dict[str, Any]]
    voxels: int = 0
    seconds: float = 0.0
    peak: int = 0


def convert_to_store(
    job: Job, target: Path, again: Callable[[], StoredArray], workers: int, scheduler: str | None, bar: Bar
) -> Outcome:
    """Convert the source of a job to OME-Zarr at `target`; what an earlier command has done is not done again.

    The store is filled beside it, in `job.folder`, and takes its name when it is whole. `again` opens the source anew,
    to see whether it has changed. Raises AiwaveError if it has, if `target` was made with other settings, and if a
    piece of work fails `TRIES` times; what is finished stays.
    """
    options, mark = options_of(job), fingerprint(job.source)
    settings = {
        "source": Path(job.source.name).name,
        "fingerprint": mark,
        "codec": _codec_of(options),
        "levels": [{name: value for name, value in asdict(one).items() if name != "axes"} for one in job.levels],
        "verify": job.verify,
    }
    if os.path.lexists(target):
        return Outcome(_whole(target, settings))
    job = replace(job, digest=sha256(json.dumps(settings).encode()).hexdigest())
    with locked(job.folder) as let_go, emptied(job.folder):
        begin(job.folder, settings)
        _create(job, options)
        voxels, seconds, peak = _fill(job, workers, scheduler, bar)
        if fingerprint(again()) != mark:
            raise changed(job.source.name, job.folder)
        levels = [one.as_dict() for one in summary_of(job)]
        _finish(job, {"settings": settings, "summary": levels}, target.name)
        if IS_WINDOWS:
            let_go()  # a folder with an open file in it cannot be renamed there
        _put(job.folder, target)
    return Outcome(levels, voxels, seconds, peak)


def _codec_of(options: Mapping[str, Any]) -> Any:
    """The codecs as metadata would have them."""
    found = [options.get("serializer"), *(options["compressors"] or ())]
    return [codec.to_dict() for codec in found if codec is not None]


def _whole(target: Path, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The summary in a store that is whole. Raises AiwaveError unless it was made with these settings."""
    try:
        about = json.loads((target / "zarr.json").read_bytes())["attributes"]["aiwave"]
        before, summary = about["settings"], list(about["summary"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AiwaveError(
            f"{target} already exists, and this command did not make it: choose another name, or remove it."
        ) from error
    check_same(before, settings, target)
    shutil.rmtree(target / "journal", ignore_errors=True)  # which an earlier command may have had no time for
    return summary


def _create(job: Job, options: Mapping[str, Any]) -> None:
    """The group and its arrays, without voxels, unless they are there."""
    import zarr

    try:
        zarr.open_group(str(job.folder), mode="a", zarr_format=3)
        for level in job.levels:
            if not (job.folder / level.path / "zarr.json").exists():
                zarr.create_array(
                    str(job.folder),
                    name=level.path,
                    shape=level.shape,
                    chunks=level.chunk,
                    shards=level.shard,
                    dtype=job.source.dtype,
                    fill_value=0,
                    dimension_names=[axis.name for axis in level.axes],
                    **options,
                )
    except (OSError, TypeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).rstrip(".")
        raise AiwaveError(f"{job.folder} cannot be created: {reason}.") from error


def _fill(job: Job, workers: int, scheduler: str | None, bar: Bar) -> tuple[int, float, int]:
    """Do the work that is left, level by level: return the voxels coded, the seconds it took, and the peak memory."""
    started, coded, peak = time.perf_counter(), 0, 0
    shards = [[JoinShard(job, k, shard) for shard in level.shards()] for k, level in enumerate(job.levels)]
    left = [[shard for shard in of_level if not shard.is_done()] for of_level in shards]
    parts = [[part for shard in of_level for part in shard.parts() if not part.file.exists()] for of_level in left]
    if not any(left):
        return 0, 0.0, 0
    whole, rest = sum(level.voxels for level in job.levels), sum(part.voxels for some in parts for part in some)
    most = max(len(some) for some in parts)
    with runner(max(1, min(workers, most)), scheduler) as run, bar(whole, whole - rest) as tell:
        for some, of_level in zip(parts, left, strict=True):
            for pieces in (some, of_level):
                voxels, memory = _do(run, pieces, tell)
                coded, peak = coded + voxels, max(peak, memory)
    return coded, time.perf_counter() - started, peak


def _do(run: Run, pieces: Iterable[Piece], tell: Callable[[int], object]) -> tuple[int, int]:
    voxels, peak = 0, 0
    for piece, memory in run(pieces):
        tell(piece.voxels)
        voxels, peak = voxels + piece.voxels, max(peak, memory)
    return voxels, peak


def _finish(job: Job, about: Mapping[str, Any], called: str) -> None:
    """Write what makes an image of the levels, of which a store `called` so will tell."""
    import zarr

    method = job.levels[-1].method
    words = "; ".join(dict.fromkeys(f"{one.method}: {METHODS[one.method]}" for one in job.levels[1:]))
    name = called.removesuffix(".zarr").removesuffix(".ome")
    levels = [(level.path, level.axes) for level in job.levels]
    kept = {**about, **({"image": dict(job.source.geometry)} if job.source.geometry else {})}
    group = zarr.open_group(str(job.folder), mode="r+")
    group.update_attributes({"ome": multiscales(name, levels, method, words), "aiwave": kept})


def _put(folder: Path, target: Path) -> None:
    """Give a store that is whole its name."""
    try:
        os.rename(folder, target)  # fails if something has been put there meanwhile
    except OSError as error:
        raise AiwaveError(f"{folder} is whole, but cannot be called {target}: {error.strerror}.") from error
    sync_folder(target.parent)
    shutil.rmtree(target / "journal", ignore_errors=True)
