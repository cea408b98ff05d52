"""Run folders damaged at random: every command that reads one works, or says in a sentence why not."""

import json
import random
import re
import shutil

import pytest

from aiwave.cli import main
from tests.short_runs import train

WORDS = [b"null", b"-1", b"0", b"1e999", b"nan", b"''", b"[]", b"{}", b"true", b"9" * 400, b"\xff", b"\x00", b"../../x"]
WORDS += [b"${a}", b"&a", b"*a", b"???", b"x" * 5000, b"- ", b": ", b"\n", b"{", b"]", b'"', b","]
VALUES = [None, -1, 0, 1e300, "", [], {}, True, "x" * 1000, ["a"], {"a": 1}, 10**30, "../../x"]
QUICK = [["runs", "list", "."], ["runs", "show", "run"], ["export", "run", "--force"], ["runs", "diff", "run", "whole"]]
SLOW = [*QUICK, ["evaluate", "run=run"], ["report", "run", "out=out"], ["train", "resume=run", "logger=none"]]


@pytest.fixture(scope="module")
def whole(data_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    options = ["schedule=one_stage", "epochs=1", "logger=none", "dataset.steps=[8]"]
    assert train(data_root, folder / "whole", *options, epochs=[]) == 0
    return folder / "whole"


def damaged(data, rng):
    """Bytes of a file with a bit, a piece, a word, a value or a line changed."""
    at = rng.randrange(len(data) or 1)
    kind = rng.randrange(6)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[at + rng.choice([1, 5, 50, 5000, len(data)]) :]
    if kind == 2:
        return data[:at] + rng.choice(WORDS) + data[at:]
    if kind == 3:
        lines = data.split(b"\n")
        lines.pop(rng.randrange(len(lines)))
        return b"\n".join(lines)
    pattern = rb"[\w.+-]+" if kind == 4 else rb"(?<=[:,])[^\n,:]+"
    start, end = rng.choice([found.span() for found in re.finditer(pattern, data[:20000])] or [(0, 0)])
    return data[:start] + rng.choice(WORDS) + data[end:]


def changed(record, rng):
    """A record in JSON with one of its values of another type, or left out."""
    node = known = json.loads(record)
    while True:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.5:
            break
        node = node[key]
    if rng.random() < 0.2:
        del node[key]
    else:
        node[key] = rng.choice(VALUES)
    return json.dumps(known).encode()


def damage(folder, rng):
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".json", ".csv", ".ckpt", ".npz")]
    weights = [{".yaml": 12, ".json": 12, ".csv": 6}.get(path.suffix, 2) for path in files]
    (path,) = rng.choices(files, weights)
    data = path.read_bytes()
    path.write_bytes(changed(data, rng) if path.suffix == ".json" and rng.random() < 0.5 else damaged(data, rng))
    if rng.random() < 0.3:  # then there is something left to train
        for mark in folder.glob("stages/*/done.json"):
            mark.unlink()


def check(whole, commands, seed, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(seed)
    shutil.copytree(whole, "whole")
    for command in commands:
        shutil.rmtree("run", ignore_errors=True)
        shutil.copytree(whole, "run")
        damage(tmp_path / "run", rng)
        status = main(command)  # a traceback would be an exception here
        said = capfd.readouterr().err
        assert status == 0 or said.splitlines()[-1].startswith("aiwave: "), (command, said)


@pytest.mark.parametrize("seed", range(10))
def test_a_damaged_run_is_read_or_refused(seed, whole, tmp_path, monkeypatch, capfd):
    check(whole, QUICK, seed, tmp_path, monkeypatch, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_a_damaged_run_is_used_or_refused(seed, whole, tmp_path, monkeypatch, capfd):
    check(whole, SLOW, seed, tmp_path, monkeypatch, capfd)
