"""The review log: nothing that was said is lost, and nothing foreign gets in."""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.verdicts import COLUMNS, Verdict
from tests.conftest import write_run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tiny_folder, tmp_path) -> RunReader:
    """A run of its own; sample i is given i % 5, or one more where i % 10 == 0."""
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    return RunReader(tmp_path / "tiny")


def log_file(run: RunReader) -> Path:
    return run.folder / "verdicts.jsonl"


def given(run: RunReader, sample_id: int) -> int:
    return int(run.samples()["given_label"][sample_id])


def keep(run: RunReader, sample_id: int, **about) -> Verdict:
    return Verdict(sample_id, "keep", given(run, sample_id), **about)


def add_line(run: RunReader, **line) -> None:
    with log_file(run).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def as_line(run: RunReader, verdict: Verdict) -> dict:
    return asdict(verdict) | {"fingerprint": run.info["dataset"]["fingerprint"]}


def test_what_is_appended_is_read(run):
    said = [
        Verdict(3, "relabel", 3, 1, "Ann Übel", "iam", 7, "ranked", 'a "note"\nof two lines, 猫'),
        Verdict(4, "unsure", 4, reviewer="bob", stream="audit"),
        Verdict(5, "skip", 0, stream="selection"),
    ]
    verdicts.append(run, said[:1])
    verdicts.append(run, said[1:])
    log = verdicts.read(run)
    assert log.damage == []
    assert tuple(log.table) == COLUMNS
    back = log.table.astype(object).where(log.table.notna(), None).to_dict("records")
    assert back == [asdict(verdict) for verdict in said]
    assert log.current.index.tolist() == [3, 4, 5]
    assert tuple(log.current) == COLUMNS[1:]
    assert len(log_file(run).read_bytes().splitlines()) == 3


def test_no_verdict_yet_has_all_columns(run):
    log = verdicts.read(run)
    assert (len(log.table), len(log.current), log.damage) == (0, 0, [])
    verdicts.append(run, [keep(run, 1)])
    filled = verdicts.read(run)
    assert log.table.dtypes.equals(filled.table.dtypes)
    assert log.current.dtypes.equals(filled.current.dtypes)
    assert log.current.index.name == filled.current.index.name == "sample_id"


def test_the_last_verdict_of_a_sample_stands_whoever_said_it(run):
    first, second = keep(run, 7, reviewer="ann"), Verdict(7, "relabel", 2, 4, "bob")
    verdicts.append(run, [first])
    verdicts.append(run, [second, keep(run, 8)])
    current = verdicts.read(run).current
    assert current.loc[7, ["verdict", "new_label", "reviewer"]].tolist() == ["relabel", 4, "bob"]
    verdicts.append(run, [keep(run, 7, reviewer="ann")])
    assert verdicts.read(run).current.loc[7, "verdict"] == "keep"
    assert len(verdicts.read(run).table) == 4


def test_undo_brings_back_what_stood_before(run):
    first, second = keep(run, 7, reviewer="ann"), Verdict(7, "relabel", 2, 4, "bob")
    verdicts.append(run, [first, second])
    before = log_file(run).read_bytes()
    verdicts.undo(run, [second.id], reviewer="ann")
    log = verdicts.read(run)
    assert log.current.loc[7, "id"] == first.id
    assert log.table["id"].tolist() == [first.id]
    after = log_file(run).read_bytes()
    assert after.startswith(before)
    undone = json.loads(after[len(before) :])
    assert (undone["undo"], undone["reviewer"]) == (second.id, "ann")
    verdicts.undo(run, [second.id, first.id, first.id])
    assert verdicts.read(run).current.empty
    assert len(log_file(run).read_bytes().splitlines()) == 4  # one undo a verdict, no more


def test_undo_of_what_was_never_said_is_refused(run):
    verdicts.append(run, [keep(run, 1)])
    before = log_file(run).read_bytes()
    with pytest.raises(UsageError, match="no verdict with the id 'abc'"):
        verdicts.undo(run, [verdicts.read(run).table["id"][0], "abc"])
    assert log_file(run).read_bytes() == before


