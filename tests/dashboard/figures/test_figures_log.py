"""The figures of the log: numbers worked out by hand, and the runs that lack something."""

from math import e

import numpy as np
import pandas as pd
import pytest

from dashboard.drawing.screen import MOST_NAMES
from dashboard.drawing.style import Typography
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from dashboard.figures.criteria import auroc_by_epoch, detection_intervals
from dashboard.figures.paper import (
    accuracy,
    areas_by_epoch,
    curves,
    distributions,
    logits,
    training_progress,
)
from dashboard.figures.runs import noise_matrix
from hmw_core import RunReader, RunWriter
from hmw_core.criteria.compute import score_of
from hmw_core.errors import UsageError
from tests.conftest import N_SAMPLES, write_run

# Four samples, four classes, two epochs. Sample 2 is mislabeled (1 as 0), sample 1 is hard.
TRUE = [0, 0, 1, 1]
GIVEN = [0, 0, 0, 1]
LOGITS = [
    [[4, 2, 1, 0], [3, 2, 2, 0], [0, 3, 1, 0], [0, 5, 1, 1]],
    [[6, 2, 2, 0], [3, 2, 2, 0], [2, 1, 0, 0], [0, 5, 1, 1]],
]
LOSS = [[0.5, 1.0, 2.0, 0.1], [0.1, 0.9, 0.3, 0.2]]
ALL = [
    accuracy,
    areas_by_epoch,
    auroc_by_epoch,
    curves,
    detection_intervals,
    distributions,
    logits,
    noise_matrix,
]


def write_small(folder, true=TRUE, epochs=2, **options):
    writer = RunWriter.create(
        folder, given_label=GIVEN, true_label=true, n_classes=4, n_epochs=2, **options
    )
    for epoch in range(1, epochs + 1):
        values = np.array(LOGITS[epoch - 1], dtype=np.float32)
        writer.record(np.arange(4), logits=values, loss=np.array(LOSS[epoch - 1]))
        writer.end_epoch(epoch, test_accuracy=0.5 * epoch)
    writer.flush()
    return writer


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    write_small(folder, class_names=["a", "b", "c", "d"]).finish()
    return folder


@pytest.fixture
def small(small_folder):
    return RunReader(small_folder)


def prepare(module, run, **options):
    runs = [run] if module.FIGURE.many else run
    return module.FIGURE.prepare(runs, **options)


def show(module, table):
    module.FIGURE.typeset(table, Typography(3.3))
    return module.FIGURE.draw(table)


def test_curves_follow_equation_7(small):
    table = curves.prepare(small, sample_ids=[0, 2])
    assert table["role"].to_list() == ["clean", "mislabeled"] * 2
    assert table["sample"].to_list()[:2] == ["clean: sample 0, a", "mislabeled: sample 2, b as a"]
    np.testing.assert_allclose(table["loss"], [0.5, 2.0, 0.1, 0.3], rtol=1e-6)
    # Slices 1, 4 and -5, 0; with T = 2 the epochs weigh e and 1.
    after_two = [(e + 4) / (e + 1), -5 * e / (e + 1)]
    np.testing.assert_allclose(table["iam"], [1, -5, *after_two], rtol=1e-6)


def test_curves_end_with_the_criterion(tiny_run):
    from hmw_core.criteria import CRITERIA

    for epoch in (2, 4):
        table = curves.prepare(tiny_run, sample_ids=[7, 3, 40], epoch=epoch)
        score = score_of(CRITERIA["iam"], tiny_run, epoch)
        last = table[table["epoch"] == epoch].set_index("sample_id")["iam"]
        assert list(last.index) == [7, 3, 40]
        np.testing.assert_allclose(last, score[[7, 3, 40]])


def test_curves_choose_the_roles_of_a_class(tiny_run):
    table = curves.prepare(tiny_run, given_label=1)
    assert set(table["role"]) == {"easy", "hard", "mislabeled"}
    labels = tiny_run.samples().loc[table["sample_id"].unique(), "given_label"]
    assert set(labels) == {1}


