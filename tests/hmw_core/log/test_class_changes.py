"""Classes renamed and merged by lines of the review log, and batches taken back by one line."""

import json
import shutil

import pandas as pd
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange, merged_into
from hmw_core.log.verdicts import Verdict


@pytest.fixture
def run(tiny_folder, tmp_path) -> RunReader:
    """A run of its own with 60 samples of the classes 0..4."""
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    return RunReader(tmp_path / "tiny")


def labels(run: RunReader) -> pd.Series:
    given = run.samples().set_index("sample_id")["given_label"]
    return verdicts.read(run).new_label(given, run.n_classes)


def lines(run: RunReader) -> list[dict]:
    return [json.loads(x) for x in (run.folder / "verdicts.jsonl").read_text().splitlines()]


def test_a_merge_is_one_line_and_moves_what_is_given_or_judged_to_be_of_the_class(run):
    given = run.samples().set_index("sample_id")["given_label"]
    other = int(given.index[given == 0][0])
    away = int(given.index[given == 3][0])
    verdicts.append(
        run, [Verdict(other, "relabel", 0, 3, "Ann"), Verdict(away, "relabel", 3, 1, "Ann")]
    )
    made = verdicts.change_class(run, ClassChange(3, into=4, reviewer=" Bo ", note="same thing"))
    assert len(lines(run)) == 3
    assert (made.reviewer, made.note) == ("Bo", "same thing")
    found = labels(run)
    assert found[other] == 4
    assert found[away] == 1  # a person took it out of the class
    rest = given[(given == 3) & (given.index != away)].index
    assert set(found[rest]) == {4}
    unmoved = given.index.difference(rest).difference([other, away])
    assert found[unmoved].equals(given[unmoved].astype("int64"))
    log = verdicts.read(run)
    assert len(log.current) == 2  # nobody has judged the others by it
    verdicts.undo(run, [made.id], "Ann")
    assert labels(run)[rest].eq(3).all()
    log = verdicts.read(run)
    assert log.class_changes == ()
    assert log.changes_written == (made,)
    assert log.undone[made.id].reviewer == "Ann"


def test_merges_follow_one_another(run):
    assert merged_into([ClassChange(0, into=1), ClassChange(1, into=2)], 4).tolist() == [2, 2, 2, 3]
    assert merged_into([ClassChange(1, into=2), ClassChange(0, into=1)], 4).tolist() == [2, 2, 2, 3]
    assert merged_into([ClassChange(0, name="x")], 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (ClassChange(0, into=1), "already part of"),  # 0 is merged into 1 before
        (ClassChange(1, into=0), "already part of"),  # a circle
        (ClassChange(2, into=9), "a class in 0..4"),
        (ClassChange(9, name="x"), "label must be"),
        (ClassChange(2, into=2), "another one"),
        (ClassChange(2), "either"),
        (ClassChange(2, into=3, name="x"), "either"),
        (ClassChange(2, name="  "), "a name is text"),
        (ClassChange(2, name=" 3 "), "merge the two"),  # the classes are called 0..4
    ],
)
def test_what_does_not_go_is_refused_and_not_written(run, change, why):
    verdicts.change_class(run, ClassChange(0, into=1))
    with pytest.raises(UsageError, match=why):
        verdicts.change_class(run, change)
    assert len(lines(run)) == 1


def test_two_who_change_a_class_at_once_cost_only_the_later_line(run):
    first = verdicts.change_class(run, ClassChange(0, into=1))
    line = lines(run)[0]
    line["class_change"] |= {"label": 1, "into": 0, "id": "b"}
    with (run.folder / "verdicts.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.write(json.dumps(line | {"class_change": {"label": 2}}) + "\n")
        file.write(json.dumps(line | {"class_change": [1]}) + "\n")
    log = verdicts.read(run)
    assert log.class_changes == (first,)
    assert any("class 1 was left out" in sentence for sentence in log.damage)
    assert any("no change of a class" in sentence for sentence in log.damage)


def test_a_batch_is_taken_back_by_one_line_and_its_verdicts_one_by_one(run):
    given = run.samples()["given_label"]
    made = [Verdict(i, "keep", int(given[i]), batch="all of them") for i in (3, 4, 5)]
    verdicts.append(run, [*made, Verdict(6, "keep", int(given[6]))])
    verdicts.undo(run, [made[1].id])
    assert verdicts.read(run).current.index.tolist() == [3, 5, 6]
    verdicts.undo(run, ["all of them"], "Bo")
    log = verdicts.read(run)
    assert log.current.index.tolist() == [6]
    assert log.written["sample_id"].tolist() == [3, 4, 5, 6]
    assert log.undone["all of them"].reviewer == "Bo"
    assert len(lines(run)) == 6
    assert log.damage == []
