"""The run folder: what is written is read back, and nothing that goes wrong takes it down."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from hmw_core import RunReader, RunWriter, list_runs
from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.log.layout import epoch_file
from hmw_core.log.schema import OUTPUT_COLUMNS, SAMPLES, SIGNALS
from tests.conftest import write_run

LOGITS = np.array([[3.0, 1.0, 0.5], [0.2, 2.0, 0.1], [0.0, 0.0, 4.0]], dtype=np.float32)
GIVEN = [0, 2, 2]


def create(folder: Path, **options) -> RunWriter:
    defaults = {"given_label": GIVEN, "n_classes": 3, "n_epochs": 3}
    return RunWriter.create(folder, **(defaults | options))


@pytest.fixture
def folder(tmp_path, tiny_folder) -> Path:
    """A copy of the tiny run that a test may break."""
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    return tmp_path / "tiny"


def test_the_files_have_the_columns_and_types_of_the_schema(tiny_folder):
    for file, columns in (
        ("samples.parquet", SAMPLES),
        ("signals/epoch-00001.parquet", SIGNALS),
    ):
        schema = pq.read_schema(tiny_folder / file)
        assert schema.names == [column.name for column in columns]
        for column in columns:
            assert schema.field(column.name).type == pa.type_for_alias(column.dtype)
    outputs = pq.read_schema(tiny_folder / "outputs/epoch-00001.parquet")
    imported = ["probabilities"]  # of sources that have no logits
    assert outputs.names + imported == [column.name for column in OUTPUT_COLUMNS]
    assert outputs.field("logits").type == pa.list_(pa.float16(), 5)


def test_duckdb_alone_reads_it(tiny_folder):
    rows = duckdb.sql(
        f"SELECT epoch, count(*), avg(loss) FROM '{tiny_folder}/signals/*.parquet' "
        "GROUP BY epoch ORDER BY epoch"
    ).fetchall()
    assert [row[:2] for row in rows] == [(1, 60), (2, 60), (3, 60), (4, 60)]


def test_signals_are_sorted_by_given_label_then_sample(tiny_folder):
    table = pq.read_table(tiny_folder / "signals/epoch-00002.parquet").to_pandas()
    keys = list(zip(table["given_label"], table["sample_id"], strict=True))
    assert keys == sorted(keys)


@pytest.mark.parametrize("kind", ["numpy", "torch", "bfloat16"])
def test_record_in_shuffled_batches_from_numpy_or_torch(tmp_path, kind):
    writer = create(tmp_path / "r")
    for batch in ([2, 0], [1]):
        logits = LOGITS[batch]
        ids = np.array(batch)
        if kind != "numpy":
            logits, ids = torch.tensor(logits, requires_grad=True), torch.tensor(batch)
        if kind == "bfloat16":
            logits = logits.bfloat16()
        writer.record(ids, logits=logits)
    writer.end_epoch(1)
    writer.finish()
    run = RunReader(tmp_path / "r")
    found = run.signals(["given_logit", "other_logit", "topk_logit", "predicted_label"])
    tolerance = 1e-2 if kind == "bfloat16" else 1e-6
    np.testing.assert_allclose(found["given_logit"], [3.0, 0.1, 4.0], rtol=tolerance)
    np.testing.assert_allclose(found["other_logit"], [1.0, 2.0, 0.0], rtol=tolerance)
    np.testing.assert_allclose(found["topk_logit"], [0.5, 0.2, 0.0], rtol=tolerance)
    assert found["predicted_label"].tolist() == [0, 1, 2]
    stored = np.stack(run.outputs(["logits"])["logits"].to_list())
    np.testing.assert_allclose(stored, LOGITS, rtol=1e-2)


def test_a_loss_that_is_given_is_kept_and_a_missing_one_is_cross_entropy(tmp_path):
    with create(tmp_path / "r") as writer:
        writer.record([0, 1, 2], logits=LOGITS, loss=[7.0, 8.0, 9.0])
        writer.end_epoch(1)
        writer.record([0, 1, 2], logits=LOGITS)
        writer.end_epoch(2)
    loss = RunReader(tmp_path / "r").signals(["loss"]).set_index(["epoch", "sample_id"])["loss"]
    assert loss[1].tolist() == [7.0, 8.0, 9.0]
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(LOGITS), torch.tensor(GIVEN), reduction="none"
    )
    np.testing.assert_allclose(loss[2], expected, rtol=1e-5)


def test_the_last_of_several_passes_in_an_epoch_counts(tmp_path):
    with create(tmp_path / "r") as writer:
        writer.record([0, 1, 2], logits=LOGITS)
        writer.record([0], logits=10 * LOGITS[:1])
        writer.end_epoch(1)
    found = RunReader(tmp_path / "r").signals(["given_logit"], sample_id=0)
    assert found["given_logit"].tolist() == [30.0]


def test_a_sample_missed_in_an_epoch_is_null_not_zero(tmp_path):
    with create(tmp_path / "r") as writer:
        writer.record([0, 2], logits=LOGITS[[0, 2]])
        writer.end_epoch(1)
    table = pq.read_table(tmp_path / "r/signals/epoch-00001.parquet").to_pandas()
    row = table.set_index("sample_id").loc[1]
    assert row.drop(["epoch", "given_label"]).isna().all()
    assert RunReader(tmp_path / "r").metrics()["train_accuracy"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("keep", "columns"), [("topk", {"top_label", "top_logit"}), ("none", None)]
)
def test_outputs_can_be_fewer(tmp_path, keep, columns):
    with create(tmp_path / "r", outputs=keep) as writer:
        writer.record([0, 1, 2], logits=LOGITS)
        writer.end_epoch(1)
    file = tmp_path / "r/outputs/epoch-00001.parquet"
    if columns is None:
        assert not file.exists()
    else:
        table = pq.read_table(file).to_pandas()
        assert columns < set(table.columns)
        top = table.set_index("sample_id")["top_label"].map(list)
        assert top[1] == [1, 0, 2]


def test_outputs_every_few_epochs_and_the_last(tmp_path):
    with create(tmp_path / "r", outputs_every=2) as writer:
        for epoch in (1, 2, 3):
            writer.record([0, 1, 2], logits=LOGITS)
            writer.end_epoch(epoch)
    assert sorted(p.name[6:11] for p in (tmp_path / "r/outputs").iterdir()) == ["00002", "00003"]


def test_logits_beyond_half_precision_stay_finite(tmp_path):
    with create(tmp_path / "r") as writer:
        writer.record([0, 1, 2], logits=LOGITS * 1e6)
        writer.end_epoch(1)
    logits = np.stack(RunReader(tmp_path / "r").outputs(["logits"])["logits"].to_list())
    assert np.isfinite(logits).all()
    assert logits.max() == np.finfo(np.float16).max


def test_a_nan_loss_stays_a_nan_and_is_left_out_of_the_mean(tmp_path):
    with create(tmp_path / "r") as writer:
        writer.record([0, 1, 2], logits=LOGITS, loss=[np.nan, 1.0, 1.0])
        writer.end_epoch(1)
    column = pq.read_table(tmp_path / "r/signals/epoch-00001.parquet")["loss"]
    assert column.null_count == 0
    metrics = RunReader(tmp_path / "r").metrics()
    assert metrics[["train_loss", "n_non_finite"]].to_numpy().tolist() == [[1.0, 1.0]]


def test_resuming_equals_no_interruption(tmp_path):
    whole = write_run(tmp_path / "whole")
    rng = np.random.default_rng(7)
    logits = rng.normal(size=(4, 60, 5)).astype(np.float32)

    def log(writer, epoch):
        writer.record(np.arange(60), logits=logits[epoch - 1], cosine=np.tanh(logits[epoch - 1]))
        writer.end_epoch(epoch)

    labels = RunReader(whole.folder).samples()
    options = {
        "given_label": labels["given_label"],
        "true_label": labels["true_label"].to_numpy(int),
        "n_classes": 5,
        "n_epochs": 4,
    }
    with RunWriter.create(tmp_path / "a", **options) as writer:
        for epoch in (1, 2, 3, 4):
            log(writer, epoch)
    with RunWriter.create(tmp_path / "b", **options) as writer:
        log(writer, 1)
        log(writer, 2)
    with RunWriter.resume(tmp_path / "b") as writer:
        assert writer.last_epoch == 2
        log(writer, 3)
        log(writer, 4)
    for epoch in (1, 2, 3, 4):
        a, b = (epoch_file(tmp_path / name, "signals", epoch).read_bytes() for name in "ab")
        assert a == b
    assert RunReader(tmp_path / "a").metrics().equals(RunReader(tmp_path / "b").metrics())


def test_resuming_from_an_earlier_epoch_rewrites_what_follows(folder):
    writer = RunWriter.resume(folder, last_epoch=2)
    writer.record(np.arange(60), logits=np.zeros((60, 5)))
    writer.end_epoch(3)
    writer.finish("stopped")
    assert RunReader(folder).epochs() == [1, 2, 3]
    assert RunReader(folder).signals(["given_logit"], epochs=[3])["given_logit"].eq(0).all()


def test_the_epoch_is_on_disk_when_after_is_called(tmp_path):
    seen = []
    with create(tmp_path / "r") as writer:
        writer.record([0, 1, 2], logits=LOGITS)
        writer.end_epoch(1, after=lambda: seen.extend(RunReader(tmp_path / "r").epochs()))
    assert seen == [1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"given_label": [0, 1, 3]}, "0..2"),
        ({"given_label": []}, "non-empty"),
        ({"given_label": [0.5, 1, 2]}, "whole numbers"),
        ({"true_label": [0, 1]}, "2 in true_label"),
        ({"class_names": ["a"]}, "1 class names"),
        ({"n_epochs": 0}, "n_epochs"),
        ({"outputs": "some"}, "outputs"),
        ({"k": 2}, "1..1"),
        ({"images": np.full((3, 4, 4), 2.0)}, "floats in 0..1"),
        ({"images": [b"no picture"] * 3}, "sample 2: no picture that Pillow reads"),
    ],
)
def test_what_create_refuses_in_one_sentence(tmp_path, options, words):
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        create(tmp_path / "r", **options)


def test_an_existing_folder_is_refused(tiny_folder):
    with pytest.raises(UsageError, match="exists already"):
        create(tiny_folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sample_id": [0, 3], "logits": LOGITS[:2]}, "0..2"),
        ({"sample_id": [0, -1], "logits": LOGITS[:2]}, "0..2"),
        ({"sample_id": [0], "logits": LOGITS}, "1 sample ids but 3 rows"),
        ({"sample_id": torch.tensor([5]), "logits": torch.tensor(LOGITS[:1])}, "0..2"),
    ],
)
def test_what_record_refuses(tmp_path, arguments, words):
    writer = create(tmp_path / "r")

    def log() -> None:
        writer.record(**arguments)
        writer.end_epoch(1)

    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        log()
    writer.finish("stopped")


def test_a_batch_that_is_changed_after_record_is_logged_as_it_was(tmp_path):
    arrays, tensors = LOGITS.copy(), torch.tensor(LOGITS)
    with create(tmp_path / "r") as writer:
        for epoch, logits in ((1, arrays), (2, tensors)):
            writer.record([0, 1, 2], logits=logits)
            logits[:] = 0.0
            writer.end_epoch(epoch)
    found = RunReader(tmp_path / "r").signals(["given_logit"])["given_logit"]
    np.testing.assert_allclose(found, [3.0, 0.1, 4.0] * 2, rtol=1e-6)


def test_epochs_come_in_order_and_hold_something(tmp_path):
    writer = create(tmp_path / "r")
    with pytest.raises(UsageError, match="nothing was recorded"):
        writer.end_epoch(1)
    writer.record([0, 1, 2], logits=LOGITS)
    with pytest.raises(UsageError, match="1 is the next one"):
        writer.end_epoch(2)
    with pytest.raises(UsageError, match="this batch has logits, loss"):
        writer.record([0, 1, 2], logits=LOGITS, loss=[0.0, 0.0, 0.0])
    writer.finish("stopped")


def test_logits_of_another_width_are_refused(tmp_path):
    writer = create(tmp_path / "r")
    with pytest.raises(UsageError, match=r"logits must have shape \(B, 3\), got \(3, 2\)"):
        writer.record([0, 1, 2], logits=LOGITS[:, :2])
    writer.finish("stopped")


def test_two_writers_do_not_share_a_run(tmp_path):
    writer = create(tmp_path / "r")
    with pytest.raises(UsageError, match="written by another process"):
        RunWriter.resume(tmp_path / "r")
    writer.finish("stopped")


def test_a_folder_that_cannot_be_written_in_mid_training_keeps_the_earlier_epochs(tmp_path):
    writer = create(tmp_path / "r")
    writer.record([0, 1, 2], logits=LOGITS)
    writer.end_epoch(1)
    writer.flush()
    (tmp_path / "r/signals").rename(tmp_path / "r/away")
    (tmp_path / "r/signals").write_text("in the way of the folder")
    writer.record([0, 1, 2], logits=LOGITS)
    writer.end_epoch(2)
    with pytest.raises(OSError, match="signals"):
        writer.flush()
    writer.finish("failed", "disk")
    (tmp_path / "r/signals").unlink()
    (tmp_path / "r/away").rename(tmp_path / "r/signals")
    run = RunReader(tmp_path / "r")
    assert (run.status, run.epochs()) == ("failed", [1])


def test_a_killed_run_counts_as_stopped_and_can_be_resumed(tmp_path):
    code = f"""
        import os, numpy as np
        from hmw_core import RunWriter
        w = RunWriter.create({str(tmp_path / "r")!r}, given_label=[0, 1, 2], n_classes=3,
                             n_epochs=3)
        w.record([0, 1, 2], logits=np.eye(3)); w.end_epoch(1); w.flush()
        w.record([0], logits=np.eye(3)[:1])
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == -9
    run = RunReader(tmp_path / "r")
    assert run.info["status"] == "running"
    assert run.status == "stopped"
    assert "without a word" in run.error
    with RunWriter.resume(tmp_path / "r") as writer:
        assert RunReader(tmp_path / "r").status == "running"
        writer.record([0, 1, 2], logits=LOGITS)
        writer.end_epoch(2)
    assert RunReader(tmp_path / "r").epochs() == [1, 2]


