"""One job of a sweep, in any process."""

import sys
import traceback

from ..complaints import complaint
from ..composing import composed
from ..errors import Interrupted
from ..launching.base import Job
from ..runs.identity import AlreadyTrainedError
from ..runs.run_folder import RunFolder
from ..runs.session import RunStatus, reason_of
from .expand import schema


def run_job(job: Job) -> None:
    """Train a job, or resume it; its outcome is the status in its folder.

    If the same run was trained before, in another folder, the status only points there.

    Raises:
        KeyboardInterrupt: On Ctrl-C, which also stops the jobs after it.
    """
    try:
        _train(job)
    except AlreadyTrainedError as error:
        RunStatus("reused", same_as=str(error.path.resolve())).write(job.folder)
    except (Interrupted, KeyboardInterrupt) as error:
        RunStatus("interrupted", reason_of(error)).write(job.folder)
        raise KeyboardInterrupt from error
    except Exception as error:
        if complaint(error) is None:
            traceback.print_exc()
        print(f"job {job.number} failed: {reason_of(error)}", file=sys.stderr)
        RunStatus("failed", reason_of(error)).write(job.folder)


def _train(job: Job) -> None:
    import torch

    from ..train import train

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    print(f"\njob {job.number}: {job.label}", flush=True)
    overrides = list(job.overrides)
    cfg = composed("train", overrides, schema)
    if RunFolder(job.folder).config_path.is_file():
        cfg.resume, overrides = str(job.folder), []
    train(cfg, job.folder, overrides)
