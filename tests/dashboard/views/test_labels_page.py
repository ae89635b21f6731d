"""The page of labels, its files for other tools, and `python -m dashboard.labels`."""

import dataclasses
import json
import shlex

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dashboard.export import labels as files
from dashboard.export.labels import (
    DEFAULTS,
    NEIGHBOURS,
    SAMPLES_FILE,
    changes,
    main,
    retrain_command,
    samples_file,
)
from hmw_core import RunReader, RunWriter
from hmw_core.command_line import parse
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.review.label_file import read_table
from hmw_core.review.label_reader import read_labels
from tests.conftest import N_CLASSES, N_SAMPLES, write_run
from tests.dashboard.views.steps import HTML_NAMES, open_page, said
from training.__main__ import _recipe_defaults
from training.config import RunConfig
from training.recipes import RECIPES


def judge(run: RunReader, *sample_ids: int) -> None:
    given = run.samples()["given_label"]
    verdicts.append(
        run,
        [Verdict(i, "relabel", int(given[i]), (int(given[i]) + 4) % N_CLASSES) for i in sample_ids],
    )


def shown(page) -> list[pd.DataFrame]:
    return [element.value for element in page.dataframe]


def metrics(page) -> dict[str, str]:
    return {element.label: element.value for element in page.metric}