class TestDamage:
    """A damaged run is read as far as it is whole, and says why no further."""

    def test_truncated_epoch(self, folder):
        path = epoch_file(folder, "signals", 3)
        path.write_bytes(path.read_bytes()[:-50])
        run = RunReader(folder)
        assert run.epochs() == [1, 2]
        assert "epoch 3" in run.damage[0]
        assert "truncated" in run.damage[0]
        assert "epochs 4 to 4" in run.damage[1] or "not used" in run.damage[1]

    def test_missing_epoch(self, folder):
        epoch_file(folder, "signals", 2).unlink()
        assert RunReader(folder).epochs() == [1]
        assert "missing" in RunReader(folder).damage[0]

    def test_rows_of_another_run(self, folder, tmp_path):
        table = pq.read_table(epoch_file(folder, "signals", 4)).slice(0, 10)
        pq.write_table(table, epoch_file(folder, "signals", 4))
        assert "10 rows instead of 60" in RunReader(folder).damage[0]

    def test_half_written_files_are_not_seen(self, folder):
        (folder / "signals/.epoch-00005.parquet.1.part").write_bytes(b"PAR1")
        (folder / "signals/notes.txt").write_text("foreign")
        assert RunReader(folder).epochs() == [1, 2, 3, 4]
        assert RunReader(folder).damage == []

    def test_bytes_flipped_inside_an_epoch_are_one_sentence(self, folder):
        path = epoch_file(folder, "signals", 2)
        data = bytearray(path.read_bytes())
        data[10:2000] = os.urandom(1990)
        path.write_bytes(data)
        with pytest.raises(UsageError, match="damaged"):
            RunReader(folder).signals(["loss", "given_logit"])
        with pytest.raises(UsageError, match="damaged"):
            list(RunReader(folder).iterate(["loss", "given_logit"]))

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"format": 2}, "newer"),
            ({"format": "one"}, "no run of ours"),
            ({"status": "asleep"}, "asleep"),
        ],
    )
    def test_run_json(self, folder, change, words):
        info = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(info | change))
        with pytest.raises(UnreadableRun, match=words):
            RunReader(folder)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}'])
    def test_run_json_of_any_other_kind(self, folder, text):
        (folder / "run.json").write_text(text)
        with pytest.raises(UnreadableRun):
            RunReader(folder)

    def test_samples(self, folder):
        (folder / "samples.parquet").write_bytes(b"PAR1 and then nothing")
        with pytest.raises(UnreadableRun, match=r"samples\.parquet is damaged"):
            RunReader(folder)

    def test_the_list_names_what_cannot_be_read(self, folder):
        (folder.parent / "empty").mkdir()
        (folder.parent / "a file").write_text("")
        found = list_runs(folder.parent)
        assert found[0].name == "tiny"
        assert found[1][0] == "empty"
        assert "no run.json" in found[1][1]
        assert list_runs(folder / "nowhere") == []


