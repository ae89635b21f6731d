"""Folders that are no sound run: each gives a reason that names what is wrong, and soon."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hmw_core import RunReader, RunWriter, list_runs
from hmw_core.criteria.over_epochs import OVER
from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.log import files, layout, verdicts
from hmw_core.log.cache import kept_table
from hmw_core.log.schema import OVER_EPOCHS

GOLDEN = Path(__file__).parents[2] / "golden" / "format-1"


@pytest.fixture
def folder(tmp_path):
    """Return a copy of a run of 240 samples, 10 classes and 4 epochs."""
    return shutil.copytree(GOLDEN, tmp_path / "runs" / "run")


def edit(folder: Path, where: str, value: object) -> None:
    info = inner = json.loads((folder / "run.json").read_text())
    *parents, name = where.split(".")
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    (folder / "run.json").write_text(json.dumps(info))


def put(path: Path, kind: str) -> None:
    """Put something that is no sound file in a file's place."""
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.symlink_to({"zero": "/dev/zero", "gone": "nobody@nowhere", "loop": path.name}[kind])


KINDS = ("fifo", "folder", "huge", "zero", "gone", "loop")


def reason(folder: Path) -> str:
    with pytest.raises(UnreadableRun) as caught:
        RunReader(folder)
    listed = list_runs(folder.parent)
    assert listed == [(files.shown(folder.name), str(caught.value))]
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("dataset", None, "dataset is None, not an object"),
        ("dataset.n_samples", "240", "dataset.n_samples is '240', not a whole number"),
        ("dataset.n_samples", 240.0, "dataset.n_samples is 240.0, not a whole number"),
        ("dataset.n_samples", True, "dataset.n_samples is True"),
        ("dataset.n_samples", 241, "samples.parquet is damaged: it has 240 rows instead of 241"),
        ("dataset.n_classes", 10**9, "dataset.n_classes is 1000000000"),
        ("dataset.n_classes", 10**6, "it has 1,000,000 classes but 10 class names"),
        ("dataset.class_names", ["a", "b", "c"], "it has 10 classes but 3 class names"),
        ("dataset.class_names", [[]] * 10, "dataset.class_names is [], not a text"),
        ("dataset.class_names", "0123456789", "dataset.class_names is '0123456789', not a list"),
        ("dataset.fingerprint", "../../secret", "not 16 hexadecimal digits"),
        ("dataset.fingerprint", "856e547e997b2aaf\n", "not 16 hexadecimal digits"),
        ("dataset.fingerprint", "856E547E997B2AAF", "not 16 hexadecimal digits"),
        ("dataset.fingerprint", {}, "not 16 hexadecimal digits"),
        ("dataset.name", 7, "dataset.name is 7, not a text"),
        ("weighting", [], "weighting is [], not an object"),
        ("weighting.k", 9, "weighting.k is 9"),
        ("weighting.alpha", float("nan"), "NaN is no number"),
        ("n_epochs", "12", "n_epochs is '12'"),
        ("n_epochs", 10**12, "n_epochs is 1000000000000"),
        ("created", 2026, "created is 2026, not a text"),
        ("recipe", 7, "recipe is 7"),
        ("error", True, "error is True"),
        ("error", "\ud800", "half a surrogate pair"),
        ("noise", "x", "noise is 'x', not an object"),
        ("noise.rate", "half", "noise.rate is 'half'"),
        ("noise.transition_matrix", [[0.5, "x"]], "noise.transition_matrix is 'x'"),
        ("absent", "x", "absent is 'x'"),
        ("absent", {"loss": 3}, "absent is 3, not a text"),
        ("networks", 10**9, "networks is 1000000000"),
        ("pass", "both", "pass is 'both'"),
        ("warnings", [{"text": "dark", "sample_id": [240]}], "warnings.sample_id is 240"),
        ("method_state", [{"name": "../x"}], "method_state.name is '../x'"),
        ("config", [], "config is []"),
        ("format", True, "no `format` number"),
    ],
)
def test_run_json_is_checked_field_by_field(folder, field, value, words):
    edit(folder, field, value)
    assert words in reason(folder)


@pytest.mark.parametrize("name", ["class_names", "n_samples", "fingerprint"])
def test_a_field_that_is_missing_is_named(folder, name):
    info = json.loads((folder / "run.json").read_text())
    del info["dataset"][name]
    (folder / "run.json").write_text(json.dumps(info))
    assert f"it lacks dataset.{name}" in reason(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 200_000, "nested too deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "nested too deep"),
        ('{"format": 1, "n_epochs": 1e999}', "lacks"),
        ('{"format": ' + "9" * 10_000 + "}", "damaged"),
        ("\x00\xff", "damaged"),
        ("[" + "{}," * 3_000_000 + "{}]", "too many parts"),
    ],
)
def test_json_that_is_no_object_of_ours(folder, text, words):
    (folder / "run.json").write_bytes(text.encode("latin-1"))
    assert words in reason(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["run.json", "samples.parquet"])