def test_distributions_share_bins_and_count_everyone(small):
    table = distributions.prepare(small, ["aum", "last_loss"], hard_fraction=0.3)
    aum = table[table["criterion"] == "aum"]
    # AUM 3, 1, -1, 4: bins of 0.125 from -1 to 4.
    filled = aum[aum["count"] > 0].set_index("group")["bin_left"]
    assert filled.loc["hard"] == pytest.approx(1.0)
    assert filled.loc["mislabeled"] == pytest.approx(-1.0)
    assert filled.loc["clean"].to_list() == pytest.approx([3.0, 3.875])
    assert aum.groupby("group")["share"].sum().to_list() == pytest.approx([100] * 3)
    assert table.groupby(["criterion", "group"])["count"].sum().to_list() == [2, 1, 1] * 2
    assert table.groupby("criterion")["scale"].first().to_dict() == {
        "aum": "linear",
        "last_loss": "log",
    }


def test_distribution_of_equal_and_of_zero_losses(tmp_path):
    writer = RunWriter.create(tmp_path / "zeros", given_label=GIVEN, n_classes=4, n_epochs=1)
    writer.record(np.arange(4), logits=np.array(LOGITS[0], np.float32), loss=np.zeros(4))
    writer.end_epoch(1)
    writer.finish()
    table = distributions.prepare(RunReader(tmp_path / "zeros"), ["last_loss"])
    assert table["group"].unique().tolist() == ["unknown"]
    assert table["count"].sum() == 4
    show(distributions, table)


def test_auroc_is_the_log_s(small):
    table = auroc_by_epoch.prepare(small, ["last_loss", "aum"])
    assert table["made"].unique().tolist() == ["logged"]
    # Last loss of the mislabeled sample: above all three clean ones, then above two of three.
    assert table["auroc"].to_list() == pytest.approx([1, 2 / 3, 1, 1])
    assert (table["n_clean"].iloc[0], table["n_mislabeled"].iloc[0]) == (3, 1)


def test_auroc_is_computed_where_some_true_labels_are_unknown(tmp_path):
    write_small(tmp_path / "some", true=[0, 0, 1, -1]).finish()
    table = auroc_by_epoch.prepare(RunReader(tmp_path / "some"), ["last_loss", "hm_weight"])
    assert table["criterion"].unique().tolist() == ["last_loss"]  # no cosine was logged
    assert table["made"].unique().tolist() == ["computed"]
    assert table["auroc"].to_list() == pytest.approx([1, 1 / 2])
    assert "computed at 2 epochs" in show(auroc_by_epoch, table).layout.title.text


def test_detection_orders_by_auroc_and_keeps_both_contests(small):
    table = detection_intervals.prepare(small, ["last_loss", "aum", "hm_weight"])
    assert table["title"].drop_duplicates().to_list() == ["AUM", "Last loss"]
    loss = table[table["criterion"] == "last_loss"].set_index("contest")["auroc"]
    assert loss.to_dict() == pytest.approx({"all": 2 / 3, "hard clean": 0.0})
    show(detection_intervals, table)


def test_logits_of_a_sample_and_of_group_means(small):
    names = ["given_logit", "other_logit", "topk_logit"]
    table = logits.prepare(small, sample_ids=[2])
    assert table[names].to_numpy().tolist() == [[0, 3, 1], [2, 1, 0]]
    assert (table["n_samples"] == 1).all()
    means = logits.prepare(small, group="mean")
    assert means["panel"].drop_duplicates().to_list() == ["clean", "hard", "mislabeled"]
    clean = means[(means["panel"] == "clean") & (means["epoch"] == 1)]
    assert clean[names].to_numpy().tolist() == [[4.5, 1.5, 1.0]]  # samples 0 and 3
    assert clean["n_samples"].item() == 2
    with pytest.raises(UsageError, match="'mean' or none"):
        logits.prepare(small, group="median")


def test_areas_are_means_over_the_epochs_so_far(small):
    table = areas_by_epoch.prepare(small, sample_ids=[2, 0])
    assert table["aum"].to_list() == [-3, -1, 2, 3]
    assert table["tkum"].to_list() == [2, 1.5, 1, 0.5]
    means = areas_by_epoch.prepare(small, group="mean").set_index(["panel", "epoch"])
    assert means.loc[("clean", 2), "aum"] == pytest.approx((3 + 4) / 2)


def test_noise_matrix_counts_pairs(small):
    table = noise_matrix.prepare(small).set_index(["true", "given"])
    assert len(table) == 16
    assert table.loc[(0, 0), ["count", "share", "true_name"]].to_list() == [2, 100.0, "a"]
    assert table.loc[(1, 0), ["count", "share", "given_name"]].to_list() == [1, 50.0, "a"]
    assert np.isnan(table.loc[(2, 2), "share"])
    assert (table["n_mislabeled"] == 1).all()