def test_unknown_true_labels_are_null_and_so_is_is_mislabeled(unknown_run):
    samples = unknown_run.samples()
    assert not unknown_run.has_true_label
    assert samples["true_label"].isna().all()
    assert samples["is_mislabeled"].isna().all()
    assert not [c for c in unknown_run.metrics() if c.startswith("auroc")]


def test_partly_unknown_true_labels(tmp_path):
    with create(tmp_path / "r", true_label=[0, -1, 1]) as writer:
        writer.record([0, 1, 2], logits=LOGITS)
        writer.end_epoch(1)
    samples = RunReader(tmp_path / "r").samples()
    assert samples["is_mislabeled"].tolist()[::2] == [False, True]
    assert samples["is_mislabeled"].isna().tolist() == [False, True, False]


def test_images_live_once_per_data_set(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3), dtype=np.uint8)
    for name in "ab":
        create(tmp_path / name, images=images).finish()
    assert len(list((tmp_path / ".datasets").iterdir())) == 1
    run = RunReader(tmp_path / "b")
    assert list(run.images([2, 0, 99])) == [0, 2]
    import io

    from PIL import Image

    with Image.open(io.BytesIO(run.images([1])[1])) as picture:
        np.testing.assert_array_equal(np.asarray(picture), images[1])


