"""The review log: what a person said of a sample, appended line by line to `verdicts.jsonl`.

A line is a JSON object: the fields of `Verdict` and `fingerprint`, that of the run's data set; or
`class_change` (the fields of `ClassChange`) and `fingerprint`; or an undo: `undo` (the id of a
verdict, of a batch of them or of a class change), `reviewer`, `time`, `fingerprint`. Lines are only
ever added, the labels of the data set are never touched, and of several verdicts on a sample the
last line stands. Of lines that carry one id only the first counts, so writing one twice does no
harm.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from io import BytesIO
from operator import index, itemgetter
from pathlib import Path
from stat import S_ISREG
from time import monotonic, sleep
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd
from filelock import lock_descriptor

from hmw_core.errors import UsageError
from hmw_core.log.class_changes import ClassChange, clash, merged_into, what_is_wrong
from hmw_core.log.files import open_file, read_open
from hmw_core.log.reader import RunReader

VERDICTS = ("keep", "relabel", "unsure", "skip")
STREAMS = ("ranked", "audit", "selection")
LONGEST_TEXT = 10_000  # characters of a note or a name
PATIENCE = 5.0  # s to wait for another reviewer's write, which takes milliseconds
LARGEST = 128 << 20  # bytes of the file that are read: 400,000 verdicts
LONGEST_LINE = 1 << 20  # bytes
MOST_LEFT_OUT = 100_000  # lines, after which the rest is not looked at
NAMED_LINES = 5  # line numbers that a sentence about left-out lines names


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Verdict:
    """What a reviewer said of a sample.

    `new_label` is there for `relabel` only, and is not `given_label`. `criterion` and `rank` say
    where in which order the sample was met, `stream` which stream showed it. `time` is UTC.
    Verdicts that were given together share a `batch`, by whose name all are undone at once.
    """

    sample_id: int
    verdict: str
    given_label: int
    new_label: int | None = None
    reviewer: str = ""
    criterion: str | None = None
    rank: int | None = None
    stream: str = "ranked"
    note: str = ""
    time: str = field(default_factory=_now)
    id: str = field(default_factory=lambda: uuid4().hex)
    batch: str | None = None


class Undo(NamedTuple):
    """Who took something back, and when (UTC)."""

    reviewer: str
    time: str


class VerdictLog(NamedTuple):
    """What `read` found."""

    table: pd.DataFrame  # every verdict that is not undone, in file order; columns of Verdict
    current: pd.DataFrame  # by sample_id, the last of them of each sample
    damage: list[str]  # a sentence for each kind of line that was left out
    class_changes: tuple[ClassChange, ...] = ()  # those that stand, in file order
    written: pd.DataFrame | None = None  # as `table`, the undone ones among them
    changes_written: tuple[ClassChange, ...] = ()  # the undone ones among them
    undone: Mapping[str, Undo] = {}  # by the id of a verdict, batch or class change

    def new_label(self, given_label: pd.Series, n_classes: int) -> pd.Series:
        """Return each sample's label as relabel verdicts and merges of classes make it, int64."""
        label = self.current["new_label"].reindex(given_label.index).fillna(given_label)
        merged = merged_into(self.class_changes, n_classes)
        return pd.Series(merged[label.to_numpy(np.int64)], index=given_label.index)


COLUMNS = tuple(f.name for f in fields(Verdict))
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_WHOLE_NUMBERS = ("sample_id", "given_label")
_MAYBE_NUMBERS = ("new_label", "rank")
_FIELDS = frozenset(COLUMNS)
_EMPTY = dict.fromkeys(COLUMNS)
_values = itemgetter(*COLUMNS)
_texts = itemgetter("reviewer", "note", "time", "id")
_CHANGE_FIELDS = frozenset(f.name for f in fields(ClassChange))
_scan = json.JSONDecoder().raw_decode  # `loads` spends as long again around it


def append(run: RunReader, verdicts: Sequence[Verdict]) -> None:
    """Add these verdicts to the run's review log, all of them or none.

    Parameters
    ----------
    run : RunReader
    verdicts : sequence of Verdict
        Numbers may be numpy's; a null `new_label` or `rank` may be pandas'.

    Raises
    ------
    UsageError
        If one of them is not a verdict on a sample of this run, or the file cannot be written.
        Nothing is written then.
    """
    given_label, fingerprint = _given_labels(run), _fingerprint(run)
    lines = []
    for verdict in verdicts:
        line = _plain(verdict) | {"fingerprint": fingerprint}
        wrong = _what_is_wrong(line, given_label, run.n_classes, fingerprint)
        if wrong is not None:
            raise UsageError(
                f"run {run.name!r}: the verdict on sample {verdict.sample_id!r} was not kept: "
                f"{wrong}"
            )
        lines.append(line)
    _write(run, lines)


