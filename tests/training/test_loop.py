"""The loop: what it logs, how it ends, and that resume equals an unbroken run."""

import os
import shutil
import signal
import sys

import numpy as np
import pytest
import torch

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import layout
from tests.training.conftest import some_pictures, write_parquet
from training import checkpoint, loop
from training.loop import RunFailed, Training, resume, train
from training.stopping import Stopped

HMW = {"weighting": "hmw", "noise": "symmetric", "noise_rate": 0.5, "augment": "crop_flip"}
SIGNALS = ["given_label", "loss", "given_logit", "other_logit", "hm_slice", "hm_weight", "weight"]


def at_epoch(number, act, monkeypatch):
    """Call `act` with the writer when epoch `number` begins."""
    original = Training.run_epoch

    def run_epoch(self, epoch, writer, progress):
        if epoch == number:
            writer.flush()
            act(writer)
        return original(self, epoch, writer, progress)

    monkeypatch.setattr(Training, "run_epoch", run_epoch)


def assert_same_run(folder, other):
    first, second = RunReader(folder), RunReader(other)
    assert first.epochs() == second.epochs()
    for values in ("signals", "outputs"):
        columns = SIGNALS if values == "signals" else ["logits", "cosine"]
        mine, theirs = (getattr(run, values)(columns) for run in (first, second))
        for column in mine:
            both = np.stack(mine[column]), np.stack(theirs[column])
            assert np.array_equal(*both, equal_nan=True), column
    timing = ["seconds", "samples_per_second"]
    mine, theirs = (run.metrics().drop(columns=timing) for run in (first, second))
    assert mine.equals(theirs)
    mine, theirs = (run.features() for run in (first, second))
    assert np.array_equal(mine.features, theirs.features)
    assert np.array_equal(mine.class_vectors, theirs.class_vectors)
    mine, theirs = (checkpoint.load(f) for f in (folder, other))
    assert mine["method"].keys() == theirs["method"].keys()
    assert all(torch.equal(mine["method"][name], theirs["method"][name]) for name in mine["method"])


def test_logs_every_sample_of_every_epoch(trained):
    run = RunReader(trained(**HMW))
    assert run.status == "finished"
    assert run.epochs() == [1, 2, 3]
    signals = run.signals(SIGNALS)
    assert len(signals) == 3 * 96
    assert signals.notna().all(axis=None)
    metrics = run.metrics()
    assert metrics["test_accuracy"].between(0, 1).all()
    assert metrics["learning_rate"].tolist() == pytest.approx([0.02, 0.02, 0.002])
    assert (metrics["samples_per_second"] > 0).all()
    assert run.info["noise"]["mislabeled_fraction"] == run.samples()["is_mislabeled"].mean()
    assert run.info["config"]["noise_rate"] == 0.5
    assert len(run.images([0, 95])) == 2


def test_the_logged_hm_weight_is_the_weight_used(trained):
    signals = RunReader(trained(**HMW)).signals(["hm_weight", "weight"])
    assert np.allclose(signals["hm_weight"], signals["weight"], atol=1e-6)


def test_the_warm_up_uses_weight_one_and_logs_the_hm_weight(trained):
    run = RunReader(trained(**HMW, warmup_epochs=2, annealing_start=0))
    signals = run.signals(["hm_weight", "weight"])
    warm = signals["epoch"] <= 2
    assert (signals["weight"][warm] == 1).all()
    assert np.allclose(signals["hm_weight"][~warm], signals["weight"][~warm], atol=1e-6)
    assert (signals["hm_weight"][warm] < 1).any()


def test_one_forward_pass_serves_loss_weight_and_log(quick):
    config = quick(**HMW)
    training = Training(config, loop.load_data(config))
    passes, logged = [], []
    training.method.network.register_forward_hook(lambda *_: passes.append(1))
    for epoch in (1, 2, 3):
        training.train_epoch(
            epoch, lambda *_: None, lambda sample_id, log, **_: logged.append(len(sample_id))
        )
    assert len(passes) == len(logged) == 9
    assert sum(logged) == 3 * 96


