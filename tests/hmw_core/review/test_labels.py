"""Corrected labels: what a row says, files that read back exactly, and files that are refused."""

import csv
import io
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from hmw_core.review.corrected_labels import corrected_labels, label_issues
from hmw_core.review.label_codec import FORMATS, decode, encode
from hmw_core.review.label_file import COLUMNS, PROVENANCE, encode_labels, read_table, write_labels
from hmw_core.review.label_reader import read_labels
from hmw_core.spreadsheet import guard, unguard
from tests.conftest import N_SAMPLES, write_run

FORMULAS = ["=1+2", "+1", "-1.5", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-2", "\uff1d1"]


@pytest.fixture
def judged(tmp_path) -> RunReader:
    """A run of its own in which some samples are judged."""
    write_run(tmp_path / "runs" / "judged", class_names=["=cat", "NA", "", 'a,b\n"c', "dog"])
    run = RunReader(tmp_path / "runs" / "judged")
    label = run.samples()["given_label"]
    said = [
        Verdict(0, "relabel", int(label[0]), 0, reviewer="=HYPERLINK(1)", note="-1\nwas 1"),
        Verdict(1, "keep", int(label[1]), reviewer="ann"),
        Verdict(2, "unsure", int(label[2])),
        Verdict(10, "relabel", int(label[10]), 4),
        Verdict(10, "relabel", int(label[10]), 0),  # the last one stands
        Verdict(20, "relabel", int(label[20]), 0),
        Verdict(30, "skip", int(label[30])),
    ]
    verdicts.append(run, said)
    verdicts.undo(run, [said[5].id])
    return run


def known(run) -> dict:
    return {
        "n_samples": run.n_samples,
        "class_names": run.class_names,
        "fingerprint": run.info["dataset"]["fingerprint"],
    }


def test_what_a_person_said_and_what_a_criterion_says_stay_apart(judged):
    table = corrected_labels(judged, n_flagged=6).set_index("sample_id")
    assert table.index.tolist() == list(range(N_SAMPLES))
    assert table.index[table["changed"]].tolist() == [0, 10]
    assert table.index[table["is_label_issue"]].tolist() == [0, 10]
    assert table["new_label"][[0, 10, 20]].tolist() == [0, 0, table["given_label"][20]]
    assert table["new_name"][0] == "=cat"
    assert table["verdict"].dropna().to_dict() == {
        0: "relabel", 1: "keep", 2: "unsure", 10: "relabel", 30: "skip",
    }  # fmt: skip
    # Every criterion separates the mislabeled ones of this run, judged or not.
    assert table.index[table["is_flagged"]].tolist() == [0, 10, 20, 30, 40, 50]
    assert corrected_labels(judged)["is_flagged"].isna().all()


@pytest.mark.parametrize("criterion", MAIN_CRITERIA)
def test_label_score_is_low_for_the_suspicious_whatever_the_criterion(tiny_run, criterion):
    table = corrected_labels(tiny_run, criterion)
    assert table["label_score"].between(0, 1).all()
    is_mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    assert table["label_score"][is_mislabeled].max() < table["label_score"][~is_mislabeled].min()
    ordered = table.sort_values("suspicion_rank")
    assert ordered["label_score"].is_monotonic_increasing
    assert ordered["score"].is_monotonic_increasing == (CRITERIA[criterion].higher_means == "clean")


def test_equal_scores_have_equal_label_scores_and_missing_ones_none(tmp_path):
    with RunWriter.create(tmp_path / "r", given_label=[0, 1, 0, 1], n_classes=2, n_epochs=1) as log:
        log.record(np.arange(3), np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
        log.end_epoch(1)
    table = corrected_labels(RunReader(tmp_path / "r"), "last_loss")
    assert table["label_score"].tolist()[:3] == [0.75, 0.0, 0.75]
    assert np.isnan(table["label_score"][3])
    assert pd.isna(table["suspicion_rank"][3])


def test_a_run_without_an_epoch_has_labels_and_no_scores(tmp_path):
    writer = RunWriter.create(tmp_path / "r", given_label=[0, 1, 2], n_classes=3, n_epochs=2)
    writer.finish("stopped", "by the test")
    run = RunReader(tmp_path / "r")
    table = corrected_labels(run)
    assert table["new_label"].tolist() == [0, 1, 2]
    assert table["score"].isna().all()
    for format in FORMATS:
        back = read_table(write_labels(tmp_path / f"l.{format}", table))
        pd.testing.assert_frame_equal(back, table)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("n_flagged", [None, 5])
def test_a_file_reads_back_as_it_was(judged, tmp_path, format, n_flagged):
    table = corrected_labels(judged, "last_loss", 3, n_flagged=n_flagged)
    path = write_labels(tmp_path / f"labels.{format}", table)
    back = read_table(path)
    pd.testing.assert_frame_equal(back, table)
    assert back.attrs == table.attrs
    file = read_labels(path, **known(judged))
    assert np.array_equal(file.label, table["new_label"])
    assert np.array_equal(file.changed, table["changed"])
    assert file.provenance == table.attrs["provenance"]


def in_words(true: str, false: str):
    """Return what a spreadsheet of another language makes of an export's rows."""
    words = {"true": true, "false": false}
    return lambda rows: [[words.get(cell, cell) for cell in row] for row in rows]


def with_commas(rows: list[list[str]]) -> list[list[str]]:
    numbers = {place for place, title in enumerate(rows[0]) if title in ("score", "label_score")}
    return [rows[0]] + [
        [cell.replace(".", ",") if place in numbers else cell for place, cell in enumerate(row)]
        for row in rows[1:]
    ]


def cut_short(rows: list[list[str]]) -> list[list[str]]:
    """Return rows without the empty cells at their ends, as old Excel saves some of them."""
    lengths = [max(i for i, cell in enumerate(row, start=1) if cell) for row in rows]
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]


SPREADSHEETS = {
    "as it was": ({}, list),
    "quoted": ({"quoting": csv.QUOTE_ALL}, list),
    "German": ({"delimiter": ";"}, lambda rows: with_commas(in_words("WAHR", "FALSCH")(rows))),
    "French": ({"delimiter": ";"}, in_words("VRAI", "FAUX")),
    "Spanish": ({"delimiter": ";"}, in_words("VERDADERO", "FALSO")),
    "Polish, of text": ({"delimiter": "\t", "encoding": "utf-16"}, in_words("PRAWDA", "FAŁSZ")),
    "empty columns and rows": (
        {"delimiter": ";"},
        lambda rows: [[*row, "", "", ""] for row in [*rows, [""] * len(rows[0])]],
    ),
    "rows cut short": ({}, cut_short),
    "own columns": ({}, lambda rows: [[*row, "mine", "x", "x"] for row in rows]),
    "sorted": ({}, lambda rows: [rows[0], *sorted(rows[1:], key=lambda row: row[-1] + row[5])]),
}


@pytest.mark.parametrize("case", SPREADSHEETS)
@pytest.mark.parametrize("n_flagged", [None, 6])
def test_an_export_comes_back_from_a_spreadsheet(judged, tmp_path, case, n_flagged):
    dialect, change = SPREADSHEETS[case]
    table = corrected_labels(judged, n_flagged=n_flagged)
    rows = list(csv.reader(io.StringIO(encode_labels(table, "csv").decode("utf-8-sig"))))
    path = tmp_path / "saved.csv"
    with path.open("w", newline="", encoding=dialect.get("encoding", "utf-8")) as file:
        options = {name: value for name, value in dialect.items() if name != "encoding"}
        csv.writer(file, **options).writerows(change(rows))
    found = read_labels(path, **known(judged))
    assert found.label.tolist() == table["new_label"].tolist()
    assert found.changed.tolist() == table["changed"].tolist()
    assert found.is_label_issue.tolist() == table["is_label_issue"].tolist()
    assert (found.is_flagged is None) == (n_flagged is None)
    assert found.provenance["n_flagged"] == n_flagged
    back = read_table(path).sort_values("sample_id", ignore_index=True)
    assert back["label_score"].tolist() == table["label_score"].tolist()
    assert back["changed"].tolist() == table["changed"].tolist()


def test_provenance_says_run_criterion_epochs_and_program(judged, tmp_path):
    said = corrected_labels(judged, "iam", 3).attrs["provenance"]
    assert tuple(said) == PROVENANCE
    assert said["run"] == "judged"
    assert said["fingerprint"] == judged.info["dataset"]["fingerprint"]
    assert (said["first_epoch"], said["last_epoch"], said["n_verdicts"]) == (1, 3, 5)
    assert corrected_labels(judged, "last_loss", 3).attrs["provenance"]["first_epoch"] == 3
    table = corrected_labels(judged)
    parquet = write_labels(tmp_path / "l.parquet", table)
    assert json.loads(pq.read_schema(parquet).metadata[b"hmw_labels"])["run"] == "judged"
    assert pd.read_parquet(parquet).attrs["hmw_labels"]["criterion"] == "iam"
    whole = json.loads(write_labels(tmp_path / "l.json", table).read_text())
    assert whole["provenance"]["criterion"] == "iam"
    assert len(whole["samples"]) == N_SAMPLES
    rows = pd.read_csv(write_labels(tmp_path / "l.csv", table))
    assert set(rows["criterion"]) == {"iam"}
    assert rows["sample_id"].tolist() == list(range(N_SAMPLES))
    assert rows["score"].dtype == np.float64


def test_no_cell_of_a_csv_runs_as_a_formula(judged):
    content = encode_labels(corrected_labels(judged, "aum"), "csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert rows[0]["new_name"] == "'=cat"
    assert rows[0]["reviewer"] == "'=HYPERLINK(1)"
    assert rows[0]["note"] == "'-1\nwas 1"
    negative = [row["score"] for row in rows if row["score"].startswith("-")]
    assert negative  # margins of mislabeled samples: numbers, which stay numbers
    for row in rows:
        for name, cell in row.items():
            if name not in ("score",):
                assert not cell.startswith(tuple("=+-@\t\r")), (name, cell)


@given(st.text() | st.sampled_from(FORMULAS))
def test_guarding_a_text_is_undone_exactly(text):
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))