def test_features_round_trip(tiny_run):
    found = tiny_run.features()
    assert (found.epoch, found.features.shape, found.class_vectors.shape) == (4, (60, 8), (5, 8))
    np.testing.assert_array_equal(found.class_vectors, np.eye(5, 8))
    with pytest.raises(UsageError, match="no features of epoch 1"):
        tiny_run.features(1)


def test_signals_of_a_sample_a_class_and_some_epochs(tiny_run):
    whole = tiny_run.signals(["loss", "margin", "given_label"])
    assert len(whole) == 4 * 60
    one = tiny_run.signals(["loss", "margin"], sample_id=7)
    expected = whole[whole["sample_id"] == 7].reset_index(drop=True)
    np.testing.assert_array_equal(one, expected[["epoch", "sample_id", "loss", "margin"]])
    part = tiny_run.signals(["loss"], given_label=2, epochs=[2, 4])
    assert part["epoch"].unique().tolist() == [2, 4]
    assert len(part) == 2 * (whole.query("epoch == 1")["given_label"] == 2).sum()
    with pytest.raises(UsageError, match="unknown signal 'los'"):
        tiny_run.signals(["los"])


def test_mean_signals_equal_a_group_by(tiny_run):
    samples = tiny_run.samples()
    groups = samples[["sample_id"]].assign(group=np.where(samples["is_mislabeled"], "bad", "good"))
    found = tiny_run.mean_signals(["margin", "loss"], groups).set_index(["group", "epoch"])
    whole = tiny_run.signals(["margin", "loss"]).merge(groups, on="sample_id")
    expected = whole.groupby(["group", "epoch"])[["margin", "loss"]].mean()
    np.testing.assert_allclose(found.loc[expected.index, ["margin", "loss"]], expected, rtol=1e-5)
    assert found.loc[("bad", 1), "n_samples"] == 6