def test_noise_matrix_of_many_classes_has_no_numbers(tmp_path):
    labels = np.arange(50)
    RunWriter.create(
        tmp_path / "many", given_label=labels, true_label=labels, n_classes=50, n_epochs=1
    )
    figure = show(noise_matrix, noise_matrix.prepare(RunReader(tmp_path / "many")))
    assert len(figure.layout.annotations) == 0
    assert len(figure.layout.xaxis.ticktext) <= MOST_NAMES


def test_accuracy_is_in_per_cent_with_the_paper_s_number(tmp_path, tiny_run):
    noise = {"name": "symmetric", "rate": 0.5}
    options = {"recipe": "CCE", "dataset_name": "cifar10", "noise": noise}
    write_small(tmp_path / "cifar", **options).finish()
    table = accuracy.prepare([RunReader(tmp_path / "cifar"), tiny_run])
    test = table[(table["run"] == "cifar") & (table["split"] == "test")]
    assert test["accuracy"].to_list() == [50.0, 100.0]
    names = [trace.name for trace in show(accuracy, table).data]
    assert "paper, cifar: 57.9 %" in names
    assert not any("paper, tiny" in str(name) for name in names)


OF_A_PASS = [
    "accuracy",
    "areas_by_epoch",
    "compare_scores",
    "curves",
    "distributions",
    "duel",
    "learning_order_classes",
    "learning_order_curves",
    "learning_order_stop",
    "logits",
    "sample_curves",
    "threshold",
    "training_progress",
]


@pytest.mark.parametrize("name", OF_A_PASS)
@pytest.mark.parametrize(("own", "other"), [("training", "evaluation"), ("evaluation", "training")])
def test_figures_say_the_pass_that_a_run_logged(name, own, other, tmp_path):
    write_small(tmp_path / "run", pass_name=own).finish()
    run, figure = RunReader(tmp_path / "run"), FIGURES[name]
    options = {"criterion": "last_loss"} if name in ("threshold", "compare_scores") else {}
    options |= {"against": "aum"} if name == "duel" else {}
    table = figure.prepare([run] * figure.n_runs if figure.many else run, **options)
    assert set(table["pass"]) == {own} if "pass" in table else name in ("duel", "compare_scores")
    text = figure.draw(table).to_json()
    assert f"{own} pass" in text
    assert f"{other} pass" not in text


def test_two_passes_in_one_panel_are_told_apart(tmp_path):
    runs = []
    for name in ("training", "evaluation"):
        write_small(tmp_path / name, pass_name=name).finish()
        runs.append(RunReader(tmp_path / name))
    for module in (accuracy, training_progress):
        names = {trace.name for trace in show(module, module.prepare(runs)).data}
        assert any(str(name).startswith("training, training pass") for name in names)
        assert any(str(name).startswith("evaluation, evaluation pass") for name in names)


def test_accuracy_keeps_long_run_names_apart(tmp_path):
    table = pd.DataFrame(
        {
            "run": ["long-" * 20 + "a" + "-run" * 20, "long-" * 20 + "b" + "-run" * 20],
            "pass": "training",
            "split": "test",
            "epoch": 1,
            "accuracy": [50.0, 60.0],
            "paper": np.nan,
        }
    )
    names = [trace.name for trace in accuracy.FIGURE.draw(table).data]
    assert len(set(names)) == 3  # and what the dash means


@pytest.mark.parametrize("module", ALL)
def test_a_running_run_with_one_epoch_shows_markers(module, tmp_path):
    writer = write_run(tmp_path / "running", epochs=1, finish=None)
    run = RunReader(tmp_path / "running")
    assert run.status == "running"
    figure = show(module, prepare(module, run))
    lines = [t for t in figure.select_traces("scatter") if t.mode == "lines" and not t.fill]
    assert all(len(set(trace.x)) > 1 or trace.line.dash == "longdash" for trace in lines)
    del writer


NEEDS_TRUTH = [auroc_by_epoch, detection_intervals, noise_matrix]


@pytest.mark.parametrize("module", NEEDS_TRUTH)
def test_what_needs_true_labels_says_so(module, unknown_run):
    with pytest.raises(CannotShow, match=unknown_run.name):
        prepare(module, unknown_run)