TEXTS = st.none() | st.text() | st.sampled_from([*FORMULAS, "NA", "null", "", " ", "1.0", "true"])
NUMBERS = st.none() | st.floats(allow_nan=False)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(TEXTS, NUMBERS, st.none() | st.booleans()), min_size=1, max_size=8),
    run=st.text() | st.sampled_from(FORMULAS),
    format=st.sampled_from(FORMATS),
)
def test_any_text_and_number_survives_every_format(rows, run, format):
    texts, numbers, truths = zip(*rows, strict=True)
    kinds = {"text": pa.string(), "number": pa.float64(), "truth": pa.bool_(), "whole": pa.int64()}
    columns = [texts, numbers, truths, range(len(rows))]
    table = pa.table(
        {name: pa.array(c, k) for (name, k), c in zip(kinds.items(), columns, strict=True)}
    )
    said = {"format": 1, "run": run, "commit": None}
    back, provenance = decode(encode(table, said, format), "file", tuple(said))
    assert {name: back[name].cast(kind).to_pylist() for name, kind in kinds.items()} == (
        table.to_pydict()
    )
    assert provenance | {"format": int(provenance["format"])} == said


CLASSES = ["cat", "dog", "=bird"]
OWN = {
    "numbers": "sample_id,new_label\n2,0\n0,1\n1,2\n",
    "names": "sample_id,new_label\n2,cat\n0,dog\n1,=bird\n",
    "name column": "new_name,sample_id\ncat,2\ndog,0\n=bird,1\n",
    "label": "sample_id,label\n0,1\n1,2\n2,0\n",
    "excel of Germany": "\ufeffsample_id;new_label\r\n2;0\r\n0;1\r\n1;2\r\n",
    "tabs": "sample_id\tnew_label\n0\t1.0\n1\t2.0\n2\t0.0\n",
    "json": '[{"sample_id": 2, "new_label": "cat"}, {"sample_id": 0, "new_label": "dog"},'
    ' {"sample_id": 1, "new_label": "=bird"}]',
    "both": "sample_id,new_label,new_name\n0,1,dog\n1,2,=bird\n2,0,cat\n",
}