def test_writing_a_verdict_twice_counts_once(run):
    said = keep(run, 2)
    verdicts.append(run, [said])
    verdicts.append(run, [said])  # a page that runs its script again
    log = verdicts.read(run)
    assert (len(log.table), log.damage) == (1, [])
    verdicts.append(run, [replace(said, note="other")])
    log = verdicts.read(run)
    assert log.table["note"].tolist() == [""]
    assert log.damage == ["verdicts.jsonl: line 3 was left out: an earlier line has the same id"]


def test_the_labels_of_the_run_are_never_touched(run):
    files = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    verdicts.append(run, [Verdict(3, "relabel", 3, 1)])
    verdicts.undo(run, verdicts.read(run).table["id"].tolist())
    now = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert now.pop(log_file(run))
    assert now == files


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"sample_id": 60}, r"sample_id must lie in 0\.\.59"),
        ({"sample_id": -1}, r"sample_id must lie in 0\.\.59"),
        ({"sample_id": True, "given_label": 1}, "sample_id must lie"),
        ({"sample_id": 3.0}, "sample_id must lie"),
        ({"sample_id": "3"}, "sample_id must lie"),
        ({"sample_id": None}, "sample_id must lie"),
        ({"verdict": "delete"}, "keep, relabel, unsure, skip"),
        ({"verdict": ["keep"]}, "keep, relabel, unsure, skip"),
        ({"given_label": 2}, "not the one that the run was trained on"),
        ({"given_label": None}, "not the one that the run was trained on"),
        ({"verdict": "relabel"}, r"new_label in 0\.\.4"),
        ({"verdict": "relabel", "new_label": 5}, r"new_label in 0\.\.4"),
        ({"verdict": "relabel", "new_label": -1}, r"new_label in 0\.\.4"),
        ({"verdict": "relabel", "new_label": 3}, "other than the given one"),
        ({"new_label": 1}, "keep takes no new_label"),
        ({"rank": 0}, "rank must be null or lie in"),
        ({"rank": 61}, "rank must be null or lie in"),
        ({"rank": 10**30}, "rank must be null or lie in"),
        ({"stream": "random"}, "ranked, audit, selection"),
        ({"criterion": 3}, "criterion must be a name or null"),
        ({"note": None}, "are text of at most 10,000 characters"),
        ({"note": "x" * 10_001}, "are text of at most 10,000 characters"),
        ({"reviewer": 5}, "are text of at most 10,000 characters"),
        ({"time": None}, "are text of at most 10,000 characters"),
        ({"id": ""}, "no id"),
    ],
)
def test_a_wrong_verdict_is_refused_by_append_and_left_out_by_read(run, wrong, why):
    good, bad = keep(run, 2), replace(keep(run, 3), **wrong)
    with pytest.raises(UsageError, match=why):
        verdicts.append(run, [good, bad])
    assert not log_file(run).exists()
    verdicts.append(run, [good])
    add_line(run, **as_line(run, bad))
    verdicts.append(run, [keep(run, 4)])
    log = verdicts.read(run)
    assert log.table["sample_id"].tolist() == [2, 4]
    (sentence,) = log.damage
    assert sentence.startswith("verdicts.jsonl: line 2 was left out: ")


def test_numbers_of_numpy_and_pandas_are_numbers(run):
    verdicts.append(run, [Verdict(np.int64(3), "keep", np.int32(3), pd.NA, rank=np.nan)])
    verdicts.append(run, [Verdict(4, "relabel", 4, np.int8(0), rank=np.uint16(9))])
    table = verdicts.read(run).table
    assert table["new_label"].isna().tolist() == [True, False]
    assert table["rank"].isna().tolist() == [True, False]


def test_half_a_character_is_refused_and_survived(run):
    with pytest.raises(UsageError, match="no text"):
        verdicts.append(run, [keep(run, 1, note="\ud83d")])
    assert not log_file(run).exists()
    add_line(run, **as_line(run, keep(run, 1, note="\ud83d")))
    add_line(run, **as_line(run, keep(run, 2, note="\U0001f600")))  # a whole pair is a character
    log = verdicts.read(run)
    assert log.table["note"].tolist() == ["\U0001f600"]
    assert len(log.damage) == 1


