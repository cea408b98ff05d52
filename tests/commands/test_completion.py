"""The shell completes commands, groups, options and keys."""

import shutil
import subprocess
import sys

import pytest

from aiwave.cli import main
from aiwave.commands import COMMANDS
from aiwave.commands.completion import candidates


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tr"], ["train "]),
        (["train", "transform=a"], ["transform=additive", "transform=affine"]),
        (["train", "seed=0", "lr_schedule="], ["lr_schedule=constant", "lr_schedule=cosine"]),
        (["train", "dataset.epoch"], ["dataset.epoch_steps="]),
        (["runs", "show", "x"], []),
    ],
)
def test_what_a_word_may_become(words, expected):
    assert candidates(words) == expected


def test_all_commands_are_offered():
    assert candidates([]) == candidates([""]) == [f"{name} " for name in COMMANDS]


def test_bash_completes_with_it(tmp_path, capfd):
    assert main(["completion", "bash"]) == 0
    script = capfd.readouterr().out
    (tmp_path / "aiwave").write_text(f'#!/bin/sh\nexec {sys.executable} -m aiwave "$@"\n')
    (tmp_path / "aiwave").chmod(0o755)
    line = (
        f'PATH={tmp_path}:$PATH; COMP_WORDS=(aiwave train transform=a); COMP_CWORD=2; _aiwave; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run([shutil.which("bash"), "-c", script + line], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "transform=additive transform=affine"


def test_other_shells_are_refused(capfd):
    assert main(["completion", "fish"]) == 1
    assert "aiwave completion bash (or zsh)" in capfd.readouterr().err