@pytest.mark.parametrize("case", OWN)
def test_a_file_of_ones_own_is_read(tmp_path, case):
    path = tmp_path / "own.txt"
    path.write_bytes(OWN[case].encode())
    file = read_labels(path, n_samples=3, class_names=CLASSES, fingerprint="abc")
    assert file.label.tolist() == [1, 2, 0]
    assert file.provenance == {}
    with pytest.raises(UsageError, match="no column 'given_label'"):
        _ = file.is_suspect


def test_a_parquet_of_ones_own_is_read_with_categories(tmp_path):
    frame = pd.DataFrame(
        {"sample_id": [0, 1, 2], "new_label": pd.Categorical(["dog", "cat", "dog"])}
    )
    frame.to_parquet(tmp_path / "own.parquet")
    file = read_labels(tmp_path / "own.parquet", n_samples=3, class_names=CLASSES)
    assert file.label.tolist() == [1, 0, 1]


REFUSED = {
    "empty": ("", "is empty"),
    "no table": ("sample_id,new_label\n1,2,3\n", "has 3 cells in line 1 .* which has 2"),
    "binary": (b"\x00\xff\xfe\x01", "is not text in UTF-8"),
    "workbook": (b"PK\x03\x04rest", "is a workbook; save its sheet as CSV"),
    "broken json": ('{"samples": [', "is no table of labels"),
    "other json": ('{"a": 1}', "must hold a list of objects"),
    "deep json": ("[" * 100_000, "is no table of labels|must hold"),
    "a file of numpy": (b"\x93NUMPY\x01\x00", "is a file of arrays; save its labels as CSV"),
    "an old workbook": (b"\xd0\xcf\x11\xe0rest", "is a workbook; save its sheet as CSV"),
    "of Windows": (b"sample_id,new_label\n0,\xe4\n", r"not text in UTF-8 \(line 2\); save it"),
    "torn parquet": (b"PAR1\x00\x00", "is no table of labels"),
    "columns": ("id,label\n0,1\n", "needs the columns 'sample_id' and one of"),
    "column twice": ("sample_id,new_label,new_label\n0,1,1\n", "two columns called 'new_label'"),
    "unknown name": ("sample_id,new_label\n0,1\n1,2\n2,cow\n", "'cow', which is no class|'1'"),
    "unknown number": ("sample_id,new_label\n0,1\n1,2\n2,3\n", "of sample 2 is 3, .* 0\\.\\.2"),
    "negative": ("sample_id,new_label\n0,1\n1,-1\n2,1\n", "of sample 1 is -1"),
    "huge": ("sample_id,new_label\n0,1\n1,99999999999999999999\n2,1\n", "is no class"),
    "no label": ("sample_id,new_label\n0,1\n1,\n2,1\n", "of sample 1 is empty"),
    "half a label": ("sample_id,new_label\n0,1\n1,1.5\n2,1\n", "is no class"),
    "twice": ("sample_id,new_label\n0,1\n1,1\n1,2\n", "names sample 1 more than once"),
    "missing": ("sample_id,new_label\n0,1\n2,1\n", "leaves out 1 of 3 samples, sample 1 first"),
    "too many": ("sample_id,new_label\n0,1\n1,1\n2,1\n3,1\n", "names sample 3, but .* 0\\.\\.2"),
    "no id": ("sample_id,new_label\n0,1\n,1\n2,1\n", "a sample_id is None"),
    "text id": ("sample_id,new_label\n0,1\none,1\n2,1\n", "a sample_id is 'one'"),
    "at odds": ("sample_id,new_label,new_name\n0,1,dog\n1,0,dog\n2,0,cat\n", "sample 1 disagree"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_trusted_is_refused_in_one_sentence(tmp_path, case):
    content, sentence = REFUSED[case]
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=sentence) as refusal:
        read_labels(path, n_samples=3, class_names=CLASSES)
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_no_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError, match=r"no file of labels|cannot be read"):
            read_labels(path, n_samples=3, class_names=CLASSES)


