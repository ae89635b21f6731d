"""Where the files of a run lie, and how a file appears whole."""

import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import has_fcntl, lock_descriptor

from hmw_core.errors import UnreadableRun
from hmw_core.log import run_json
from hmw_core.log.files import DamagedFile, open_file, read_json, shown
from hmw_core.log.schema import FORMAT_VERSION

EPOCH_FILE = re.compile(r"epoch-([0-9]{5,9})\.(?:json|parquet)")
ROW_GROUP = 4096  # rows; a class or a sample is read without the rest of the epoch


def epoch_file(folder: Path, kind: str, epoch: int) -> Path:
    """Return the path of one epoch's file.

    Kind: signals, outputs, method, features, metrics, scores or threshold. The folder is that of
    a network, see `network_folder`.
    """
    suffix = "json" if kind == "metrics" else "parquet"
    return folder / kind / f"epoch-{epoch:05d}.{suffix}"


def network_folder(folder: Path, network: int) -> Path:
    """Return where the files by epoch of a network lie: the run's folder for the first."""
    return folder if network == 1 else folder / "peers" / str(network)


def class_vectors_file(folder: Path, epoch: int) -> Path:
    """Return the path of the class vectors beside an epoch's features."""
    return folder / "features" / f"class-vectors-{epoch:05d}.parquet"


def images_file(folder: Path, fingerprint: str) -> Path:
    """Return the path of a data set's images, shared by the runs beside `folder`."""
    return folder.parent / ".datasets" / fingerprint / "images.parquet"


def test_images_file(folder: Path, fingerprint: str, test_fingerprint: str) -> Path:
    """Return the path of the pictures of the test split beside those of its data set."""
    return images_file(folder, fingerprint).with_name(f"test-{test_fingerprint}.parquet")


def cache_file(folder: Path, name: str, digest: str) -> Path:
    """Return the path of a table computed from the log; deleting it costs only time."""
    assert os.path.basename(name) == name, name  # a method's column is a word, see `run_json`
    return folder / "cache" / f"{name}-{digest}.parquet"


def logged_epochs(folder: Path, kind: str) -> list[int]:
    """Return the epochs that have a file of this kind, ascending."""
    try:
        names = os.listdir(folder / kind)
    except OSError:  # it is not there, no folder, or somebody else's
        return []
    found = (EPOCH_FILE.fullmatch(name) for name in names)
    return sorted({int(match[1]) for match in found if match})


Content: TypeAlias = bytes | bytearray | memoryview | pa.Buffer


def write_whole(path: Path, content: Content) -> None:
    """Write `content` beside `path`, then rename it: readers see all of it or nothing."""
    write_files({path: content})


def write_files(files: Mapping[Path, Content]) -> None:
    """Write files whole; they appear in the order given, once all are on disk.

    Of a file's folders only the last may be missing: what belongs to a run that somebody has
    deleted must not bring its folder back.
    """
    parts = []
    descriptors = []
    try:
        for path, content in files.items():
            whole = os.fspath(path)
            # Named by the write: two threads may write one file, or two machines with one pid.
            parts.append((f"{os.path.dirname(whole) or '.'}/.{secrets.token_hex(8)}.part", whole))
            descriptors.append(_create(parts[-1][0]))
            left = memoryview(content).cast("B")
            while left:
                left = left[os.write(descriptors[-1], left) :]
        for descriptor in descriptors:  # after all are written: the disk then has less to do
            os.fsync(descriptor)
        for part, whole in parts:
            os.replace(part, whole)
    except BaseException:
        for part, _ in parts:
            with suppress(OSError):
                os.unlink(part)
        raise
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    for folder in dict.fromkeys(os.path.dirname(part) for part, _ in parts):
        sync_folder(folder)


def _create(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another thread was faster
            os.mkdir(os.path.dirname(path))
        return os.open(path, flags, 0o666)


def sync_folder(folder: str | Path) -> None:
    """Have the names in a folder outlive a loss of power, where the file system can promise it."""
    with suppress(OSError):  # Windows and some network drives open no folder, or sync none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_table(path: Path, table: pa.Table, **options: Any) -> None:
    """Write a Parquet file whole."""
    write_whole(path, encode_table(table, **options))


def encode_table(table: pa.Table, **options: Any) -> pa.Buffer:
    """Return the content of a Parquet file."""
    settings: dict[str, Any] = {"compression": "zstd", "row_group_size": ROW_GROUP, **options}
    # By way of memory: Arrow writes a file in hundreds of pieces, which cost more than packing.
    encoded = pa.BufferOutputStream()
    pq.write_table(table, encoded, **settings)
    return encoded.getvalue()


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    """Write a JSON file whole."""
    write_whole(path, encode_json(value, indent))


def encode_json(value: Any, indent: int | None = None) -> bytes:
    """Return the content of a JSON file; NaN and infinity are a ValueError."""
    return (json.dumps(value, indent=indent, allow_nan=False) + "\n").encode()


def read_versioned(path: Path, what: str, newest: int) -> dict[str, Any]:
    """Return a JSON file of ours that carries a `format` number.

    Raises
    ------
    UnreadableRun
        If it is missing or damaged, is no such file, or has a format above `newest`.
    """
    place = f"{shown(path.parent.name)}: {path.name}"
    try:
        info = read_json(path)
    except DamagedFile as error:
        raise UnreadableRun(f"{place} {error.reason}") from None
    if not isinstance(info, dict) or type(info.get("format")) is not int:
        raise UnreadableRun(f"{place} is no {what} of ours (no `format` number)")
    if info["format"] > newest:
        raise UnreadableRun(
            f"{place} has format {info['format']}, newer than this program reads ({newest})"
        )
    return info


def read_info(folder: Path) -> dict[str, Any]:
    """Return `run.json`, whose fields are as `run_json.FIELDS` says.

    Raises
    ------
    UnreadableRun
        If it is missing, not ours, or of a newer format.
    """
    path, name = folder / "run.json", shown(folder.name)
    if not os.path.lexists(path):
        raise UnreadableRun(f"{name}: no run.json, so not a run folder")
    info = read_versioned(path, "run", FORMAT_VERSION)
    try:
        run_json.check(info)
    except ValueError as error:
        raise UnreadableRun(f"{name}: run.json is damaged: {error}") from None
    return info


def version(path: Path) -> tuple[int, int]:
    """Return the time (ns) and the size of a file or folder, both -1 where there is none.

    They change when the file does. A rename into a folder changes the folder's time.
    """
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_mtime_ns, found.st_size


def has_writer(folder: Path) -> bool:
    """Tell whether a living process writes this run."""
    return is_locked(folder / ".lock")


def is_locked(path: Path) -> bool:
    """Tell whether a living process holds the lock of a file; false where there is none."""
    try:
        with open_file(path) as file:
            if not has_fcntl:  # Windows
                return not lock_descriptor(file.fileno(), blocking=False)
            import fcntl

            # Shared, which filelock does not offer: two readers must not see a writer in each
            # other, and over NFS an exclusive lock needs write access.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