def test_the_logged_hm_weight_equals_the_one_a_training_uses(tmp_path):
    from hmw_core.objective.weighting.hmw import HMWeighting

    rng = np.random.default_rng(3)
    cosine = torch.tensor(np.tanh(rng.normal(size=(4, 50, 6))), dtype=torch.float32)
    given = torch.tensor(rng.integers(0, 6, 50))
    weighting = HMWeighting(50, 4, alpha=20.0, beta=30.0, k=2)
    with RunWriter.create(
        tmp_path / "r", given_label=given.numpy(), n_classes=6, n_epochs=4, alpha=20, beta=30, k=2
    ) as writer:
        for epoch in (1, 2, 3, 4):
            for ids in torch.randperm(50).split(16):
                weight = weighting(cosine[epoch - 1, ids], given[ids], ids, epoch)
                writer.record(ids, cosine[epoch - 1, ids] * 5, cosine[epoch - 1, ids], None, weight)
            writer.end_epoch(epoch)
    found = RunReader(tmp_path / "r").signals(["hm_weight", "weight"])
    np.testing.assert_allclose(found["hm_weight"], found["weight"], rtol=1e-5)


def test_the_scores_kept_at_the_end_are_those_of_the_log(tiny_run):
    from hmw_core.criteria import CRITERIA, CRITERIA_VERSION, MAIN_CRITERIA
    from hmw_core.criteria.compute import compute_scores
    from hmw_core.criteria.kept import score_table

    kept = tiny_run.scores(4, CRITERIA_VERSION)
    np.testing.assert_array_equal(kept, compute_scores(tiny_run, MAIN_CRITERIA))
    assert kept.columns.tolist() == list(MAIN_CRITERIA)
    some = tiny_run.scores(4, CRITERIA_VERSION, ["tkum", "no such", "aum"])
    assert some.equals(kept[["aum", "tkum"]])
    assert tiny_run.scores(4, CRITERIA_VERSION, []).shape == (60, 0)
    one = score_table(tiny_run, ["iam", "aum"], given_label=1)
    np.testing.assert_array_equal(
        one, compute_scores(tiny_run, {n: CRITERIA[n] for n in ("iam", "aum")}, given_label=1)
    )
    assert tiny_run.scores(3, CRITERIA_VERSION) is None


