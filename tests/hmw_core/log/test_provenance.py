"""The commit that a run names is this program's own, never that of a project around it."""

import subprocess

import pytest

from hmw_core.log import provenance


@pytest.mark.parametrize(("inside", "is_known"), [("", True), ("lib/site-packages", False)])
def test_commit_is_of_the_own_checkout(tmp_path, monkeypatch, inside, is_known):
    log = tmp_path / inside / "hmw_core" / "log"
    log.mkdir(parents=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q", tmp_path], check=True)
    subprocess.run([*git, "-C", tmp_path, "commit", "-qm", "a", "--allow-empty"], check=True)
    head = subprocess.check_output(["git", "-C", tmp_path, "rev-parse", "HEAD"], text=True).strip()
    monkeypatch.setattr(provenance, "__file__", str(log / "provenance.py"))
    assert provenance.commit() == (head if is_known else None)
