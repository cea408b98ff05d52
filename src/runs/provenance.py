"""Provenance of a result: source code, packages and machine."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

GIT_TIMEOUT_S = 30


def git_state(path: Path) -> dict[str, Any]:
    """Describe the git checkout that contains `path`.

    Returns:
        `commit` (empty before the first), `branch` (empty when detached), `dirty` and `diff` (text of all
        changes to tracked files since the commit); an empty dict outside a checkout or without git.
    """
    if path.is_file() and _git(path, "ls-files", "--error-unmatch", str(path)) is None:
        return {}
    status = _git(path, "status", "--porcelain")
    if status is None:
        return {}
    commit = _git(path, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    return {
        "commit": commit.strip(),
        "branch": (_git(path, "branch", "--show-current") or "").strip(),
        "dirty": bool(status),
        "diff": (commit and _git(path, "diff", "--no-color", "--no-ext-diff", "HEAD")) or "",
    }


def package_versions() -> dict[str, str]:
    """Return name and version of every installed distribution, by name."""
    found = {item.metadata["Name"]: item.version for item in metadata.distributions()}
    return {name: found[name] for name in sorted(filter(None, found), key=str.lower)}


def machine() -> dict[str, Any]:
    """Name and size of the machine, and the versions of Python and torch, as plain values."""
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gib": _memory(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "accelerators": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _git(path: Path, *arguments: str) -> str | None:
    folder = path if path.is_dir() else path.parent
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=GIT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _memory() -> float | None:
    """Memory of the machine [GiB]; None where Python cannot tell, as on Windows."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _processor() -> str:
    """The processor's name, as far as the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