def test_only_regular_files_of_a_sensible_size_are_read(folder, name, kind):
    put(folder / name, kind)
    assert reason(folder).startswith(f"run: {name} ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["signals/epoch-00002.parquet", "metrics/epoch-00002.json"])
def test_an_epoch_that_is_no_regular_file_ends_the_epochs(folder, part, kind):
    put(folder / part, kind)
    run = RunReader(folder)
    assert run.epochs() == [1]
    assert run.damage[0].startswith(f"epoch 2: its {part.partition('/')[0]} file ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", [".lock", ".#notes", "verdicts.jsonl", "cache", "features/epoch-00004.parquet"]
)
def test_what_a_run_can_be_without_costs_only_itself(folder, name, kind):
    put(folder / name, kind)
    run = RunReader(folder)
    assert run.epochs() == [1, 2, 3, 4]
    assert run.status == "finished"
    log = verdicts.read(run)
    assert log.table.empty
    assert bool(log.damage) == (name == "verdicts.jsonl" and kind != "gone")
    if name.startswith("features"):
        with pytest.raises(UsageError, match=r"epoch-00004\.parquet (cannot be read|is)"):
            run.features()


@pytest.mark.parametrize("kind", ["fifo", "folder", "huge", "zero", "loop"])
def test_a_verdict_is_not_written_into_what_is_no_regular_file(folder, kind):
    put(folder / "verdicts.jsonl", kind)
    run = RunReader(folder)
    with pytest.raises(UsageError, match="not kept"):
        verdicts.append(run, [verdicts.Verdict(0, "keep", int(run.samples()["given_label"][0]))])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{}", "no row of epoch 2"),
        ('"text"', "no row of epoch 2"),
        ("[2]", "no row of epoch 2"),
        ('{"epoch": Infinity}', "Infinity is no number"),
        ('{"epoch": 3}', "no row of epoch 2"),
        ('{"epoch": 2, "train_loss": "x"}', "its train_loss is a text"),
        ('{"epoch": 2, "test_accuracy": 1e999}', "its test_accuracy is not finite"),
        ('{"epoch": 2, "auroc_iam": {}}', "its auroc_iam is neither a number nor a text"),
        ('{"epoch": 2, "mine": ' + "9" * 400 + "}", "its mine is not finite"),
        ("[" * 200_000, "nested too deep"),
    ],
)
def test_a_row_of_metrics_is_checked(folder, row, words):
    (folder / "metrics" / "epoch-00002.json").write_text(row)
    run = RunReader(folder)
    assert words in run.damage[0]
    assert run.metrics()["epoch"].tolist() == [1]


def test_an_epoch_past_the_last_is_not_used(folder):
    edit(folder, "n_epochs", 3)
    run = RunReader(folder)
    assert run.epochs() == [1, 2, 3]
    assert run.damage == ["epoch 4: it is past the 3 of run.json"]


def test_a_method_may_log_texts_of_its_own(folder):
    path = folder / "metrics" / "epoch-00002.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"stage": "main", "note": "x"}))
    run = RunReader(folder)
    assert run.damage == []
    assert run.metrics()["stage"].tolist()[1] == "main"


def test_names_that_are_nearly_ours_are_no_epochs(folder):
    for name in ("epoch-².json", "epoch-1.json", "epoch-00009.txt", ".epoch-00009.json.1.part"):
        (folder / "metrics" / name).write_text("{}")
    (folder / "signals" / os.fsdecode(b"epoch-\xff.parquet")).touch()
    run = RunReader(folder)
    assert run.epochs() == [1, 2, 3, 4]
    assert run.damage == []


def rewritten(path: Path, name: str, values: pa.Array) -> None:
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("given_label", pa.array([99] * 240, pa.int32()), "given_label is not in 0..9"),
        ("given_label", pa.array([-1] * 240, pa.int32()), "given_label is not in 0..9"),
        ("given_label", pa.nulls(240, pa.int32()), "given_label is not in 0..9"),
        ("given_label", pa.array(["cat"] * 240), "given_label holds string, not int32"),
        ("given_label", pa.array([0.5] * 240), "given_label holds double, not int32"),
        ("true_label", pa.array([10] * 240, pa.int32()), "true_label is not in 0..9"),
        ("sample_id", pa.array([0] * 240, pa.int32()), "sample_id does not count from 0"),
        ("source", pa.array([1] * 240), "source holds int64, not string"),
    ],
)
def test_the_values_of_samples_are_checked(folder, name, values, words):
    rewritten(folder / "samples.parquet", name, values)
    assert words in reason(folder)