@pytest.mark.parametrize("module", [module for module in ALL if module not in NEEDS_TRUTH])
def test_unknown_true_labels_are_not_called_clean(module, unknown_run):
    text = show(module, prepare(module, unknown_run)).to_json()
    text = text.replace("higher: clean", "").replace("higher: mislabeled", "")
    assert "clean" not in text
    assert "mislabeled" not in text


def test_unknown_true_labels_get_ranks_and_one_group(unknown_run):
    assert set(curves.prepare(unknown_run)["role"]) == {"low", "middle", "high"}
    assert curves.prepare(unknown_run, sample_ids=[3])["role"].unique() == ["sample 3"]
    assert distributions.prepare(unknown_run)["group"].unique() == ["unknown"]
    table = logits.prepare(unknown_run, given_label=2, group="mean")
    assert table["title"].unique() == ["true label unknown, mean of 12"]


@pytest.mark.parametrize("module", ALL)
def test_class_names_are_shown_letter_by_letter(module, tmp_path):
    names = ["<b>x</b>", "cost $5$ %{x}", "_hidden", "a & b", "very " * 30 + "long"]
    write_run(tmp_path / "evil", class_names=names)
    run = RunReader(tmp_path / "evil")
    for label in (None, 0, 1, 2, 4):
        options = {"given_label": label}
        if module in (auroc_by_epoch, noise_matrix, accuracy):
            options = {}
        try:
            table = prepare(module, run, **options)
        except CannotShow:
            assert module is detection_intervals  # class 1 alone has mislabeled samples
            continue
        text = show(module, table).to_json()
        assert "<b>x" not in text
        assert r"\u003cb\u003ex" not in text
        assert "$5" not in text
        assert "very very very very very very very very very very very very very" not in text


def test_two_classes_have_no_tkum(tmp_path):
    rng = np.random.default_rng(0)
    true = np.arange(40) % 2
    given = np.where(np.arange(40) % 8 == 0, 1 - true, true)
    options = {"given_label": given, "true_label": true, "n_classes": 2, "n_epochs": 3}
    writer = RunWriter.create(tmp_path / "two", **options)
    for epoch in (1, 2, 3):
        writer.record(np.arange(40), logits=rng.normal(size=(40, 2)).astype(np.float32))
        writer.end_epoch(epoch)
    writer.finish()
    run = RunReader(tmp_path / "two")
    figures = {module: show(module, prepare(module, run)) for module in ALL[1:]}
    assert not any("TKUM" in (trace.name or "") for trace in figures[logits].data)
    titles = [annotation.text for annotation in figures[areas_by_epoch].layout.annotations]
    assert titles == ["AUM"]
    assert curves.prepare(run)["iam"].notna().all()


def test_accuracy_without_any_epoch_cannot_show(tmp_path):
    writer = write_run(tmp_path / "empty", epochs=0, finish=None)
    with pytest.raises(CannotShow, match="no epoch"):
        accuracy.prepare([RunReader(tmp_path / "empty")])
    with pytest.raises(CannotShow):
        accuracy.prepare([])
    del writer


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_ids": [N_SAMPLES]}, f"0..{N_SAMPLES - 1}"),
        ({"sample_ids": []}, "got 0 samples"),
        ({"sample_ids": range(7)}, "1 to 6 samples"),
        ({"given_label": 5}, "classes 0 to 4, not 5"),
        ({"epoch": 9}, "epochs 1 to 4, not 9"),
        ({"epoch": 0}, "epochs 1 to 4, not 0"),
    ],
)
def test_a_wrong_choice_gets_a_sentence(tiny_run, options, message):
    with pytest.raises(CannotShow, match=message):
        curves.prepare(tiny_run, **options)


def test_a_criterion_without_signals_is_named(tmp_path):
    write_run(tmp_path / "plain", with_cosine=False)
    run = RunReader(tmp_path / "plain")
    with pytest.raises(CannotShow, match="hm_weight"):
        distributions.prepare(run, ["hm_weight"])
    assert "hm_weight" not in set(auroc_by_epoch.prepare(run)["criterion"])
    assert "hm_weight" not in set(detection_intervals.prepare(run)["criterion"])


def test_texts_are_escaped_and_shortened():
    assert on_screen("<b>$x %{y} & z") == "&lt;b&gt;&#36;x %&#123;y} &amp; z"
    assert on_paper("$x$") == r"\$x\$"
    assert shorten("a" * 30, 7) == "aaa…aaa"
    assert shorten("a\nb", 7) == "a b"
