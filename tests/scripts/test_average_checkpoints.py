"""The mean of checkpoints, by the script that makes it."""

import runpy
from pathlib import Path

import pytest
import torch

from aiwave.training.starting_weights import load_weights
from tests.builders import codec, shake

main = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "average_checkpoints.py"))["main"]


def stored(tmp_path, name, **options):
    model = shake(codec(**options), seed=len(name), std=0.1)
    state = {f"codec.{key}": value for key, value in model.state_dict().items()}
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.6.6"}, tmp_path / name)
    return model.state_dict()


def test_weights_are_averaged_but_for_components_of_the_first(tmp_path):
    a, b = stored(tmp_path, "a.ckpt", post=True), stored(tmp_path, "bb.ckpt", post=True)
    main([str(tmp_path / "out.ckpt"), f"{tmp_path}/a.ckpt=0.25", f"{tmp_path}/bb.ckpt=0.75", "--first", "post"])
    model = codec(post=True)
    load_weights(model, tmp_path / "out.ckpt")
    for name, value in model.state_dict().items():
        mean = a[name] if name.startswith("post.") else 0.25 * a[name] + 0.75 * b[name]
        torch.testing.assert_close(value, mean)
    assert any(not torch.equal(a[name], b[name]) for name in a if name.startswith("post."))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.ckpt=0.5", "bb.ckpt=0.6"], "add up to 1.1"),
        (["a.ckpt=0.5", "other.ckpt=0.5"], "another model"),
        (["a.ckpt=half"], "write FILE=0.5"),
        (["missing.ckpt=1"], "No checkpoint"),
    ],
)
def test_what_cannot_be_averaged_is_one_sentence(tmp_path, words, message):
    for name, post in (("a.ckpt", True), ("bb.ckpt", True), ("other.ckpt", False)):
        stored(tmp_path, name, post=post)
    with pytest.raises(SystemExit, match=message):
        main([str(tmp_path / "out.ckpt"), *(f"{tmp_path}/{word}" for word in words)])
    assert not (tmp_path / "out.ckpt").exists()
