"""Comparison of codecs: every test volume with every chosen codec at every quality."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from ..datamodules.volume import Volume
from ..datamodules.volume_datamodule import VolumeDataModule
from ..errors import AiwaveError, Interrupted
from .anchor import Anchor
from .measure import Job
from .pool import run_jobs
from .results import Results


def compare(
    anchors: Sequence[Anchor],
    data: VolumeDataModule,
    folder: Path,
    qualities: Sequence[float] | None,
    workers: int,
) -> Results:
    """Measure the points missing from `folder`; `data` has been set up, and its `peak` is the PSNR peak.

    Qualities default to each codec's ladder. A codec that fails on a volume does not stop the others.

    Raises:
        AiwaveError: If there is no volume, one cannot be read or has another bit depth, or a file cannot be written.
        Interrupted: On Ctrl-C; measured points are kept.
    """
    results = Results(folder)
    for anchor in anchors:
        found = anchor.availability()
        if found.available:
            results.adopt(anchor.name, {"settings": anchor.settings, "version": found.version})
    volumes = 0
    with tqdm(desc="measuring", unit=" points", total=0) as bar:

        def jobs() -> Iterator[Job]:
            nonlocal volumes
            for volume in data.test_volumes():
                volumes += 1
                data.check_depth(volume.file, volume.voxels.dtype)
                wanted = list(_jobs(volume, anchors, qualities, data.known_peak))
                results.asked.update(job.key for job in wanted)
                missing = [job for job in wanted if job.key not in results.rows]
                bar.total += len(missing)
                bar.refresh()
                yield from missing

        try:
            for job, outcome in run_jobs(jobs(), workers):
                results.add(job, outcome)
                bar.set_postfix_str(f"{job.anchor.name} {job.file}", refresh=False)
                bar.update()
        except KeyboardInterrupt as error:
            raise Interrupted(f"Interrupted; measured points are in {folder}: the same command continues.") from error
    if not volumes:
        raise AiwaveError(f"{data.name} has no test volumes to measure.")
    return results


def _jobs(volume: Volume, anchors: Sequence[Anchor], qualities: Sequence[float] | None, peak: float) -> Iterator[Job]:
    for anchor in anchors:
        for quality in qualities or anchor.ladder(volume.voxels.dtype):
            yield Job(volume.dataset, volume.file, volume.voxels, anchor, float(quality), peak)