def test_a_column_twice_and_a_column_of_another_type_end_the_epochs(folder):
    path = folder / "signals" / "epoch-00003.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("loss", table["loss"]), path)
    assert "it has the column loss twice" in RunReader(folder).damage[0]
    pq.write_table(table.set_column(3, "loss", pa.array(["x"] * 240)), path)
    assert "its column loss holds string, not float32" in RunReader(folder).damage[0]


@pytest.mark.parametrize("name", ["predicted_label", "other_label"])
def test_a_class_that_does_not_exist_is_refused_when_it_is_read(folder, name):
    rewritten(folder / "signals/epoch-00002.parquet", name, pa.array([2**31 - 1] * 240, pa.int32()))
    run = RunReader(folder)
    for ask in (lambda: run.signals([name]), lambda: run.epoch_columns(2, [name])):
        with pytest.raises(UsageError, match=rf"its {name} is not in 0\.\.9 throughout"):
            ask()


def test_labels_of_another_data_set_of_the_same_size_are_noticed(folder):
    """Files by epoch are sorted by label: under other labels, rows would be other samples'."""
    labels = pq.read_table(folder / "samples.parquet")["given_label"].to_numpy()
    rewritten(folder / "samples.parquet", "given_label", pa.array((labels + 1) % 10, pa.int32()))
    run = RunReader(folder)
    words = "its samples are not those of samples.parquet"
    for ask in (
        lambda: run.epoch_columns(1, ["loss"]),
        lambda: run.epoch_columns(1, ["loss"], given_label=3),
        lambda: run.signals(["loss"], given_label=3),
        lambda: run.signals(["loss"], sample_id=[0, 1]),
    ):
        with pytest.raises(UsageError, match=words):
            ask()


def test_outputs_of_other_samples_or_classes_are_refused(folder):
    path = folder / "outputs" / "epoch-00001.parquet"
    table = pq.read_table(path)
    rewritten(path, "sample_id", pa.array([7] * 240, pa.int32()))
    with pytest.raises(UsageError, match="a sample twice"):
        RunReader(folder).outputs()
    rewritten(path, "sample_id", pa.array(np.arange(240) + 5, pa.int32()))
    with pytest.raises(UsageError, match=r"sample_id is not in 0\.\.239"):
        RunReader(folder).epoch_columns(1, ["logits"])
    narrow = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(240 * 3, np.float16)), 3)
    pq.write_table(table.set_column(2, "logits", narrow), path)
    with pytest.raises(UsageError, match=r"not float16\[10\]"):
        RunReader(folder).outputs()


def test_rows_are_found_in_files_with_row_groups_of_another_size(folder):
    sound = RunReader(folder).epoch_columns(2, ["loss"], given_label=7)["loss"]
    path = folder / "signals" / "epoch-00002.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=17)
    np.testing.assert_array_equal(
        RunReader(folder).epoch_columns(2, ["loss"], given_label=7)["loss"], sound
    )


@pytest.mark.parametrize(
    ("n_samples", "words"),
    [
        (240, "it has 30,000,000 rows instead of 240"),
        (2**20 * 12, "too small"),
        (2**25, "not a whole"),
    ],
)
def test_a_bomb_is_refused_by_its_metadata(folder, n_samples, words):
    """Millions of rows in less than a megabyte, whether run.json says as many samples or not."""
    rows = min(n_samples, 2**20 * 12) if n_samples > 240 else 30_000_000
    part = pa.table(
        {
            "sample_id": pa.array(np.zeros(10**6, np.int32)),
            "given_label": pa.array(np.zeros(10**6, np.int32)),
            "true_label": pa.nulls(10**6, pa.int32()),
            "source": pa.nulls(10**6, pa.string()),
        }
    )
    with pq.ParquetWriter(folder / "samples.parquet", part.schema) as writer:
        while rows > 0:
            writer.write_table(part.slice(0, rows))
            rows -= len(part)
    assert (folder / "samples.parquet").stat().st_size < 10**6
    edit(folder, "dataset.n_samples", n_samples)
    before = pa.total_allocated_bytes()
    assert words in reason(folder)
    assert pa.total_allocated_bytes() - before < 10**6