def test_verdicts_of_another_data_set_are_left_out_in_one_sentence(run):
    verdicts.append(run, [keep(run, 0)])
    for i in range(8):
        add_line(run, **as_line(run, keep(run, i)) | {"fingerprint": "0123456789abcdef"})
    add_line(run, **as_line(run, replace(keep(run, 1), sample_id=99)))
    add_line(run, **as_line(run, replace(keep(run, 1), given_label=4)))
    add_line(run, undo="a", reviewer="", time="", fingerprint="0123456789abcdef")
    add_line(run, **{k: v for k, v in as_line(run, keep(run, 1)).items() if k != "fingerprint"})
    fingerprint = run.info["dataset"]["fingerprint"]
    log = verdicts.read(run)
    assert log.table["sample_id"].tolist() == [0]
    assert log.damage == [
        "verdicts.jsonl: lines 2, 3, 4, 5, 6 and 5 more were left out: made for another data set "
        f"(this one's fingerprint is {fingerprint})",
        "verdicts.jsonl: line 10 was left out: sample_id must lie in 0..59",
        "verdicts.jsonl: line 11 was left out: given_label is not the one that the run was "
        "trained on",
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"<<<<<<< HEAD",
        b"[1, 2]",
        b"17",
        b"null",
        b'"undo"',
        b"\xff\xfe\x00\x01",
        b"\x00" * 40,
        b"[" * 100_000,
        b'{"sample_id": ' + b"9" * 5000 + b"}",
        b'{"undo": 5}',
        b"{}",
    ],
)
def test_foreign_lines_cost_only_themselves(run, line):
    verdicts.append(run, [keep(run, 1)])
    with log_file(run).open("ab") as file:
        file.write(line + b"\n\n   \n")
    verdicts.append(run, [keep(run, 2)])
    log = verdicts.read(run)
    assert log.table["sample_id"].tolist() == [1, 2]
    assert len(log.damage) == 1
    assert "line 2 was left out" in log.damage[0]


def test_an_undo_without_its_verdict_is_told(run):
    fingerprint = run.info["dataset"]["fingerprint"]
    add_line(run, undo="gone", reviewer="", time="", fingerprint=fingerprint)
    verdicts.append(run, [keep(run, 1)])
    log = verdicts.read(run)
    assert len(log.table) == 1
    assert log.damage == ["verdicts.jsonl: line 1 was left out: the verdict to undo is not there"]


def test_a_file_saved_by_an_editor_of_another_system_is_read(run):
    verdicts.append(run, [keep(run, 1), keep(run, 2)])
    text = log_file(run).read_bytes()
    log_file(run).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert verdicts.read(run).damage == []
    assert len(verdicts.read(run).table) == 2


def test_a_file_cut_anywhere_keeps_its_whole_lines_and_takes_new_ones(run):
    said = [keep(run, i, id=str(i), time="now", note="ß") for i in range(2)]
    verdicts.append(run, said)
    whole = log_file(run).read_bytes()
    first_end = whole.index(b"\n")
    for cut in range(len(whole) + 1):
        log_file(run).write_bytes(whole[:cut])
        verdicts.append(run, [keep(run, 9, id="new")])
        log = verdicts.read(run)
        complete = (cut >= first_end) + (cut >= len(whole) - 1)  # the line's end may be cut too
        assert log.table["id"].tolist() == ["0", "1"][:complete] + ["new"]
        assert len(log.damage) == (
            cut not in (0, first_end, first_end + 1, len(whole) - 1, len(whole))
        )
        assert log_file(run).read_bytes().startswith(whole[:cut])


def test_a_full_disk_leaves_no_half_line(run, monkeypatch):
    verdicts.append(run, [keep(run, 1)])
    before = log_file(run).read_bytes()
    write = verdicts.os.write
    monkeypatch.setattr(verdicts.os, "write", lambda fd, content: write(fd, content[:50]))
    with pytest.raises(UsageError, match="could not be written .* not kept"):
        verdicts.append(run, [keep(run, 2)])
    assert log_file(run).read_bytes() == before


