"""A checkpoint is loaded as it was written, or refused in one sentence that says what to do."""

import os
import shutil

import numpy as np
import pytest
import torch

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import layout
from training import checkpoint
from training.loop import resume

WHAT_TO_DO = "The logged epochs are not touched; if you delete this file, `resume` trains again"


@pytest.fixture
def stopped(trained):
    """A run that may be resumed after its second epoch of two."""
    return trained_as_stopped(trained(epochs=2))


def trained_as_stopped(folder):
    info = layout.read_info(folder)
    info |= {"status": "stopped", "n_epochs": 3}
    info["config"]["epochs"] = 3
    layout.write_json(folder / "run.json", info)
    return folder


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_a_bit_flipped_anywhere_is_refused_or_changes_nothing(tmp_path):
    """In the parts' contents, and in every kind of header between them."""
    state = {
        "epoch": 2,
        "method": {"a": torch.arange(300.0), "b": torch.ones(2, 2, dtype=torch.int64)},
        "optimizers": [{"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": []}],
    }
    content = bytes(checkpoint._packed(state))
    path = tmp_path / "checkpoint.pt"
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.choice(len(content), 400, replace=False):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        try:
            loaded = checkpoint.load(tmp_path)
        except UsageError:
            refused += 1
        else:
            assert equal(loaded, state)
    assert refused > 200
    weights = content.index(torch.arange(300.0).numpy().tobytes())
    for place in range(weights, weights + 1200, 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :])
        with pytest.raises(UsageError, match="the checksum of its part .* does not fit"):
            checkpoint.load(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 21, 1000, -1])
def test_a_checkpoint_that_is_cut_off_is_refused(stopped, quiet, kept):
    path = stopped / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UsageError, match=WHAT_TO_DO):
        resume(stopped, quiet)
    path.unlink()
    resume(stopped, quiet)
    assert RunReader(stopped).status == "finished"


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def _first(tensors):
    return next(iter(tensors))


OTHER = {
    "a list": lambda s: [1],
    "nothing": lambda s: None,
    "no epoch": lambda s: s.pop("epoch"),
    "epoch a text": lambda s: s.update(epoch="x"),
    "epoch a bool": lambda s: s.update(epoch=True),
    "epoch 0": lambda s: s.update(epoch=0),
    "no method": lambda s: s.pop("method"),
    "method a list": lambda s: s.update(method=[1]),
    "other weights": lambda s: s.update(method={"a": torch.zeros(2)}),
    "a weight more": lambda s: s["method"].update(a=torch.zeros(2)),
    "a weight less": lambda s: s["method"].pop(_first(s["method"])),
    "another shape": lambda s: s["method"].update({_first(s["method"]): torch.zeros(1)}),
    "another type": lambda s: s["method"].update({k: v.double() for k, v in s["method"].items()}),
    "no tensor": lambda s: s["method"].update({_first(s["method"]): "x"}),
    "no optimizer": lambda s: s.update(optimizers=[]),
    "two optimizers": lambda s: s["optimizers"].append(s["optimizers"][0]),
    "optimizer a text": lambda s: s.update(optimizers=["x"]),
    "no groups": lambda s: s["optimizers"][0].update(param_groups=[]),
    "momentum a text": lambda s: s["optimizers"][0]["param_groups"][0].update(momentum="x"),
    "Adam's": lambda s: s["optimizers"][0]["state"].update({0: {"exp_avg": torch.zeros(1)}}),
    "buffer's shape": lambda s: s["optimizers"][0]["state"][0].update(
        momentum_buffer=torch.zeros(5)
    ),
    "buffer a text": lambda s: s["optimizers"][0]["state"][0].update(momentum_buffer="x"),
    "state a list": lambda s: s["optimizers"][0].update(state=[1]),
}


def test_a_sound_checkpoint_of_something_else_is_refused(stopped, quiet, tmp_path):
    path = stopped / "checkpoint.pt"
    sound = path.read_bytes()
    before = sorted(p.name for p in stopped.rglob("*"))
    for name, change in OTHER.items():
        state = checkpoint.load(stopped)
        changed = change(state)
        torch.save(changed if name in ("a list", "nothing") else state, path)
        with pytest.raises(UsageError) as refused:
            resume(stopped, quiet)
        assert WHAT_TO_DO in str(refused.value), name
        assert "\n" not in str(refused.value), name
        path.write_bytes(sound)
    torch.save({"epoch": 1, "method": Evil(tmp_path / "evil"), "optimizers": []}, path)
    with pytest.raises(UsageError, match=WHAT_TO_DO):
        resume(stopped, quiet)
    assert not (tmp_path / "evil").exists()
    assert sorted(p.name for p in stopped.rglob("*")) == before
    path.write_bytes(sound)
    resume(stopped, quiet)
    assert RunReader(stopped).status == "finished"


def test_a_checkpoint_of_more_epochs_than_are_logged_is_refused(stopped, quiet):
    state = checkpoint.load(stopped)
    torch.save(state | {"epoch": 10**9}, stopped / "checkpoint.pt")
    with pytest.raises(UsageError, match="'r' is logged to epoch 2, not to 1000000000"):
        resume(stopped, quiet)


def test_a_run_of_before_threads_were_kept_resumes(stopped, quiet):
    info = layout.read_info(stopped)
    del info["config"]["threads"]
    layout.write_json(stopped / "run.json", info)
    resume(stopped, quiet)
    assert RunReader(stopped).epochs() == [1, 2, 3]


def test_a_resume_takes_the_threads_of_the_begin(trained, quiet, monkeypatch):
    folder = trained_as_stopped(trained(epochs=2, threads=2))
    other = shutil.copytree(folder, folder.with_name("other"))
    used = []
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    resume(folder, quiet)
    resume(other, quiet, threads=1)
    assert used == [2, 1]