def test_one_long_text_in_many_rows_is_refused(folder):
    n = 100_000
    texts = pa.DictionaryArray.from_arrays(np.zeros(n, "i4"), ["x" * 9000])  # 0.9 GB
    path = folder / "features" / "epoch-00004.parquet"
    pq.write_table(pa.table({"sample_id": np.arange(n), "source": texts}), path)
    assert path.stat().st_size < 10**6
    with pytest.raises(files.DamagedFile, match="unpack to 900,000,000"):
        files.read_table(path)
    few = pa.table({"source": texts.slice(0, 1000)})
    pq.write_table(few, path)
    assert files.read_table(path)["source"].to_pylist() == ["x" * 9000] * 1000


def test_a_name_that_is_no_text_is_a_reason_that_can_be_shown(folder):
    moved = os.fsencode(folder.parent) + b"/\xff-run"
    os.rename(folder, moved)
    said = reason(Path(os.fsdecode(moved)))
    assert said == "\ufffd-run: the folder's name is no UTF-8; rename it"


def test_odd_entries_beside_the_runs_cost_only_their_own_row(folder):
    runs = folder.parent
    (runs / "gone").symlink_to("nowhere")
    (runs / "loop").symlink_to("loop")
    (runs / "itself").symlink_to(".")
    os.mkfifo(runs / "fifo")
    (runs / "device").symlink_to("/dev/zero")
    (runs / "etc").symlink_to("/etc")
    found = list_runs(runs)
    assert found[0].name == "run"
    assert [name for name, _ in found[1:]] == ["etc", "itself"]


def test_whatever_else_opening_raises_is_the_reason(folder, monkeypatch):
    def out_of_memory(*_: object) -> None:
        raise MemoryError("no 8 GB")

    monkeypatch.setattr("hmw_core.log.reader.read_samples", out_of_memory)
    assert reason(folder) == "run cannot be read (MemoryError: no 8 GB)"


def test_a_foreign_fingerprint_never_leads_out(folder, tmp_path):
    """A run of somebody else could else show the pictures of any folder beside the runs."""
    secret = tmp_path / "secret" / "images.parquet"
    layout.write_table(secret, pa.table({"sample_id": pa.array([0], pa.int32()), "image": [b"x"]}))
    edit(folder, "dataset.fingerprint", "../../secret")
    assert "dataset.fingerprint" in reason(folder)


def test_what_a_run_cannot_say_of_itself_is_refused_when_it_is_made(tmp_path):
    labels = {"given_label": [0, 1], "n_classes": 2, "n_epochs": 1}
    with pytest.raises(UsageError, match=r"noise\.rate is '20 %', not a number from 0 to 1"):
        RunWriter.create(tmp_path / "r", **labels, noise={"name": "x", "rate": "20 %"})
    assert not (tmp_path / "r").exists()


def test_the_ways_of_drawing_epochs_together_are_those_of_the_criteria():
    assert tuple(OVER) == OVER_EPOCHS


def test_a_log_of_foreign_lines_is_read_in_bounded_time(folder):
    run = RunReader(folder)
    label = int(run.samples()["given_label"][0])
    verdicts.append(run, [verdicts.Verdict(0, "keep", label)])
    path = folder / "verdicts.jsonl"
    path.write_bytes(path.read_bytes() + b"x\n" * 300_000 + b"[" * (2 << 20) + b"\n")
    log = verdicts.read(run)
    assert log.current["verdict"].tolist() == ["keep"]
    assert "line 100002 was left out: too many lines before it" in log.damage[1]


def test_a_kept_table_of_other_content_is_computed_anew(folder):
    """Its key alone, which a stranger can copy, does not make it ours."""
    run = RunReader(folder)
    decides = {"version": 1}
    first = pd.DataFrame({"score": [0.5, 0.25]}, index=pd.RangeIndex(2, name="sample_id"))
    kept_table(run, "mine", decides, lambda: first)
    assert kept_table(run, "mine", decides, lambda: first * 7).equals(first)
    (path,) = (folder / "cache").glob("mine-*.parquet")
    rewritten(path, "score", pa.array([0.5, 0.75]))
    assert kept_table(run, "mine", decides, lambda: first * 7).equals(first * 7)


def test_kept_scores_of_other_samples_are_not_used(folder):
    path = folder / "scores" / "epoch-00004.parquet"
    version = int(pq.read_schema(path).metadata[b"hmw_criteria_version"])
    assert RunReader(folder).scores(4, version) is not None
    rewritten(path, "sample_id", pa.array(np.arange(240) + 1, pa.int32()))
    assert RunReader(folder).scores(4, version) is None
