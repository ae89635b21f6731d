"""Files appear whole, also where several threads write one at the same time."""

import os
import threading

import pytest

from hmw_core.log import layout


def test_two_threads_never_publish_half_a_file(tmp_path, monkeypatch):
    """Each waits in the middle of its file for the other: with one part file they would mix."""
    barrier = threading.Barrier(2, timeout=10)
    write = os.write

    def write_half(descriptor, data):
        done = write(descriptor, data[: len(data) // 2 or 1])
        if len(data) == 1000:
            barrier.wait()
        return done

    monkeypatch.setattr(os, "write", write_half)
    contents = [b"a" * 1000, b"b" * 1000]
    path = tmp_path / "below" / "x"
    threads = [threading.Thread(target=layout.write_whole, args=(path, c)) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert [p.name for p in path.parent.iterdir()] == ["x"]


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    layout.write_whole(tmp_path / ("x" * 255), b"1")
    assert [len(path.name) for path in tmp_path.iterdir()] == [255]


def test_only_the_last_folder_is_made(tmp_path):
    layout.write_whole(tmp_path / "a" / "x", b"1")
    with pytest.raises(FileNotFoundError):
        layout.write_whole(tmp_path / "gone" / "signals" / "x", b"1")
    assert not (tmp_path / "gone").exists()


def test_the_names_are_synced_after_the_renames_each_folder_once(tmp_path, monkeypatch):
    done = []
    replace, fsync = os.replace, os.fsync
    monkeypatch.setattr(os, "replace", lambda *a: (done.append("rename"), replace(*a)))

    def sync(descriptor):
        is_folder = os.path.isdir(f"/proc/self/fd/{descriptor}")
        done.append("folder" if is_folder else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    layout.write_files({tmp_path / "a/1": b"", tmp_path / "b/2": b"", tmp_path / "a/3": b""})
    assert done == ["file"] * 3 + ["rename"] * 3 + ["folder"] * 2