def test_features_are_of_plain_pictures_in_order(trained, quick, monkeypatch):
    folder = trained(**HMW, features_at=(1, 3))
    run = RunReader(folder)
    assert run.feature_epochs() == [1, 3]
    config = quick(**HMW)
    training = Training(config, loop.load_data(config))
    checkpoint.restore(checkpoint.load(folder), training.method, folder)
    _, (images,) = next(training.train_source.batches(torch.arange(96), 96))
    out = training.method.predict(images)
    assert np.allclose(run.features(3).features, out.features.numpy(), rtol=1e-2, atol=1e-3)
    assert np.allclose(run.features(3).class_vectors, out.class_vectors.detach().numpy())


def test_same_seed_same_run(trained):
    assert_same_run(trained(run="a", **HMW), trained(run="b", **HMW))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_resumes_to_the_same_result(trained, quick, quiet, monkeypatch, number):
    unbroken = trained(run="unbroken", epochs=4, **HMW)
    config = quick(run="broken", epochs=4, **HMW)
    with monkeypatch.context() as patch:
        at_epoch(3, lambda _: os.kill(os.getpid(), number), patch)
        with pytest.raises(Stopped):
            train(config, quiet)
    stopped = RunReader(config.folder)
    assert stopped.status == "stopped"
    assert stopped.epochs() == [1, 2]
    resume(config.folder, quiet)
    assert RunReader(config.folder).status == "finished"
    assert_same_run(unbroken, config.folder)


