"""A folder appears whole or not at all, and what killed makers leave is removed."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock
from hmw_core.log.new_folder import make_folder
from hmw_core.log.run_list import list_runs

DATA = {"given_label": [0, 1, 2], "n_classes": 3, "n_epochs": 2}
IMAGES = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_it_appears_under_its_lock_with_all_that_was_filled_in(tmp_path):
    seen = []

    def fill(place):
        (place / "a").write_text("whole")
        seen.append((list_runs(tmp_path), (tmp_path / "r").exists()))

    lock = make_folder(tmp_path / "r", fill)
    assert seen == [([], False)]
    assert names(tmp_path) == [".lock", "a", "r"]
    assert lock.where() == tmp_path / "r"
    assert layout.has_writer(tmp_path / "r")


@pytest.mark.parametrize("taken", ["folder", "file", "empty", "dangling"])
def test_what_is_there_is_kept(tmp_path, taken):
    path = tmp_path / "r"
    if taken == "file":
        path.write_text("mine")
    elif taken == "dangling":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
        if taken == "folder":
            (path / "mine").touch()
    before = names(tmp_path)
    with pytest.raises(UsageError, match="r exists already; choose another name"):
        RunWriter.create(path, **DATA)
    assert names(tmp_path) == before


def test_who_comes_second_is_refused(tmp_path):
    def fill(place):
        make_folder(tmp_path / "r", lambda other: (other / "first").touch()).free()
        (place / "second").touch()

    with pytest.raises(UsageError, match="r exists already"):
        make_folder(tmp_path / "r", fill)
    assert names(tmp_path) == [".lock", "first", "r"]


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize(
    "problem",
    [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()],
)
def test_nothing_is_left_wherever_it_ends(tmp_path, monkeypatch, problem, number):
    """At the 1st, 2nd or 3rd file: samples, run.json, pictures."""
    written = []

    def replace(part, whole, replace=os.replace):
        written.append(whole)
        if len(written) == number:
            raise problem
        replace(part, whole)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(type(problem)):
            RunWriter.create(tmp_path / "runs" / "r", images=IMAGES, **DATA)
    assert len(written) == number
    assert names(tmp_path) == ["runs"]
    with RunWriter.create(tmp_path / "runs" / "r", images=IMAGES, **DATA):
        pass
    assert list(RunReader(tmp_path / "runs" / "r").images([1])) == [1]


def test_where_nothing_can_be_made_it_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="r cannot be made: (Not a directory|File exists)"):
        RunWriter.create(tmp_path / "file" / "r", **DATA)


KILLED = """
import os, sys
from pathlib import Path
from hmw_core.log.layout import write_whole
from hmw_core.log.new_folder import make_folder

def fill(place):
    write_whole(place / "whole", b"x")
    (place / ".0123456789abcdef.part").write_bytes(b"ha")
    os.kill(os.getpid(), 9)

make_folder(Path(sys.argv[1]), fill)
"""


def test_what_a_killed_maker_leaves_is_removed_by_the_next_and_a_living_one_is_not(tmp_path):
    runs = tmp_path / "runs"
    done = subprocess.run([sys.executable, "-c", KILLED, str(runs / "r")], check=False)
    assert done.returncode == -9
    (runs / ".fedcba9876543210.making").mkdir()  # killed before its lock
    (runs / ".mine.making").mkdir()
    assert len(names(runs)) == 6
    living = []

    def fill(place):
        living.append(place)
        make_folder(runs / "other", lambda _: None).free()
        assert place.is_dir()

    make_folder(runs / "r", fill).free()
    assert names(runs) == [".lock", ".lock", ".mine.making", "other", "r"]
    assert not living[0].exists()


def test_part_files_of_the_dead_go_with_the_lock(tmp_path):
    with RunWriter.create(tmp_path / "r", **DATA) as writer:
        writer.record([0, 1, 2], logits=np.eye(3))
        writer.end_epoch(1)
    run = tmp_path / "r"
    (run / "cache").mkdir()
    (run / "proofs" / "p").mkdir(parents=True)
    (run / "proofs" / "p" / ".lock").touch()  # computed by somebody else, perhaps now
    dead = [".a.part", "signals/.epoch-00002.parquet.17.part", "cache/.old.part"]
    alive = ["cache/.new.part", "proofs/p/.x.part", "notes.part"]
    for name in dead + alive:
        (run / name).touch()
    os.utime(run / "cache/.old.part", (0, 0))
    RunWriter.resume(run).finish("stopped")
    assert [name for name in dead + alive if (run / name).exists()] == alive


def test_the_lock_knows_where_its_folder_lies(tmp_path):
    (tmp_path / "a").mkdir()
    lock = FolderLock(tmp_path / "a")
    assert lock.where() == tmp_path / "a"
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").mkdir()
    FolderLock(tmp_path / "a").free()  # another folder of the name is not the one
    assert lock.where() == (tmp_path / "b" if sys.platform == "linux" else None)
    (tmp_path / "b/.lock").unlink()
    assert lock.where() is None
