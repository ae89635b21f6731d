"""`python -m dashboard.verify`: agreement, and each way in which file and log can differ."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard.export.verify import main, verify
from hmw_core import RunReader
from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange
from hmw_core.log.tables import SCORES_VERSION
from hmw_core.log.verdicts import Verdict
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.review.label_file import encode_labels, write_labels
from hmw_core.review.label_reader import read_labels
from tests.conftest import write_run


@pytest.fixture
def run(tmp_path) -> RunReader:
    write_run(tmp_path / "runs" / "mine")
    run = RunReader(tmp_path / "runs" / "mine")
    given = int(run.samples()["given_label"][0])
    verdicts.append(run, [Verdict(0, "relabel", given, (given + 4) % 5, reviewer="ann")])
    return run


def write(run, tmp_path, change=lambda table: None, **options):
    """Write an export after `change` has been at its table."""
    table = corrected_labels(run, **options)
    attrs = json.loads(json.dumps(table.attrs))
    change(table)
    table.attrs = attrs
    return write_labels(tmp_path / "labels.csv", table)


@pytest.mark.parametrize("format", ["csv", "parquet", "json"])
@pytest.mark.parametrize(
    "options",
    [{}, {"criterion": "last_loss", "epoch": 2}, {"criterion": "aum", "n_flagged": 7}],
)
def test_an_export_agrees_with_its_run(run, tmp_path, capsys, format, options):
    path = write_labels(tmp_path / f"l.{format}", corrected_labels(run, **options))
    assert main([str(path), str(run.folder)]) == 0
    said = capsys.readouterr().out
    assert "DIFFERS" not in said
    assert "scores from the log of 60 samples" in said
    assert said.endswith("is what the log of mine says\n")


def test_scores_are_computed_from_the_log_and_not_taken_from_the_kept_ones(run, tmp_path):
    kept = run.folder / "scores" / "epoch-00004.parquet"
    table = pd.read_parquet(kept)
    path = write(run, tmp_path)
    shutil.rmtree(run.folder / "scores")
    assert not verify(path, RunReader(run.folder)).differences
    # Forged scores make a forged export, and the log gives it away.
    (run.folder / "scores").mkdir()
    forged = table.assign(iam=table["iam"] + 1)
    arrow = pa.Table.from_pandas(forged, preserve_index=False)
    pq.write_table(arrow.replace_schema_metadata({SCORES_VERSION: str(CRITERIA_VERSION)}), kept)
    forged_path = write(RunReader(run.folder), tmp_path)
    (difference, *_) = verify(forged_path, RunReader(run.folder)).differences
    assert difference.startswith("score: sample 0 (file ")
    assert difference.endswith("and 55 more")


def relabel(table):
    table.loc[7, "new_label"] = (table.loc[7, "new_label"] + 1) % 5


def rescore(table):
    table.loc[3, "score"] += 0.01


def nudge(table):
    table["score"] *= 1 + 1e-9


def rerank(table):
    table.loc[[3, 4], "suspicion_rank"] = table.loc[[4, 3], "suspicion_rank"].to_numpy()


def unscore(table):
    table.loc[5, ["score"]] = np.nan


def regive(table):
    table.loc[2, "given_label"] = (table.loc[2, "given_label"] + 1) % 5


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        (nudge, []),
        (relabel, ["new_label: sample 7 (file 3, log 2)"]),
        (rescore, ["score: sample 3"]),
        (rerank, ["suspicion_rank: sample 3"]),
        (unscore, ["score: sample 5 (file nothing, log"]),
        (regive, ["given_label: sample 2 (file 3, log 2)"]),
    ],
)
def test_a_changed_cell_is_named(run, tmp_path, change, differences):
    found = verify(write(run, tmp_path, change), run).differences
    for sentence in differences:
        assert any(sentence in difference for difference in found), found
    assert bool(found) == bool(differences)


def test_a_verdict_given_since_is_named(run, tmp_path, capsys):
    path = write(run, tmp_path)
    verdicts.append(run, [Verdict(12, "keep", int(run.samples()["given_label"][12]))])
    assert main([str(path), str(run.folder)]) == 1
    said = capsys.readouterr().out
    assert "DIFFERS: verdict: sample 12 (file nothing, log 'keep')" in said
    assert "note: 1 verdicts were given after the export" in said


def test_another_data_set_version_or_epoch_is_named(run, tmp_path):
    write_run(tmp_path / "other" / "runs" / "mine", pictures=False)
    other = RunReader(tmp_path / "other" / "runs" / "mine")
    (difference,) = verify(write(run, tmp_path), other).differences
    assert difference.startswith("the data set: fingerprint")
    for key, value, sentence in (
        ("criteria_version", 99, "the criteria are of version 99"),
        ("last_epoch", 9, "the epochs: 9 is the last used, log 4"),
        ("first_epoch", 2, "the epochs: 2 is the first used, iam begins at 1"),
        ("criterion", "magic", "the criterion 'magic' is not known"),
    ):
        table = corrected_labels(run)
        table.attrs["provenance"][key] = value
        path = write_labels(tmp_path / "changed.parquet", table)
        found = verify(path, run).differences
        assert any(d.startswith(sentence) for d in found), found


def test_a_sample_twice_is_named(run, tmp_path):
    lines = encode_labels(corrected_labels(run), "csv").decode("utf-8-sig").splitlines(True)
    (tmp_path / "twice.csv").write_text("".join([*lines[:-1], lines[1]]))
    (difference,) = verify(tmp_path / "twice.csv", run).differences
    assert difference == "the samples: the file has sample 0 twice"


@pytest.mark.parametrize("content", ["sample_id,new_label\n0,1\n", "", "not, a\ntable"])
def test_a_file_that_is_no_export_is_a_mistake(run, tmp_path, capsys, content):
    (tmp_path / "own.csv").write_text(content)
    assert main([str(tmp_path / "own.csv"), str(run.folder)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_no_run_is_a_mistake(tmp_path, capsys):
    assert main(["labels.csv", str(tmp_path / "none")]) == 2
    assert "no run" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["csv", "parquet", "json"])
def test_merged_and_renamed_classes_are_in_the_file_and_verified(run, tmp_path, capsys, format):
    merge = verdicts.change_class(run, ClassChange(2, into=3, reviewer="ann"))
    verdicts.change_class(run, ClassChange(4, name="four, or 'IV'", reviewer="ann"))
    table = corrected_labels(run)
    given = table["given_label"]
    assert (table.loc[(given == 2), "new_label"] == 3).all()
    assert set(table["given_name"]) == set("01234")
    assert "four, or 'IV'" in set(table["new_name"])
    assert not table.loc[given == 2, "is_label_issue"].any()  # no label was found wrong by it
    path = write_labels(tmp_path / f"l.{format}", table)
    assert main([str(path), str(run.folder)]) == 0
    file = read_labels(path, n_samples=60, class_names=list("01234"))
    assert file.class_names == ["0", "1", "2", "3", "four, or 'IV'"]
    assert np.array_equal(file.label, table["new_label"])
    verdicts.undo(run, [merge.id])
    capsys.readouterr()
    assert main([str(path), str(run.folder)]) == 1
    assert "DIFFERS: new_label" in capsys.readouterr().out