def contents(folder):
    """What must be the same file by file: not what tells of the time it took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix == ".parquet"
    }


def test_a_resumed_folder_holds_the_same_files_as_an_unbroken_one(
    trained, quick, quiet, monkeypatch
):
    unbroken = trained(run="unbroken", features_at=(2, 3), **HMW)
    config = quick(run="broken", features_at=(2, 3), **HMW)
    with monkeypatch.context() as patch:
        at_epoch(3, lambda _: os.kill(os.getpid(), signal.SIGHUP), patch)
        with pytest.raises(Stopped, match="SIGHUP"):
            train(config, quiet)
    assert (config.folder / "scores/epoch-00002.parquet").exists()
    resume(config.folder, quiet)
    names = [{str(p.relative_to(f)) for p in f.rglob("*")} for f in (unbroken, config.folder)]
    assert names[0] == names[1]
    assert contents(unbroken) == contents(config.folder)


def test_a_folder_that_is_deleted_ends_its_training(quick, quiet, monkeypatch):
    config = quick(**HMW)
    at_epoch(2, lambda writer: shutil.rmtree(writer.folder), monkeypatch)
    with pytest.raises(RunFailed, match="the run folder .*/r was deleted or moved away"):
        train(config, quiet)
    assert not config.folder.exists()


@pytest.mark.parametrize("kind", ["signals", "metrics"])
def test_a_part_of_a_folder_that_is_deleted_ends_its_training(quick, quiet, monkeypatch, kind):
    config = quick(**HMW)
    at_epoch(3, lambda writer: shutil.rmtree(writer.folder / kind), monkeypatch)
    with pytest.raises(RunFailed, match=f"{kind}/epoch-00002.* was deleted"):
        train(config, quiet)
    run = RunReader(config.folder)
    assert (run.status, run.epochs()) == ("failed", [])
    monkeypatch.undo()
    with pytest.raises(UsageError, match=r"to epoch 0, not to 2 as its checkpoint.*if you delete"):
        resume(config.folder, quiet)
    (config.folder / "checkpoint.pt").unlink()
    resume(config.folder, quiet)
    assert RunReader(config.folder).epochs() == [1, 2, 3]


def test_a_folder_that_is_deleted_and_begun_anew_is_left_alone(quick, quiet, monkeypatch):
    config = quick(**HMW)

    def begin_anew(writer):
        shutil.rmtree(writer.folder)
        config.folder.mkdir()
        (config.folder / ".lock").touch()

    at_epoch(3, begin_anew, monkeypatch)
    with pytest.raises(RunFailed, match="was deleted"):
        train(config, quiet)
    assert [path.name for path in config.folder.rglob("*")] == [".lock"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the new name")
def test_a_folder_that_is_renamed_ends_its_training_and_stays_whole(
    trained, quick, quiet, monkeypatch
):
    config = quick(epochs=4, **HMW)
    kept = config.folder.with_name("kept")
    with monkeypatch.context() as patch:
        at_epoch(3, lambda writer: writer.folder.rename(kept), patch)
        with pytest.raises(RunFailed, match="the run folder .*/r was renamed to .*/kept"):
            train(config, quiet)
    assert not config.folder.exists()
    run = RunReader(kept)
    assert (run.status, run.epochs(), run.damage) == ("failed", [1, 2], [])
    assert "was renamed" in run.error
    resume(kept, quiet)
    assert_same_run(trained(run="unbroken", epochs=4, **HMW), kept)


def test_a_folder_that_is_deleted_after_its_last_epoch_is_no_finished_run(
    quick, quiet, monkeypatch
):
    original = Training.run_epochs

    def run_epochs(self, writer, *arguments):
        original(self, writer, *arguments)
        shutil.rmtree(writer.folder)

    monkeypatch.setattr(Training, "run_epochs", run_epochs)
    config = quick(epochs=1)
    with pytest.raises(RunFailed, match="the run cannot go on: the run folder .* was deleted"):
        train(config, quiet)
    assert not config.folder.exists()


def test_a_run_stopped_in_its_first_epoch_resumes(trained, quick, quiet, monkeypatch):
    config = quick(run="broken", **HMW)
    with monkeypatch.context() as patch:
        at_epoch(1, lambda _: os.kill(os.getpid(), signal.SIGTERM), patch)
        with pytest.raises(Stopped):
            train(config, quiet)
    assert RunReader(config.folder).epochs() == []
    resume(config.folder, quiet)
    assert_same_run(trained(run="unbroken", **HMW), config.folder)


def test_a_log_ahead_of_its_checkpoint_resumes(trained, quick, quiet, monkeypatch):
    """As after kill -9 between the last file of an epoch and its checkpoint."""
    config = quick(run="broken", **HMW)

    def keep_no_more(_writer):
        monkeypatch.setattr(checkpoint, "saver", lambda method, epoch, folder: lambda: None)

    with monkeypatch.context() as patch:
        at_epoch(2, keep_no_more, patch)
        train(config, quiet)
    monkeypatch.undo()
    info = layout.read_info(config.folder) | {"status": "running"}
    layout.write_json(config.folder / "run.json", info)
    resume(config.folder, quiet)
    assert_same_run(trained(run="unbroken", **HMW), config.folder)


def test_a_loss_that_is_no_number_fails_the_run(quick, quiet):
    config = quick(learning_rate=1e30, epochs=5)
    with pytest.raises(
        RunFailed, match=r"loss became (nan|inf) in epoch \d at learning rate 1e\+30"
    ):
        train(config, quiet)
    run = RunReader(config.folder)
    assert run.status == "failed"
    assert "learning rate 1e+30" in run.info["error"]
    assert run.damage == []


def test_a_folder_that_cannot_be_written_fails_the_run(quick, quiet, monkeypatch):
    def block(writer):
        (writer.folder / "signals").rename(writer.folder / "kept")
        (writer.folder / "signals").write_text("in the way")

    config = quick()
    at_epoch(3, block, monkeypatch)
    with pytest.raises(RunFailed, match="the run cannot go on: .*signals"):
        train(config, quiet)
    (config.folder / "signals").unlink()
    (config.folder / "kept").rename(config.folder / "signals")
    run = RunReader(config.folder)
    assert run.status == "failed"
    assert "signals" in run.info["error"]
    assert run.epochs() == [1, 2]
    assert run.damage == []


def test_a_full_disk_while_the_folder_is_made_is_a_failure_and_leaves_nothing(
    quick, quiet, monkeypatch
):
    def full(path, table, **_):
        raise OSError(28, "No space left on device", str(path))

    config = quick()
    with monkeypatch.context() as patch:
        patch.setattr(layout, "write_table", full)
        with pytest.raises(RunFailed, match="the run cannot go on: .*No space left on device"):
            train(config, quiet)
    assert list(config.folder.parent.iterdir()) == []
    train(config, quiet)


def test_not_even_the_status_can_be_written(quick, quiet, monkeypatch):
    def full(files):
        raise OSError(28, "No space left on device", str(next(iter(files))))

    config = quick()
    at_epoch(2, lambda _: monkeypatch.setattr(layout, "write_files", full), monkeypatch)
    with pytest.raises(RunFailed, match="No space left.*nor can this be noted"):
        train(config, quiet)
    monkeypatch.undo()
    assert RunReader(config.folder).epochs() == [1]


def test_an_existing_run_is_refused_and_kept(trained, quick, quiet):
    folder = trained(epochs=1)
    with pytest.raises(UsageError, match="exists already; name another with --run"):
        train(quick(), quiet)
    assert RunReader(folder).status == "finished"


@pytest.mark.parametrize(
    "fields",
    [
        {"dataset": "mnist"},
        {"loss": "focal"},
        {"weighting": "gold"},
        {"network": "test_nothing"},
        {"method": "magic"},
        {"noise": "loud", "noise_rate": 0.1},
        {"k": 9, "weighting": "hmw"},
        {"k": 9},
        {"loss_args": {"q": 0.7}},
        {"weighting_args": {"terms": "aum"}},
    ],
)
def test_a_wrong_choice_leaves_no_folder(quick, quiet, fields):
    config = quick(**fields)
    with pytest.raises(UsageError):
        train(config, quiet)
    assert not config.folder.exists()


def test_resume_refuses_what_it_cannot_go_on_with(trained, quiet, monkeypatch):
    folder = trained(epochs=2)
    with pytest.raises(UsageError, match="is finished: all 2 epochs"):
        resume(folder, quiet)
    info = layout.read_info(folder) | {"status": "stopped"}
    layout.write_json(folder / "run.json", info | {"config": {}})
    with pytest.raises(UsageError, match="was not made by"):
        resume(folder, quiet)
    layout.write_json(folder / "run.json", info | {"config": info["config"] | {"seed": 5}})
    with pytest.raises(UsageError, match="its data have changed"):
        resume(folder, quiet)
    layout.write_json(folder / "run.json", info)
    (folder / "checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(UsageError, match=r"checkpoint\.pt cannot be read"):
        resume(folder, quiet)


def test_resume_refuses_a_run_that_is_being_written(quick, quiet):
    config = quick()
    training = Training(config, loop.load_data(config))
    writer = training.new_log()
    with pytest.raises(UsageError, match="being written"):
        resume(config.folder, quiet)
    writer.finish("stopped")


def test_real_labels_without_truth_and_without_a_test(trained, tmp_path):
    columns = {"image": some_pictures(30), "label": np.arange(30) % 3}
    data = write_parquet(tmp_path / "d.parquet", columns)
    run = RunReader(trained(dataset="parquet", data=str(data), test_fraction=0.0))
    assert not run.has_true_label
    assert run.metrics()["test_accuracy"].isna().all()
    assert run.epochs() == [1, 2, 3]


@pytest.mark.slow
def test_large_pictures_are_streamed(trained, tmp_path):
    columns = {"image": some_pictures(12, side=120), "label": np.arange(12) % 2}
    data = write_parquet(tmp_path / "d.parquet", columns)
    fields = {"dataset": "parquet", "data": str(data), "image_size": 98, "epochs": 2, "workers": 1}
    run = RunReader(trained(**fields, network="small_cnn"))
    assert run.epochs() == [1, 2]
    assert run.signals(["loss"])["loss"].notna().all()


def test_two_classes_train(trained, tmp_path):
    columns = {"image": some_pictures(20), "label": np.arange(20) % 2}
    data = write_parquet(tmp_path / "d.parquet", columns)
    aum = {"weighting": "hmw", "weighting_args": {"terms": "aum"}}
    run = RunReader(trained(dataset="parquet", data=str(data), **aum))
    assert run.n_classes == 2
    assert run.signals(["weight"])["weight"].between(0, 1).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_the_gpu(trained):
    fields = {"network": "preact_resnet18", "image_size": None, "device": "cuda"}
    run = RunReader(trained(**HMW | fields))
    assert run.status == "finished"
    assert run.signals(["loss"])["loss"].notna().all()