def test_page_counts_verdicts_and_changes(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    judge(run, 0, 10, 21)
    verdicts.append(run, [Verdict(5, "keep", int(run.samples()["given_label"][5]))])
    page = open_page("labels", run="tiny")
    assert not page.error
    counts = {"Judged": "4", "Keep": "1", "Relabel": "3", "Unsure": "0", "Skip": "0"}
    assert metrics(page) == counts | {"Labels changed": "3"}
    rows, pairs = shown(page)
    assert rows["sample_id"].tolist() == [0, 10, 21]
    assert pairs.to_dict("records") == [
        {"given": "1", "new": "0", "n_samples": 3},
    ]
    page.button_group(key="label rows").set_value("judged").run()
    assert shown(page)[0]["sample_id"].tolist() == [0, 5, 10, 21]


def test_page_before_any_verdict_says_so_and_shows_all(folder):
    write_run(folder / "tiny")
    page = open_page("labels", run="tiny")
    assert "Nobody has judged" in said(page)
    assert len(shown(page)[0]) == N_SAMPLES
    judge(RunReader(folder / "tiny"), 0)
    page.run()
    assert metrics(page)["Judged"] == "1"


def test_page_takes_criterion_epoch_and_number_from_the_address(folder):
    write_run(folder / "tiny")
    page = open_page("labels", run="tiny", criterion="last_loss", epoch="2", flag="6")
    rows = shown(page)[0]
    assert rows["is_flagged"].sum() == 6
    expected = corrected_labels(RunReader(folder / "tiny"), "last_loss", 2)["score"]
    assert np.array_equal(rows["score"], expected)
    (command, *_) = [block.value for block in page.code]
    assert command.endswith("--criterion last_loss --epoch 2 --flag 6")
    page = open_page("labels", run="tiny", flag="61")
    assert "it cannot be “61”, so this takes 0" in said(page)
    assert page.number_input[0].value == 0  # the number used, not an empty field


def test_page_offers_each_file(folder):
    write_run(folder / "tiny")
    page = open_page("labels", run="tiny")
    assert [button.label for button in page.get("download_button")] == [
        "CSV", "PARQUET", "JSON",
    ]  # fmt: skip
    page = open_page("labels", run="tiny", labels="tools")
    assert [button.label for button in page.get("download_button")] == ["Samples (Parquet)"]


@pytest.mark.parametrize("lack", ["epochs", "pictures", "cosines", "true labels"])
def test_page_of_a_run_that_lacks_something_says_what(folder, lack):
    if lack == "epochs":
        writer = RunWriter.create(folder / "r", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
        writer.finish("stopped", "by the test")
        assert "none has one" in said(open_page("labels", run="r"))
        return
    lacks = {"pictures": lack != "pictures", "with_cosine": lack != "cosines"}
    write_run(folder / "r", known=lack != "true labels", **lacks)
    page = open_page("labels", run="r", criterion="hm_weight")
    tools = open_page("labels", run="r", labels="tools")
    assert ("keeps no pictures" in said(tools)) == (lack == "pictures")
    assert ("has no HM weight: its log holds no hm_weight" in said(page)) == (lack == "cosines")


def test_hostile_names_stay_names(folder):
    write_run(folder / "html", class_names=HTML_NAMES)
    judge(RunReader(folder / "html"), 0)
    page = open_page("labels", run="html")
    assert not page.error
    assert not any("<b>" in element.value for element in page.markdown)
    assert shown(page)[0]["given_name"].tolist() == [HTML_NAMES[1]]


def test_torn_verdicts_are_said(folder):
    write_run(folder / "tiny")
    judge(RunReader(folder / "tiny"), 0)
    with (folder / "tiny" / "verdicts.jsonl").open("a") as file:
        file.write('{"sample_id": 3, "verd')
    page = open_page("labels", run="tiny")
    assert "line 2 was left out" in said(page)
    assert metrics(page)["Judged"] == "1"


def test_changes_are_counted_most_first(tiny_run):
    table = corrected_labels(tiny_run)
    table.loc[[1, 6, 2], "changed"] = True
    table.loc[[1, 6, 2], "new_name"] = ["3", "3", "4"]
    assert changes(table).to_dict("list") == {
        "given": ["1", "2"], "new": ["3", "4"], "n_samples": [2, 1],
    }  # fmt: skip


def test_defaults_are_those_of_training():
    fields = {f.name: getattr(RunConfig(), f.name) for f in dataclasses.fields(RunConfig)}
    decide_nothing = {
        "labels",
        "noise_file",
        "run",
        "runs",
        "outputs",
        "outputs_every",
        "features_at",
    }
    decide_nothing |= {"device", "compile", "workers", "threads"}
    decide_nothing |= {"threshold_samples", "threshold_seed"}  # a retraining needs none
    assert fields.keys() - decide_nothing == DEFAULTS.keys()
    assert {name: fields[name] for name in DEFAULTS} == DEFAULTS


CONFIGS = [
    *({"recipe": recipe} for recipe in RECIPES),
    {"recipe": "SCE", "dataset": "cifar100", "noise": "asymmetric", "noise_rate": 0.4},
    {"loss": "gce", "loss_args": {"q": 0.5}, "class_bias": False, "seed": 3, "epochs": 7},
    {"dataset": "parquet", "data": "a b.parquet", "noise": "human", "noise_column": "x;rm"},
]


@pytest.mark.parametrize("given", CONFIGS, ids=str)
def test_the_command_trains_as_the_run_was(folder, given):
    words = ["--recipe", given["recipe"]] if "recipe" in given else []
    for name in ("dataset", "noise"):
        words += [f"--{name}", given[name]] if name in given and "recipe" in given else []
    config = dataclasses.replace(_recipe_defaults(words) if words else RunConfig(), **given)
    write_run(folder / "r")
    info = json.loads((folder / "r" / "run.json").read_text())
    written = json.loads(json.dumps(config.as_json()))
    (folder / "r" / "run.json").write_text(json.dumps(info | {"config": written}))
    command = retrain_command(RunReader(folder / "r"), "my labels.csv")
    assert command is not None
    program, arguments = shlex.split(command)[:4], shlex.split(command)[4:]
    assert program == ["python", "-m", "training", "train"]
    parsed = parse(RunConfig, arguments, "train", _recipe_defaults(arguments))
    assert parsed.labels == "my labels.csv"
    asked = {name: getattr(parsed, name) for name in DEFAULTS}
    expected = {name: getattr(config, name) for name in DEFAULTS}
    if config.loss_args or config.weighting_args:
        expected["recipe"] = None
    assert asked == expected


def test_a_loop_of_ones_own_gets_no_training_command(folder):
    write_run(folder / "own")
    assert retrain_command(RunReader(folder / "own"), "l.csv") is None
    code = "\n".join(block.value for block in open_page("labels", run="own").code)
    assert "training train" not in code
    assert "read_labels(" in code


def test_samples_hold_pictures_vectors_and_labels(tiny_run, tmp_path):
    labels = corrected_labels(tiny_run)
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_file(tiny_run, labels))
    samples = pd.read_parquet(path)
    assert samples.attrs["hmw_labels"]["run"] == "tiny"
    assert samples["sample_id"].tolist() == list(range(N_SAMPLES))
    assert samples["image"][7] == tiny_run.images([7])[7]
    probs = np.stack(samples["pred_probs"])
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert (probs.argmax(axis=1) == samples["predicted_label"]).all()
    logged = tiny_run.features()
    assert np.array_equal(np.stack(samples["features"])[logged.sample_id], logged.features)
    assert samples["true_label"].tolist() == tiny_run.samples()["true_label"].tolist()
    known = {"n_samples": N_SAMPLES, "class_names": tiny_run.class_names}
    assert read_labels(path, **known).label.tolist() == labels["new_label"].tolist()
    plain = pq.read_schema(path).names
    path.write_bytes(samples_file(tiny_run, labels, with_vectors=False, pictures="none"))
    assert set(plain) - set(pq.read_schema(path).names) == {"image", "features", "pred_probs"}


def test_vectors_come_from_the_epochs_used(tiny_run, tmp_path):
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_file(tiny_run, corrected_labels(tiny_run, epoch=2)))
    samples = pd.read_parquet(path)
    assert "features" not in samples  # logged after epoch 4 only
    logits = np.stack(tiny_run.outputs(["logits"], epochs=[2])["logits"])
    assert (np.stack(samples["pred_probs"]).argmax(axis=1) == logits.argmax(axis=1)).all()


