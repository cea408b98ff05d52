"""The origin of a run: its sources, packages and machine."""

import json
import subprocess
import sys

from aiwave.runs.provenance import git_state, machine, package_versions


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_git_state_tells_commit_branch_and_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) == {}
    git(tmp_path, "init", "-b", "work")
    file = tmp_path / "file.txt"
    file.write_text("one\n")
    assert git_state(tmp_path) == {"commit": "", "branch": "work", "dirty": True, "diff": ""}
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    state = git_state(file)
    assert (len(state["commit"]), state["branch"], state["dirty"], state["diff"]) == (40, "work", False, "")
    file.write_text("two\n")
    assert git_state(tmp_path)["dirty"]
    assert "-one\n+two" in git_state(tmp_path)["diff"]
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) == {}


def test_packages_and_machine_are_plain_values():
    assert package_versions()["torch"].startswith("2.")
    found = json.loads(json.dumps(machine()))
    assert found["cpus"] >= 1
    assert found["torch_threads"] >= 1
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