def undo(run: RunReader, ids: Sequence[str], reviewer: str = "") -> None:
    """Take verdicts, batches of them or class changes back, by a line for each that still stands.

    Raises
    ------
    UsageError
        If the log has none with one of these ids, or cannot be written. Nothing is written then.
    """
    found = _read_lines(run)
    known = found.ids()
    for wanted in ids:
        if wanted not in known:
            raise UsageError(f"run {run.name!r} has no verdict with the id {wanted!r} to undo")
    about = {"reviewer": reviewer, "time": _now(), "fingerprint": _fingerprint(run)}
    standing = [wanted for wanted in dict.fromkeys(ids) if wanted not in found.undone]
    _write(run, [{"undo": wanted, **about} for wanted in standing])


def change_class(run: RunReader, change: ClassChange) -> ClassChange:
    """Add a merge or a renaming of a class; return it with the id and time that it got.

    Raises
    ------
    UsageError
        If it is none, does not go with those that stand, or cannot be written.
    """
    made = replace(
        change,
        name=None if change.name is None else change.name.strip(),
        reviewer=change.reviewer.strip(),
        note=change.note.strip(),
        time=change.time or _now(),
        id=change.id or uuid4().hex,
    )
    line = asdict(made)
    wrong = _what_is_wrong_with_texts(line) or what_is_wrong(line, run.n_classes)
    wrong = wrong or clash(made, read(run).class_changes, run.class_names)
    if wrong is not None:
        raise UsageError(
            f"run {run.name!r}: the change of class {change.label!r} was not kept: {wrong}"
        )
    _write(run, [{"class_change": line, "fingerprint": _fingerprint(run)}])
    return made


def read(run: RunReader) -> VerdictLog:
    """Return the verdicts that stand; a line that cannot be used costs only itself.

    Returns
    -------
    VerdictLog
        `table` and `current` are empty, with all columns, where nobody has judged yet.
    """
    found = _read_lines(run)
    undone = found.undone
    written = _frame(list(found.verdicts.values()))
    is_undone = written["id"].isin(undone.keys()) | written["batch"].isin(undone.keys())
    table = written[~is_undone].reset_index(drop=True)
    current = table.drop_duplicates("sample_id", keep="last").set_index("sample_id")
    changes = tuple(found.changes.values())
    standing: list[ClassChange] = []
    damage = list(found.damage)
    for change in changes:
        if change.id in undone:
            continue
        # Two reviewers may have changed one class in the same moment.
        why = clash(change, standing, run.class_names)
        if why is None:
            standing.append(change)
        else:
            damage.append(f"verdicts.jsonl: a change of class {change.label} was left out: {why}")
    return VerdictLog(table, current, damage, tuple(standing), written, changes, undone)


def _path(run: RunReader) -> Path:
    return run.folder / "verdicts.jsonl"


def _fingerprint(run: RunReader) -> str:
    return run.info["dataset"]["fingerprint"]


def _given_labels(run: RunReader) -> list[int]:
    return run.samples()["given_label"].tolist()