def test_numbers_as_names_are_not_guessed(tmp_path):
    (tmp_path / "l.csv").write_text("sample_id,label\n0,1\n1,2\n")
    with pytest.raises(UsageError, match="called by numbers"):
        read_labels(tmp_path / "l.csv", n_samples=2, class_names=["1", "2", "3"])
    (tmp_path / "n.csv").write_text("sample_id,new_name\n0,1\n1,2\n")
    file = read_labels(tmp_path / "n.csv", n_samples=2, class_names=["1", "2", "3"])
    assert file.label.tolist() == [0, 1]


@pytest.mark.parametrize("format", FORMATS)
def test_labels_of_another_data_set_are_refused(judged, tmp_path, format):
    path = write_labels(tmp_path / f"l.{format}", corrected_labels(judged))
    with pytest.raises(UsageError, match="another data set, or of another split"):
        read_labels(path, **known(judged) | {"fingerprint": "0123456789abcdef"})


def test_two_exports_in_one_file_and_a_newer_format_are_refused(judged, tmp_path):
    text = encode_labels(corrected_labels(judged), "csv").decode()
    (tmp_path / "mix.csv").write_text(text.replace('"iam"', '"aum"', 1))
    with pytest.raises(UsageError, match="mixes two exports: 'criterion'"):
        read_labels(tmp_path / "mix.csv", **known(judged))
    table = corrected_labels(judged)
    table.attrs["provenance"]["labels_format"] = 99
    path = write_labels(tmp_path / "new.parquet", table)
    with pytest.raises(UsageError, match="format 99, newer than this program"):
        read_labels(path, **known(judged))


