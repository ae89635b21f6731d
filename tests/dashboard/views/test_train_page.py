"""The page that trains: what it asks, starts, watches and refuses, with a program in its place."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard.jobs import training_command, trainings
from hmw_core import RunWriter
from hmw_core.errors import UsageError
from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said

# Prints its words, and then sleeps or fails as the run's name says.
FAKE = """\
import sys, time
print("asked:", *sys.argv[1:], flush=True)
if "slow" in sys.argv:
    time.sleep(120)
if "bad" in sys.argv:
    sys.exit("error: --epochs must be 1 or more, got 0")
if "crash" in sys.argv:
    raise RuntimeError("out of chalk")
"""


@pytest.fixture(autouse=True)
def _program(tmp_path, monkeypatch, folder):
    """Put a fake in the place of `python -m training`; nothing it starts outlives the test."""
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    for module in (trainings, training_command):
        monkeypatch.setattr(module, "PROGRAM", (sys.executable, str(script)))
    yield
    for training in trainings.all_trainings(folder):
        if trainings.is_alive(training):
            os.kill(training.pid, signal.SIGKILL)
        ended(folder, training.name)


def ended(folder, name):
    """Wait until the exit code of a training is kept."""
    end = time.monotonic() + 60
    while (found := trainings.find(folder, name)) and found.exit_code is None:
        assert time.monotonic() < end
        time.sleep(0.02)


def button(page, label):
    return next((one for one in page.button if one.label == label), None)


def fill(page, label, value):
    return next(one for one in page.text_input if one.label == label).set_value(value)


def start(page, name):
    fill(page, "Run name", name).run()
    button(page, "Start training").click().run()
    assert not page.exception


def test_the_first_page_without_any_run_offers_a_training(folder):
    page = open_page("train")
    assert not page.error
    assert not page.warning
    name = "CCE+HMW-code"
    assert f"--run {name}-digits-symmetric0.4-seed0 --recipe {name} " in page.code[0].value
    assert f"--device auto --runs {folder}" in page.code[0].value  # the rest is the recipe's own
    assert "8 x 8" in said(page)
    recipe = page.selectbox(key="new recipe")
    assert recipe.options[0] == "CCE+HMW-code (recommended)"
    assert "plain CCE at 67 %" in said(page)


def test_the_form_waits_for_no_process(folder, monkeypatch):
    """The list of recipes once came from a process that loads torch: up to a minute."""

    def refuse(*_args, **_options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert button(open_page("train"), "Start training") is not None


def test_the_command_follows_what_is_chosen(folder):
    page = open_page("train")
    page.selectbox(key="new recipe").select("AUM only").run()
    page.selectbox(key="new noise symmetric").select("none").run()
    page.number_input(key="new epochs digits").set_value(7)
    page.number_input(key="new seed").set_value(3)
    page.number_input(key="new samples").set_value(500).run()
    command = page.code[0].value
    assert "--run AUM-only-digits-none-seed3 --recipe 'AUM only'" in command
    assert "--epochs 7 --seed 3 --noise none --device auto --train-samples 500" in command
    assert "--noise-rate" not in command


def field(page, label):
    fields = [*page.number_input, *page.selectbox]
    return next(one for one in fields if one.label == label)


def test_settings_show_the_recipe_s_values_and_only_others_are_asked_for(folder):
    page = open_page("train")
    shown = ("alpha", "beta", "k", "warmup epochs", "annealing start", "batch size")
    assert [field(page, label).value for label in shown] == [100.0, 100.0, 1, 10, 0, 128]
    assert (field(page, "terms").value, field(page, "learning rate").value) == ("both", 0.02)
    assert (field(page, "alpha").min, field(page, "annealing start").max) == (0.0, 1)
    assert "(Eq. 12) (0 or more)" in field(page, "alpha").help
    field(page, "alpha").set_value(50.0)
    field(page, "learning rate").set_value(0.1)
    field(page, "terms").set_value("aum").run()
    command = page.code[-1].value
    assert "--weighting-args terms aum --alpha 50.0 --learning-rate 0.1 --runs" in command
    page.selectbox(key="new recipe").set_value("SCE").run()
    assert (field(page, "a").value, field(page, "b").value) == (0.1, 1.0)
    page.selectbox(key="new dataset ").set_value("cifar100").run()
    assert (field(page, "a").value, field(page, "b").value) == (6.0, 0.1)  # its case
    assert "--loss-args" not in page.code[-1].value


def test_the_arguments_of_a_method_are_asked_for(folder):
    page = open_page("train")
    page.selectbox(key="new recipe").set_value("Co-teaching").run()
    rate, epochs = field(page, "noise rate"), field(page, "gradual epochs")
    assert (rate.min, rate.max, epochs.min, epochs.value) == (0.0, 1.0, 2, 5)
    assert rate.value == 0.4  # the noise's
    epochs.set_value(4)
    rate.set_value(0.25).run()
    assert "--method-args noise_rate 0.25 gradual_epochs 4" in page.code[-1].value


def test_a_method_that_must_be_told_the_noise_rate_waits_for_it(folder):
    page = open_page("train")
    page.selectbox(key="new recipe").set_value("Co-teaching").run()
    page.selectbox(key="new noise symmetric").select("none").run()
    assert "must be told its noise_rate" in said(page)
    assert button(page, "Start training").disabled
    field(page, "noise rate").set_value(0.3).run()
    assert "--method-args noise_rate 0.3 --runs" in page.code[-1].value


@pytest.mark.parametrize("recipe", ["CCE+HMW", "SCE+HMW", "AUM only", "AUM+CA"])
def test_a_recipe_that_is_known_to_fail_says_so_until_it_is_mended(folder, recipe):
    page = open_page("train")
    assert not page.warning
    page.selectbox(key="new recipe").set_value(recipe).run()
    assert "Without a warm-up it is known to fail" in page.warning[0].value
    field(page, "warmup epochs").set_value(10).run()
    assert not page.warning
    assert "--warmup-epochs 10" in page.code[-1].value


def test_the_columns_of_a_parquet_file_are_lists(folder, tmp_path):
    path = tmp_path / "some data.parquet"
    names = ["worker", "picture", "label", "clean"]
    columns = [pa.array([1, 2]), pa.array([b"a", b"b"]), pa.array([0, 1]), pa.array([0, 1])]
    pq.write_table(pa.Table.from_arrays(columns, names), path)
    page = open_page("train")
    page.selectbox(key="new dataset ").select("parquet").run()
    fill(page, "Parquet file", str(path)).run()
    assert field(page, "Picture column").options == ["picture"]
    assert (field(page, "Label column").value, field(page, "Label column").options) == (
        "label",
        ["worker", "label", "clean"],
    )
    assert field(page, "True label column").options == ["not known", "worker", "label", "clean"]
    page.selectbox(key="new True label column").select("clean").run()
    page.selectbox(key="new noise none").select("human").run()
    page.selectbox(key="new human column").select("worker").run()
    command = page.code[-1].value
    assert "--image-column picture --label-column label --true-label-column clean" in command
    assert "--noise human" in command
    assert "--noise-column worker" in command
    fill(page, "Parquet file", str(tmp_path / "no.parquet")).run()
    assert "there is no file" in said(page)


def test_human_labels_of_cifar_have_a_column_and_digits_have_none(folder):
    page = open_page("train")
    assert "human" not in page.selectbox(key="new noise symmetric").options
    page.selectbox(key="new dataset ").select("cifar10").run()
    page.selectbox(key="new noise symmetric").select("human").run()
    assert "--noise human --device auto --noise-column worse_label" in page.code[-1].value
    assert "CIFAR-10_human.pt" in said(page)


@pytest.mark.parametrize(
    ("dataset", "label", "needs"),
    [
        ("parquet", "Parquet file", "needs a Parquet file"),
        ("image-folder", "Folder of pictures", "needs a folder"),
    ],
)
def test_a_data_set_that_needs_a_file_asks_for_it(folder, dataset, label, needs):
    page = open_page("train")
    page.selectbox(key="new dataset ").select(dataset).run()
    assert needs in said(page)
    assert button(page, "Start training").disabled
    assert not page.code
    fill(page, label, "/some where").run()
    assert not button(page, "Start training").disabled
    assert f"--dataset {dataset}" in page.code[0].value
    assert "--data '/some where'" in page.code[0].value
    assert "--noise none" in page.code[0].value  # real labels are wrong enough as they are
    assert "--skip-broken" not in page.code[0].value
    page.checkbox(key=f"new skip broken {dataset}").check().run()
    assert "--skip-broken --runs" in page.code[0].value


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", ".hidden", "-rf", "a b", "a;b", "$(x)", "<b>", "x" * 101]
)
def test_a_hostile_run_name_starts_nothing(folder, name):
    page = open_page("train")
    fill(page, "Run name", name).run()
    assert "is not plain" in said(page)
    assert button(page, "Start training").disabled
    assert list(folder.parent.glob("**/.trainings")) == []


@pytest.mark.parametrize("value", ["--runs=/etc", "a\nb"])
def test_a_hostile_path_starts_nothing(folder, value):
    page = open_page("train")
    page.selectbox(key="new dataset ").select("image-folder").run()
    fill(page, "Folder of pictures", value).run()
    assert "is not accepted" in said(page)
    assert button(page, "Start training").disabled


def test_a_name_that_is_taken_is_said(folder):
    write_run(folder / "tiny")
    page = open_page("train")
    fill(page, "Run name", "tiny").run()
    assert "There is a run tiny already" in said(page)
    assert button(page, "Start training").disabled


def test_a_training_is_started_watched_and_stopped(folder):
    page = open_page("train")
    start(page, "slow")
    assert in_address(page, "training") == "slow"
    assert "slow is loading its libraries and its data" in said(page).replace("*", "")
    assert trainings.is_alive(trainings.find(folder, "slow"))
    other = open_page("train")  # another window, and another server, find it from its files
    assert other.selectbox(key="choice training").value == "slow"
    button(page, "Stop").click().run()
    ended(folder, "slow")
    page.run()
    assert "slow has stopped" in said(page).replace("*", "")
    assert "nothing was kept" in said(page)
    button(page, "Remove from the list").click().run()
    assert trainings.all_trainings(folder) == []


def test_another_training_at_work_is_said_but_no_hindrance(folder):
    page = open_page("train")
    start(page, "slow")
    page.selectbox(key="choice training").select(" new").run()
    assert "Being trained here already: slow" in said(page)
    assert not button(page, "Start training").disabled


@pytest.mark.parametrize(
    ("name", "says", "line"),
    [
        ("bad", "--epochs must be 1 or more, got 0", "error: --epochs"),
        ("crash", "RuntimeError: out of chalk", "Traceback"),
    ],
)
def test_a_training_that_fails_says_why_with_its_last_lines(folder, name, says, line):
    page = open_page("train")
    start(page, name)
    ended(folder, name)
    page.run()
    assert f"{name} has failed" in said(page).replace("*", "")
    assert says in said(page)
    assert line in page.code[0].value


def test_a_running_training_shows_its_numbers_and_curves(folder):
    writer = write_run(folder / "now", epochs=2, finish=None)
    page = open_page("train")
    assert page.selectbox(key="choice training").value == "now"
    assert "started elsewhere; stop it there" in said(page)
    assert button(page, "Stop") is None
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown == {
        "Test accuracy": "70.0 %",
        "Train accuracy, given labels": "90.0 %",
        "Samples/s": "120",
        "Time left": "1 s",
    }
    assert len(page.get("plotly_chart")) == 2
    write_run(folder / "done")
    page.run()
    page.selectbox(key="choice beside").select("done").run()
    assert in_address(page, "beside") == "done"
    assert not page.error
    writer.finish("stopped", "by the test")


def test_a_running_training_warns_of_starved_samples_and_of_its_data(folder):
    writer = RunWriter.create(folder / "now", given_label=[0, 0, 1, 1], n_classes=3, n_epochs=5)
    logits = np.eye(3)[[0, 0, 1, 1]]
    for epoch, weight in enumerate(([1, 1, 1, 1], [0.9, 0.9, 0.01, 0.02]), start=1):
        writer.record(np.arange(4), logits=logits, weight=np.array(weight))
        writer.end_epoch(epoch)
        writer.flush()
        page = open_page("train", training="now")
        assert "Of the 3 classes, '2' has no sample" in page.warning[0].value.replace("\\", "")
        assert ("epoch 2 may starve the training: " in said(page)) == (epoch == 2)
    assert "1 of 2 classes get less than 50 %" in said(page)
    writer.finish("stopped", "by the test")


def test_the_page_is_drawn_anew_when_the_training_ends(folder):
    writer = write_run(folder / "now", epochs=2, finish=None)
    page = open_page("train", training="now")
    assert "is being trained" in said(page)
    writer.finish()
    page.run()
    assert page.selectbox(key="choice training").value == " new"  # it is finished, and not ours


def test_before_the_first_epoch_there_is_a_sentence_and_no_number(folder):
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    page = open_page("train", training="new")
    assert not page.metric
    assert "no curve to show" in said(page)
    writer.finish("stopped", "by the test")


def test_unknown_true_labels_are_said(folder):
    writer = write_run(folder / "real", known=False, epochs=2, finish=None)
    page = open_page("train", training="real")
    assert "No AUROC: the true labels of this run are not known" in said(page)
    writer.finish("stopped", "by the test")


def test_a_stopped_run_of_ours_is_resumed_and_one_of_ones_own_loop_is_not(folder):
    write_run(folder / "own", epochs=2, finish="stopped")
    write_run(folder / "slow", epochs=2, finish="stopped")
    path = folder / "slow" / "run.json"
    config = {"recipe": "CCE", "dataset": "digits", "method": "standard", "epochs": 4}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"config": config}))
    assert button(open_page("train", training="own"), "Resume") is None
    page = open_page("train", training="slow")
    button(page, "Resume").click().run()
    assert "slow is loading" in said(page).replace("*", "")
    assert trainings.find(folder, "slow").command[2:] == ["resume", "slow", "--runs", str(folder)]


def test_a_read_only_server_lets_nobody_start_stop_or_resume(folder, monkeypatch):
    page = open_page("train")
    start(page, "slow")
    write_run(folder / "old", epochs=2, finish="stopped")
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    for address in ({}, {"training": "slow"}, {"training": "old"}):
        page = open_page("train", **address)
        assert "This server is read-only" in said(page)
        assert {one.label for one in page.button} == set()
        assert " new" not in page.selectbox(key="choice training").options
    assert trainings.is_alive(trainings.find(folder, "slow"))


def test_a_button_of_a_page_from_before_starts_nothing_on_a_read_only_server(folder, monkeypatch):
    page = open_page("train")
    fill(page, "Run name", "late").run()
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    button(page, "Start training").click().run()
    assert trainings.all_trainings(folder) == []


def test_a_read_only_server_with_nothing_to_watch_says_so(folder, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    page = open_page("train")
    assert "nothing is being trained" in said(page)
    assert not page.selectbox


@pytest.mark.parametrize("name", ["../../etc", " ", "a\x00b", "[x](y)", "<img src=x>"])
def test_an_address_that_names_no_training_gets_a_word(folder, name):
    page = open_page("train", training=name)
    assert "Training: there is no" in said(page)
    assert button(page, "Start training") is not None


def test_a_machine_that_cannot_train_says_why(folder, monkeypatch):
    monkeypatch.setattr(training_command, "find_spec", lambda name: None)
    page = open_page("train")
    assert "Nothing can be trained from here: PyTorch is not installed" in said(page)


def test_a_strange_record_in_the_folder_does_no_harm(folder):
    (folder / ".trainings").mkdir()
    for name, text in {
        "a": "{",
        "b": "[]",
        "<b>x": "{}",
        "c": '{"name": "../x", "pid": 2}',
    }.items():
        (folder / ".trainings" / f"{name}.json").write_text(text)
    page = open_page("train")
    assert not page.error
    assert page.selectbox(key="choice training").options == ["New training"]


@pytest.fixture
def _catalogue(monkeypatch):
    """Give the form a method with a choice that may be a file, scaled epochs and an option."""
    number = {"low": 1, "high": 1e6, "unit": "epochs", "meaning": "m", "whole": True}
    number |= {"default_from": "", "of_epochs": 0, "range": "1 or more"}
    choice = {"name": "transition", "default": "estimated", "accepted": ["estimated", "true"]}
    arguments = [
        choice | {"meaning": "matrix", "or_file": True, "range": "estimated, true, a file"},
        number | {"name": "estimate_epochs", "default": 120, "of_epochs": 240},
        number | {"name": "cut_scale", "default": None},
    ]
    known = training_command.catalogue()
    recipe = {"name": "Matrix", "summary": "t", "fields": {"method": "matrix"}, "cases": []}
    changed = known | {
        "methods": [*known["methods"], {"name": "matrix", "summary": "", "arguments": arguments}],
        "recipes": [recipe | {"recommended": "", "caution": None}, *known["recipes"]],
    }
    monkeypatch.setattr(training_command, "catalogue", lambda: changed)


@pytest.mark.usefixtures("_catalogue")
def test_a_method_with_a_file_scaled_epochs_and_an_optional_number(folder):
    parts = training_command.parts_of("Matrix", "digits", "symmetric", 0.4, 30)
    [own] = [part for part in parts if part.option == "method_args"]
    values = {argument["name"]: argument["default"] for argument in own.arguments}
    assert values == {"transition": "estimated", "estimate_epochs": 15, "cut_scale": None}
    page = open_page("train")
    page.selectbox(key="new recipe").select("Matrix").run()
    assert not page.exception
    assert "must be told" not in said(page)
    assert "--method-args" not in page.code[0].value  # as the training works it out itself
    [scaled] = [n for n in page.number_input if n.label == "estimate epochs"]
    assert scaled.value == 50  # of the form's 100 epochs on digits
    assert "120 of 240 epochs in the source" in scaled.help


def test_a_file_as_an_argument_is_a_word_of_the_command(tmp_path):
    settings = training_command.Settings(
        run="r", recipe="Forward", dataset="digits", epochs=2, method_args={"transition": "t.csv"}
    )
    words = training_command.arguments(settings, tmp_path)
    assert words[words.index("--method-args") :][:3] == ["--method-args", "transition", "t.csv"]
    with pytest.raises(UsageError, match="not accepted"):
        training_command.arguments(
            dataclasses.replace(settings, method_args={"transition": "--x"}), tmp_path
        )