def _plain(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as JSON values; what is no number stays for the check to refuse."""
    line = asdict(verdict)
    for name in (*_WHOLE_NUMBERS, *_MAYBE_NUMBERS):
        value = line[name]
        if isinstance(value, np.integer):
            line[name] = index(value)
        elif name in _MAYBE_NUMBERS and pd.api.types.is_scalar(value) and pd.isna(value):
            line[name] = None
    for name in ("criterion", "note", "reviewer", "batch"):
        if isinstance(line[name], str):
            line[name] = line[name].strip()
    return line


def _what_is_wrong(
    line: Mapping[str, Any], given_label: Sequence[int], n_classes: int, fingerprint: str
) -> str | None:
    """Return why a line with every field is no verdict on this run, None for a good one.

    By `type`, since True is an instance of int too.
    """
    sample_id, verdict, given, new, _, criterion, rank, stream, _, _, name, batch = _values(line)
    if line.get("fingerprint") != fingerprint:
        return f"made for another data set (this one's fingerprint is {fingerprint})"
    if type(sample_id) is not int or not 0 <= sample_id < len(given_label):
        return f"sample_id must lie in 0..{len(given_label) - 1}"
    if verdict not in VERDICTS:
        return f"the verdict must be one of {', '.join(VERDICTS)}"
    if type(given) is not int or given != given_label[sample_id]:
        return "given_label is not the one that the run was trained on"
    if verdict == "relabel":
        if type(new) is not int or not 0 <= new < n_classes:
            return f"relabel needs a new_label in 0..{n_classes - 1}"
        if new == given:
            return "relabel needs a new_label other than the given one"
    elif new is not None:
        return f"{verdict} takes no new_label"
    if rank is not None and (type(rank) is not int or not 1 <= rank <= len(given_label)):
        return f"rank must be null or lie in 1..{len(given_label)}"
    if stream not in STREAMS:
        return f"stream must be one of {', '.join(STREAMS)}"
    if criterion is not None and type(criterion) is not str:
        return "criterion must be a name or null"
    if batch is not None and (type(batch) is not str or not batch):
        return "batch must be a name or null"
    return _what_is_wrong_with_texts(line) or (None if name else "no id")


def _what_is_wrong_with_texts(line: Mapping[str, Any]) -> str | None:
    for text in _texts(line):
        if type(text) is not str or len(text) > LONGEST_TEXT:
            return f"reviewer, note, time and id are text of at most {LONGEST_TEXT:,} characters"
    return None


def _write(run: RunReader, lines: Sequence[Mapping[str, Any]]) -> None:
    """Append the lines by one write under the file's lock; all of them, or none and an error."""
    if not lines:
        return
    try:
        texts = [json.dumps(line, ensure_ascii=False, allow_nan=False) for line in lines]
        content = "".join(f"{text}\n" for text in texts).encode()
    except UnicodeEncodeError:  # half a surrogate pair: no reader could show it
        raise UsageError(
            f"run {run.name!r}: a note or name holds characters that are no text"
        ) from None
    try:
        descriptor = os.open(_path(run), _APPEND, 0o666)
        try:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(None, "it is no regular file")
            if os.fstat(descriptor).st_size + len(content) > LARGEST:
                raise OSError(None, f"it would have more than {LARGEST:,} bytes")
            if not _lock(descriptor):
                raise OSError(None, f"another process has held it for {PATIENCE:.0f} s")
            _append_whole(descriptor, content)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UsageError(
            f"run {run.name!r}: {len(lines)} line(s) of review could not be written to "
            f"{_path(run)} and are not kept: {error.strerror}"
        ) from None


def _append_whole(descriptor: int, content: bytes) -> None:
    """Append under the lock that is held; a write cut short by a full disk is taken back."""
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
    if os.read(descriptor, 1) not in (b"", b"\n"):
        content = b"\n" + content  # someone was killed in mid-line: that line stays its own
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(None, "the disk took only a part of them")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _read_bytes(run: RunReader) -> bytes:
    with open_file(_path(run)) as file:
        with suppress(OSError):  # a file system without locks: a half-seen line is left out
            _lock(file.fileno())
        return read_open(file, LARGEST)


def _lock(descriptor: int) -> bool:
    """Take the file's lock, which goes when it is closed; False if a stopped process keeps it."""
    give_up = monotonic() + PATIENCE
    while not lock_descriptor(descriptor, blocking=False):
        if monotonic() > give_up:
            return False
        sleep(0.002)
    return True


class _Lines(NamedTuple):
    """What the lines of the file say; by id, in file order."""

    verdicts: dict[str, tuple]  # values of COLUMNS
    changes: dict[str, ClassChange]
    undone: dict[str, Undo]
    damage: list[str]

    def ids(self) -> set[str]:
        """Return what an undo may name."""
        batch = COLUMNS.index("batch")
        batches = {values[batch] for values in self.verdicts.values()} - {None}
        return {*self.verdicts, *self.changes, *batches}


def _read_lines(run: RunReader) -> _Lines:
    """Return what the file says, and a sentence per kind of line that is left out."""
    try:
        content = _read_bytes(run)
    except FileNotFoundError:
        return _Lines({}, {}, {}, [])
    except OSError as error:
        return _Lines({}, {}, {}, [f"verdicts.jsonl cannot be read: {error.strerror}"])
    given_label, fingerprint = _given_labels(run), _fingerprint(run)
    verdicts: dict[str, tuple] = {}
    changes: dict[str, ClassChange] = {}
    undone: dict[str, Undo] = {}
    undo_line: dict[str, int] = {}
    left_out: dict[str, list[int]] = {}
    for number, raw in enumerate(BytesIO(content), start=1):
        if raw.isspace():
            continue
        if sum(map(len, left_out.values())) >= MOST_LEFT_OUT:
            left_out["too many lines before it could not be used"] = [number]
            break
        line = _parse(raw) if len(raw) < LONGEST_LINE else None
        if line is None:
            wrong: str | None = "not a whole line of JSON (torn or foreign)"
        elif "undo" in line:
            wrong = _what_is_wrong_with_undo(line, fingerprint)
            if wrong is None and line["undo"] not in undone:
                undone[line["undo"]] = Undo(*(_short(line.get(k)) for k in Undo._fields))
                undo_line[line["undo"]] = number
        elif "class_change" in line:
            wrong = _what_is_wrong_with_change(line, run.n_classes, fingerprint)
            if wrong is None:
                said = ClassChange(**{k: line["class_change"].get(k) for k in _CHANGE_FIELDS})
                if changes.setdefault(said.id, said) != said:
                    wrong = "an earlier line has the same id"
        else:
            if not line.keys() >= _FIELDS:
                line = _EMPTY | line
            wrong = _what_is_wrong(line, given_label, run.n_classes, fingerprint)
            if wrong is None:
                values = _values(line)
                if verdicts.setdefault(line["id"], values) != values:
                    wrong = "an earlier line has the same id"
        if wrong is not None:
            left_out.setdefault(wrong, []).append(number)
    found = _Lines(verdicts, changes, undone, [])
    known = found.ids()
    strays = [number for wanted, number in undo_line.items() if wanted not in known]
    if strays:
        left_out["the verdict to undo is not there"] = strays
    return found._replace(damage=_sentences(left_out))


def _short(text: Any) -> str:
    return text[:LONGEST_TEXT] if isinstance(text, str) else ""


def _parse(raw: bytes) -> dict[str, Any] | None:
    """Return the object of a line, None where it is none."""
    try:
        text = raw.decode("utf-8-sig").strip()  # an editor may have put a mark in front
        line, end = _scan(text)
        if b"\\u" in raw:  # half a surrogate pair parses, but no page could show it
            json.dumps(line, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return line if end == len(text) and isinstance(line, dict) else None


def _what_is_wrong_with_change(
    line: Mapping[str, Any], n_classes: int, fingerprint: str
) -> str | None:
    said = line["class_change"]
    if line.get("fingerprint") != fingerprint:
        return f"made for another data set (this one's fingerprint is {fingerprint})"
    if not isinstance(said, dict) or not said.keys() >= {"label", "reviewer", "note", "time", "id"}:
        return "no change of a class"
    wrong = _what_is_wrong_with_texts(said) or what_is_wrong(said, n_classes)
    return wrong or (None if said["id"] else "no id")


def _what_is_wrong_with_undo(line: Mapping[str, Any], fingerprint: str) -> str | None:
    if line.get("fingerprint") != fingerprint:
        return f"made for another data set (this one's fingerprint is {fingerprint})"
    return None if type(line["undo"]) is str else "no id to undo"


def _sentences(left_out: Mapping[str, Sequence[int]]) -> list[str]:
    sentences = []
    for why, numbers in left_out.items():
        named = ", ".join(map(str, numbers[:NAMED_LINES]))
        more = f" and {len(numbers) - NAMED_LINES:,} more" if len(numbers) > NAMED_LINES else ""
        lines = f"line {named} was" if len(numbers) == 1 else f"lines {named}{more} were"
        sentences.append(f"verdicts.jsonl: {lines} left out: {why}")
    return sentences


def _frame(lines: Sequence[tuple]) -> pd.DataFrame:
    columns = zip(*lines, strict=True) if lines else [()] * len(COLUMNS)
    return pd.DataFrame(
        {
            name: np.array(values, dtype=np.int64)
            if name in _WHOLE_NUMBERS
            else pd.array(values, dtype="Int64" if name in _MAYBE_NUMBERS else "str")
            for name, values in zip(COLUMNS, columns, strict=True)
        }
    )
