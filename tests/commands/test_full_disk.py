"""A disk that is full at any one of the files of a report or a run: one sentence, and no half of that file."""

import errno
import os
import re

import pytest

from aiwave.cli import main
from tests.commands.test_report_command import folder, report  # noqa: F401
from tests.short_runs import train


class Disk:
    """Full at the `full_at`-th file that is to be on the disk, from 0."""

    def __init__(self, monkeypatch):
        self.full_at, self.asked, self.sync = -1, 0, os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor):
        self.asked += 1
        if self.asked - 1 == self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.sync(descriptor)

    def begin(self, full_at):
        self.full_at, self.asked = full_at, 0


def refused(said):
    lines = [line for line in said.strip().splitlines() if line.startswith("aiwave: ")]
    assert "Traceback" not in said
    assert len(lines) == 1, said
    return re.search("No space left on device", lines[0])


def leftovers(place):
    return list(place.rglob(".aiwave-*"))


def test_every_file_of_a_report(folder, monkeypatch, capsys):  # noqa: F811
    disk = Disk(monkeypatch)
    assert report(folder) == 0
    count = disk.asked
    assert count > 10
    for full_at in range(0, count, max(1, count // 5)):
        disk.begin(full_at)
        capsys.readouterr()
        assert report(folder) == 1
        assert refused(capsys.readouterr().err)
        assert not leftovers(folder)


@pytest.mark.slow
def test_every_file_of_a_run(data_root, tmp_path, monkeypatch, capsys):
    disk = Disk(monkeypatch)
    assert train(data_root, tmp_path / "whole") == 0
    count = disk.asked
    assert count > 10
    for full_at in range(0, count, max(1, count // 6)):
        disk.begin(full_at)
        capsys.readouterr()
        status, said = train(data_root, tmp_path / str(full_at)), capsys.readouterr().err
        assert status == 0 or refused(said), full_at
        assert not leftovers(tmp_path / str(full_at))
        disk.begin(-1)
        if status and (tmp_path / str(full_at) / "config.yaml").is_file():
            assert main(["train", f"resume={tmp_path / str(full_at)}"]) == 0, full_at