def test_a_log_that_is_no_file_is_told(run):
    log_file(run).mkdir()
    with pytest.raises(UsageError, match="could not be written"):
        verdicts.append(run, [keep(run, 2)])
    log = verdicts.read(run)
    assert log.table.empty
    assert log.damage == ["verdicts.jsonl cannot be read: Is a directory"]


def test_a_process_that_stops_in_mid_write_stops_nobody(run, monkeypatch):
    verdicts.append(run, [keep(run, 1)])
    monkeypatch.setattr(verdicts, "PATIENCE", 0.05)
    with log_file(run).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another process has held it"):
            verdicts.append(run, [keep(run, 2)])
        assert verdicts.read(run).table["sample_id"].tolist() == [1]
    verdicts.append(run, [keep(run, 2)])
    assert verdicts.read(run).table["sample_id"].tolist() == [1, 2]


def test_two_copies_of_a_log_are_put_together_by_cat(run):
    first = keep(run, 1)
    verdicts.append(run, [first])
    start = log_file(run).read_bytes()
    verdicts.append(run, [keep(run, 2, reviewer="ann")])
    of_ann = log_file(run).read_bytes()
    log_file(run).write_bytes(start)
    verdicts.append(run, [keep(run, 3, reviewer="bob")])
    verdicts.undo(run, [first.id], reviewer="bob")
    of_bob = log_file(run).read_bytes()
    for both in (of_ann + of_bob, of_bob + of_ann):
        log_file(run).write_bytes(both)
        log = verdicts.read(run)
        assert sorted(log.table["sample_id"]) == [2, 3]
        assert log.damage == []


def test_sessions_of_one_server_lose_no_line(run):
    def session(name: str) -> None:
        for i in range(30):
            verdicts.append(run, [keep(run, i, reviewer=name)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(session, "abcdef"))
    log = verdicts.read(run)
    assert log.table.groupby("reviewer")["sample_id"].agg(list).tolist() == [list(range(30))] * 6
    assert log.damage == []


def test_verdicts_outlive_a_resumed_training(tmp_path):
    write_run(tmp_path / "run", epochs=2, finish="stopped")
    run = RunReader(tmp_path / "run")
    verdicts.append(run, [keep(run, 1)])
    RunWriter.resume(run.folder, last_epoch=1).finish()
    assert verdicts.read(RunReader(run.folder)).current.index.tolist() == [1]


REVIEWER = """
import sys
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
run = RunReader(sys.argv[1])
given = run.samples()["given_label"]
for turn in range(int(sys.argv[3])):
    said = [verdicts.Verdict(i, "keep", int(given[i]), reviewer=sys.argv[2], note=str(turn) * 999)
            for i in range(turn % 3 + 1)]
    verdicts.append(run, said)
    if turn % 5 == 4:
        verdicts.undo(run, [said[0].id], reviewer=sys.argv[2])
    print(*(v.id for v in said[turn % 5 == 4:]), flush=True)
"""


def reviewer(run: RunReader, name: str, turns: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", REVIEWER, str(run.folder), name, str(turns)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_reviewers_at_once_lose_no_line(run):
    at_work = [reviewer(run, name, 60) for name in ("ann", "bob", "cy")]
    seen_damage = []
    while any(process.poll() is None for process in at_work):
        seen_damage += verdicts.read(run).damage  # a page that looks on
    told = {"ann": [], "bob": [], "cy": []}
    for process, ids in zip(at_work, told.values(), strict=True):
        ids += process.communicate()[0].split()
        assert process.returncode == 0
    table = verdicts.read(run).table
    assert seen_damage == verdicts.read(run).damage == []
    for name, ids in told.items():
        assert len(ids) == 108  # 120 said, 12 undone
        assert table.loc[table["reviewer"] == name, "id"].tolist() == ids  # in the order said
    last = table.groupby("sample_id").last()
    assert verdicts.read(run).current["id"].to_dict() == last["id"].to_dict()


def test_a_killed_reviewer_loses_nothing_that_was_kept(run):
    process = reviewer(run, "ann", 100_000)
    told = [process.stdout.readline().split() for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    rest = process.communicate()[0]
    told += [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    verdicts.append(run, [keep(run, 5, id="after")])
    table = verdicts.read(run).table
    assert {i for ids in told for i in ids} | {"after"} <= set(table["id"])