def test_many_pictures_go_into_a_folder(tiny_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "LARGEST_EMBEDDED", 10)
    out = tmp_path / "samples.parquet"
    assert main([str(tiny_run.folder), str(out), "--samples"]) == 0
    samples = pd.read_parquet(out)
    assert "image" not in samples
    picture = tmp_path / samples["image_path"][3]
    assert picture.read_bytes() == tiny_run.images([3])[3]
    assert "60 samples, 0 judged, 0 labels changed" in capsys.readouterr().out


def test_the_command_line_writes_what_the_page_offers(tiny_run, tmp_path, capsys):
    out = tmp_path / "l.json"
    arguments = [str(tiny_run.folder), str(out), "--criterion", "aum", "--epoch", "3"]
    assert main([*arguments, "--flag", "4"]) == 0
    assert main([*arguments, "--flag", "4"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(f"replaced {out}")
    expected = corrected_labels(tiny_run, "aum", 3, n_flagged=4)
    pd.testing.assert_frame_equal(read_table(out), expected)


WRONG = {
    "run": (["none", "l.csv"], "no run 'none'"),
    "ending": (["RUN", "l.xlsx"], "must end in one of"),
    "criterion": (["RUN", "l.csv", "--criterion", "magic"], "unknown criterion 'magic'"),
    "epoch": (["RUN", "l.csv", "--epoch", "77"], "not 77"),
    "samples as csv": (["RUN", "l.csv", "--samples"], "must end in .parquet"),
    "no pictures": (["BARE", "l.parquet", "--samples", "--pictures", "paths"], "no pictures"),
    "folder in the way": (["RUN", "folder.csv"], "cannot write"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_one_sentence(tiny_run, folder, tmp_path, capsys, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    write_run(folder / "BARE", pictures=False)
    words, sentence = WRONG[case]
    assert main([str(tiny_run.folder) if word == "RUN" else word for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not list(tmp_path.glob("l.*"))


def run_code(name: str, folder, monkeypatch) -> dict:
    """Run what the page shows for a tool beside an exported `samples.parquet`."""
    monkeypatch.chdir(folder)
    assert SAMPLES_FILE in NEIGHBOURS[name]
    names: dict = {}
    exec(compile(NEIGHBOURS[name], name, "exec"), names)
    return names


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_the_code_for_other_tools_compiles(name):
    compile(NEIGHBOURS[name], name, "exec")
    assert SAMPLES_FILE in NEIGHBOURS[name]


@pytest.mark.filterwarnings("ignore")  # theirs
def test_cleanlab_opens_the_samples(tiny_run, tmp_path, monkeypatch):
    pytest.importorskip("cleanlab", reason="cleanlab is not installed")
    pytest.importorskip("datasets", reason="cleanlab is installed without its Datalab")
    (tmp_path / "samples.parquet").write_bytes(samples_file(tiny_run, corrected_labels(tiny_run)))
    names = run_code("cleanlab Datalab", tmp_path, monkeypatch)
    theirs = names["theirs"]
    assert {"is_label_issue", "label_score", "given_label", "predicted_label"} <= set(theirs)
    ours = names["samples"]
    assert (theirs["given_label"] == ours["given_label"]).all()
    is_mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    # Lower is worse in both.
    for table in (theirs, ours):
        score = table["label_score"]
        assert score[is_mislabeled].max() < score[~is_mislabeled].min()
