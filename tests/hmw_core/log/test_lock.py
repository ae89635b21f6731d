"""The lock of a run folder: one writer, any number of readers, freed at any death."""

import fcntl
import subprocess
import sys
import time

import pytest

from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock

HOLD = "import sys, time; from pathlib import Path; from hmw_core.log.lock import FolderLock"
HOLD += "; lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"


@pytest.fixture
def other(tmp_path):
    """Yield a process that writes the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_killed_writer_leaves_no_lock(tmp_path, other):
    assert layout.has_writer(tmp_path)
    with pytest.raises(UsageError, match="being written by another process"):
        FolderLock(tmp_path)
    other.kill()
    other.wait()
    assert not layout.has_writer(tmp_path)
    FolderLock(tmp_path).free()


def test_readers_take_no_other_reader_for_a_writer(tmp_path):
    FolderLock(tmp_path).free()
    with (tmp_path / ".lock").open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert not layout.has_writer(tmp_path)


def test_a_writer_waits_for_a_reader_that_looks_at_this_moment(tmp_path):
    FolderLock(tmp_path).free()
    look = "import fcntl, sys, time; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_SH)"
    look += "; print('looking', flush=True); time.sleep(0.1)"
    with subprocess.Popen(
        [sys.executable, "-c", look, str(tmp_path / ".lock")], stdout=subprocess.PIPE
    ) as reader:
        reader.stdout.readline()
        began = time.monotonic()
        FolderLock(tmp_path).free()
        assert time.monotonic() - began < 0.5


def test_the_core_is_imported_where_there_is_no_fcntl():
    """As on Windows, where locks are LockFileEx's."""
    code = "import sys; sys.modules['fcntl'] = None; import hmw_core.recording.writer as writer"
    code += ", hmw_core.log.reader, hmw_core.log.verdicts; print(writer.RunWriter.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("RunWriter\n", 0), done.stderr
