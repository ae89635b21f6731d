"""Long work: one process at a time, progress that others see, an end when it is told."""

import subprocess
import sys
import threading
import time

import pytest

from hmw_core.log import long_work
from hmw_core.log.long_work import Cancelled, LongWork, cancel, share_done

WORK = "import sys, time; from pathlib import Path; from hmw_core.log.long_work import LongWork"
WORK += "\nwith LongWork(Path(sys.argv[1])) as work:\n"
WORK += " work.tell(3, 4)\n print('told', flush=True)\n time.sleep(60)"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "map.lock"


@pytest.fixture
def other(path):
    """Yield a process that is at the work."""
    process = subprocess.Popen([sys.executable, "-c", WORK, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"told\n"
    yield process
    process.kill()
    process.communicate()


def test_others_see_how_far_a_living_process_is(path, other):
    assert share_done(path) == 0.75
    other.kill()
    other.wait()
    assert share_done(path) is None


def test_the_second_waits_for_the_first(path):
    done = []

    def work(name: str) -> None:
        with LongWork(path):
            done.append(f"{name} begins")
            time.sleep(0.05)
            done.append(f"{name} ends")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.split()[1] for line in done] == ["begins", "ends"] * 4
    assert [line[0] for line in done[::2]] == [line[0] for line in done[1::2]]
    assert not path.exists()


def test_work_ends_at_its_next_word_once_it_is_cancelled(path, monkeypatch):
    monkeypatch.setattr(long_work, "TELL_EVERY", 0)
    with LongWork(path) as work:
        work.tell(1, 2)
        assert share_done(path) == 0.5
        cancel(path)
        assert share_done(path) is None
        with pytest.raises(Cancelled):
            work.tell(2, 2)
    with LongWork(path) as work:
        work.tell(1, 2)  # the next one is not


@pytest.mark.parametrize("words", [b"", b"4", b"x y", b"1 0", b"\xff" * 200])
def test_damaged_words_are_no_progress(path, words):
    with LongWork(path):
        path.write_bytes(words)
        assert share_done(path) == 0.0


def test_where_nothing_can_be_written_it_is_done_all_the_same(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    for path in (tmp_path / "cache" / "map.lock", tmp_path / "gone" / "cache" / "map.lock"):
        with LongWork(path) as work:
            work.tell(1, 2)
        assert share_done(path) is None
    assert not (tmp_path / "gone").exists()