def test_suspects_are_the_relabeled_and_the_flagged_that_nobody_kept(judged, tmp_path):
    label = judged.samples()["given_label"]
    verdicts.append(judged, [Verdict(40, "keep", int(label[40]))])
    path = write_labels(tmp_path / "l.csv", corrected_labels(judged, n_flagged=6))
    file = read_labels(path, **known(judged))
    assert np.flatnonzero(file.is_suspect).tolist() == [0, 10, 20, 30, 50]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"criterion": "magic"}, "unknown criterion 'magic'"),
        ({"epoch": 99}, r"has the epochs 1\.\.4, not 99"),
        ({"n_flagged": -1}, r"must be 0\.\.60, got -1"),
    ],
)
def test_wrong_questions_are_refused(tiny_run, arguments, sentence):
    with pytest.raises(UsageError, match=sentence):
        corrected_labels(tiny_run, **arguments)


def test_a_wrong_ending_is_refused_before_anything_is_written(tiny_run, tmp_path):
    with pytest.raises(UsageError, match=r"must end in one of \.csv, \.parquet, \.json"):
        write_labels(tmp_path / "labels.xlsx", corrected_labels(tiny_run))
    assert not list(tmp_path.iterdir())


def test_every_column_is_explained(tiny_run):
    assert list(corrected_labels(tiny_run).columns) == list(COLUMNS)
    assert all(meaning for _, meaning in COLUMNS.values())


def test_label_issues_speak_cleanlabs_names(tiny_run):
    issues = label_issues(tiny_run, "aum", n_flagged=6)
    assert {"is_label_issue", "label_score", "given_label", "predicted_label"} <= set(issues)
    worst = issues["label_score"].nsmallest(6).index
    samples = tiny_run.samples().set_index("sample_id")
    assert samples.loc[worst, "is_mislabeled"].all()  # lower is worse
    assert set(issues.index[issues["is_flagged"].astype(bool)]) == set(worst)
    assert not issues["is_label_issue"].any()  # nobody has judged


def test_two_classes_of_one_name_in_an_old_run(tmp_path):
    """New runs are refused; of old ones the export has both number and name."""
    classes = ["crane", "crane", "owl"]
    both = "sample_id,new_label,new_name\n0,1,crane\n1,0,crane\n2,2,owl\n"
    (tmp_path / "l.csv").write_text(both)
    assert read_labels(tmp_path / "l.csv", n_samples=3, class_names=classes).label.tolist() == (
        [1, 0, 2]
    )
    (tmp_path / "n.csv").write_text("sample_id,new_name\n0,crane\n1,owl\n2,owl\n")
    with pytest.raises(UsageError, match="two classes are called 'crane', so 'new_name' does not"):
        read_labels(tmp_path / "n.csv", n_samples=3, class_names=classes)


def test_a_parquet_file_with_text_that_is_none_is_refused(tmp_path):
    names = pa.array([b"cat", b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"sample_id": [0, 1], "new_name": names}), tmp_path / "l.parquet")
    with pytest.raises(UsageError, match="is no table of labels"):
        read_labels(tmp_path / "l.parquet", n_samples=2, class_names=CLASSES)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "l.csv")
    with pytest.raises(UsageError, match="it is no file"):
        read_labels(tmp_path / "l.csv", n_samples=2, class_names=CLASSES)


def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused_by_its_metadata(tmp_path):
    n = 1 << 20
    part = pa.table({"sample_id": np.zeros(n, np.int64), "new_label": np.zeros(n, np.int64)})
    with pq.ParquetWriter(tmp_path / "bomb.parquet", part.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(part)
    before = pa.total_allocated_bytes()
    with pytest.raises(UsageError, match=r"bytes unpack to 335,544,320, so it is not read"):
        read_labels(tmp_path / "bomb.parquet", n_samples=3, class_names=["a", "b"])
    assert pa.total_allocated_bytes() - before < 1 << 20