def test_kept_scores_of_an_older_version_or_damaged_are_not_used(folder):
    from hmw_core.criteria import CRITERIA_VERSION

    assert RunReader(folder).scores(4, 999) is None
    assert RunReader(folder).scores(4, CRITERIA_VERSION) is not None
    epoch_file(folder, "scores", 4).write_bytes(b"PAR1")
    assert RunReader(folder).scores(4, CRITERIA_VERSION) is None


def test_resuming_drops_the_scores_of_epochs_that_are_run_again(folder):
    RunWriter.resume(folder, last_epoch=2).finish("stopped")
    assert [p.name for p in sorted((folder / "scores").iterdir())] == ["epoch-00002.parquet"]


def test_features_of_some_samples(tiny_run):
    whole, some = tiny_run.features(), tiny_run.features(sample_id=[41, 3])
    assert some.sample_id.tolist() == [3, 41]
    np.testing.assert_array_equal(some.features, whole.features[[3, 41]])


def test_the_size_of_a_chunk_decides_nothing(tmp_path, monkeypatch):
    folders = {}
    for chunk in (1, 100, 1 << 22):  # numbers: every batch, a few batches, the whole epoch
        monkeypatch.setattr("hmw_core.recording.collector.CHUNK", chunk)
        rng = np.random.default_rng(0)
        label = rng.integers(0, 4, 50)
        writer = RunWriter.create(
            tmp_path / str(chunk),
            given_label=label,
            true_label=label[::-1],
            n_classes=4,
            n_epochs=4,
        )
        for epoch in range(1, 5):
            rows = rng.permutation(50)[: 30 if epoch == 2 else 50]  # some are missed in epoch 2
            logits = rng.normal(size=(len(rows), 4)).astype(np.float32)
            for part in np.array_split(np.arange(len(rows)), 5):
                values = logits[part]
                writer.record(rows[part], values, cosine=np.tanh(values), weight=rows[part] / 50)
            writer.end_epoch(epoch)
        writer.finish()
        folders[chunk] = tmp_path / str(chunk)
    first, *others = folders.values()
    for folder in others:
        for epoch in range(1, 5):
            for kind in ("signals", "outputs"):
                tables = [pq.read_table(epoch_file(f, kind, epoch)) for f in (first, folder)]
                assert tables[0].equals(tables[1])
        pd.testing.assert_frame_equal(RunReader(first).metrics(), RunReader(folder).metrics())


def test_record_without_a_copy_keeps_the_arrays_themselves(tmp_path):
    values = {}
    for copy in (True, False):
        writer = RunWriter.create(
            tmp_path / str(copy), given_label=[0, 1, 2], n_classes=3, n_epochs=1
        )
        logits = np.eye(3, dtype=np.float32)
        writer.record(np.arange(3), logits, copy=copy)
        logits += 1
        writer.end_epoch(1)
        writer.finish()
        reader = RunReader(tmp_path / str(copy))
        values[copy] = reader.signals(["given_logit"])["given_logit"].tolist()
    assert values == {True: [1.0, 1.0, 1.0], False: [2.0, 2.0, 2.0]}
