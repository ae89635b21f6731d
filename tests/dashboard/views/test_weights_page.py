"""The page Weights: its numbers, settings in the address, refusals, and the command it gives."""

import shlex
from dataclasses import replace

import numpy as np
import pytest

from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from dashboard.figures.dynamics.playground import in_words
from dashboard.presenters.weight_command import own_loop, train_arguments, train_command
from hmw_core import RunReader, RunWriter
from hmw_core.laboratory.hm_replay import Settings, logged_settings
from tests.conftest import write_run
from tests.dashboard.views.steps import HTML_NAMES, in_address, open_page, said
from training.config import RunConfig

TERMS = "choice w-terms"


def table_of(page):
    return page.dataframe[0].value.set_index("Quantity")


def test_the_runs_own_settings_are_the_start(folder):
    write_run(folder / "tiny")
    page = open_page("weights", run="tiny")
    assert not page.error
    table = table_of(page)
    assert table.columns.tolist() == ["Chosen", "In the log", "On the loss"]
    assert (table["Chosen"] == table["In the log"]).all()
    assert table.loc["Mean weight, clean", "On the loss"] == "1"
    assert table.loc["Share of mislabeled samples", "Chosen"] == "10.0 %"
    assert "network stays that of the run" in said(page)
    assert "rules of thumb" in said(page)


def test_settings_come_from_the_address_and_stay_in_it(folder):
    write_run(folder / "tiny")
    page = open_page("weights", run="tiny", **{"w-alpha": "0", "w-beta": "0"})
    assert table_of(page).loc["Mean weight, all samples", "Chosen"] == "0.75"
    assert table_of(page).loc["AUROC of the weight (95 % interval)", "Chosen"].startswith("0.500")
    page.selectbox(key=TERMS).select("tkum").run()
    assert in_address(page, "w-terms") == "tkum"
    assert table_of(page).loc["Mean weight, all samples", "Chosen"] == "1"
    assert "TKUM" in str(page.selectbox(key=TERMS).options)
    [page_button] = [b for b in page.button if b.label == "As logged"]
    page_button.click().run()
    assert (table_of(page)["Chosen"] == table_of(page)["In the log"]).all()
    assert "w-terms" not in page.query_params


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"w-alpha": "-3"}, "alpha must be 0 or more, got -3"),
        ({"w-alpha": "x"}, "it cannot be “x”"),
        ({"w-k": "9"}, "k is 9, but with 5 classes"),
        ({"w-terms": "magic"}, "Terms: there is no “magic”"),
        ({"w-warmup": "99"}, "weighs"),
    ],
)
def test_settings_that_cannot_be_are_answered(folder, address, sentence):
    write_run(folder / "tiny")
    page = open_page("weights", run="tiny", **address)
    assert not page.error
    if "w-warmup" in address:
        assert table_of(page).loc["Mean weight, all samples", "Chosen"] == "1"
    else:
        assert sentence in said(page)


def test_starved_samples_are_warned_of(folder):
    write_run(folder / "tiny")
    fine = open_page("weights", run="tiny", **{"w-alpha": "1", "w-beta": "1"})
    assert not fine.warning
    page = open_page("weights", run="tiny", **{"w-beta": "5000", "w-terms": "tkum"})
    assert "may starve the training" in page.warning[0].value
    assert "mean weight of clean samples is 0.0" in page.warning[0].value


def test_a_log_without_cosines_says_so(folder):
    write_run(folder / "bare", with_cosine=False)
    page = open_page("weights", run="bare")
    assert "holds no cosines to the class vectors" in said(page)
    assert in_address(page, "tab") == "threshold"


def test_unknown_true_labels_leave_what_is_known(folder):
    write_run(folder / "real", known=False)
    page = open_page("weights", run="real")
    assert not page.error
    assert table_of(page).index.tolist() == [
        "Mean weight, all samples",
        "Effective sample size, share of all",
    ]
    assert "No true label of this run is known" in said(page)


def test_states_of_a_run(folder):
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    assert "No epoch is finished yet" in said(open_page("weights", run="new"))
    writer.finish("stopped", "by the test")
    rng = np.random.default_rng(0)
    writer = RunWriter.create(folder / "two", given_label=[0, 1, 0], n_classes=2, n_epochs=1)
    writer.record([0, 1, 2], logits=rng.normal(size=(3, 2)), cosine=rng.uniform(-1, 1, (3, 2)))
    writer.end_epoch(1)
    writer.finish()
    page = open_page("weights", run="two")
    assert not page.error
    assert page.selectbox(key=TERMS).options == ["AUM alone"]
    write_run(folder / "html", class_names=HTML_NAMES)
    page = open_page("weights", run="html", **{"w-beta": "5000", "w-terms": "tkum"})
    assert not page.error


CONFIG = RunConfig(
    dataset="digits",
    noise="symmetric",
    noise_rate=0.5,
    loss="gce",
    loss_args={"q": 0.7},
    class_bias=False,
    normalize_logits=True,
    features_at=(3, 7),
    epochs=9,
    recipe="GCE",
    seed=4,
)


def with_config(path, config):
    write_run(path)
    run = RunReader(path)
    run.info["config"] = config.as_json()
    return run


def test_the_command_trains_as_the_run_but_for_the_weights(tmp_path):
    from hmw_core.command_line import parse
    from training.__main__ import _recipe_defaults

    run = with_config(tmp_path / "made", CONFIG)
    settings = Settings(alpha=12.5, beta=3.0, annealing_start=0, warmup_epochs=2, terms="aum")
    words = train_arguments(run, settings, tmp_path)
    assert words[0] == "train"
    made = parse(RunConfig, words[1:], "train", _recipe_defaults(words[1:]))
    expected = replace(
        CONFIG,
        recipe=None,
        weighting="hmw",
        weighting_args={"terms": "aum"},
        alpha=12.5,
        beta=3.0,
        annealing_start=0,
        warmup_epochs=2,
        run=made.run,
        runs=str(tmp_path),
    )
    assert made == expected
    assert "alpha12.5" in made.run
    line = train_command(run, settings, tmp_path)
    assert shlex.split(line) == ["python", "-m", "training", *words]


def test_the_command_of_hostile_names_is_one_line_of_words(tmp_path):
    run = with_config(tmp_path / "a; rm -rf $(x)", CONFIG)
    words = train_arguments(run, Settings(), tmp_path)
    name = words[words.index("--run") + 1]
    assert not set(name) & set("; $()/")
    assert shlex.split(train_command(run, Settings(), tmp_path))[3:] == words


def test_a_loop_of_ones_own_gets_the_lines(tmp_path):
    write_run(tmp_path / "own")
    run = RunReader(tmp_path / "own")
    assert train_command(run, Settings(), tmp_path) is None
    lines = own_loop(run, Settings(alpha=2.0, terms="tkum"))
    assert "HMWeighting(60, 4, alpha=2.0" in lines
    assert "terms='tkum'" in lines
    compile(lines, "own loop", "exec")


def test_settings_in_words():
    assert in_words(Settings()) == "alpha 100, beta 100"
    assert in_words(Settings(terms="aum", k=3)) == "alpha 100"
    everything = in_words(Settings(k=3, history="uniform_mean", warmup_epochs=2))
    assert everything == "alpha 100, beta 100, k 3, plain mean, warm-up 2"


def test_figures_hold_chosen_and_logged_weights(tiny_run):
    settings = replace(logged_settings(tiny_run), alpha=50.0)
    table = FIGURES["playground_weights"].prepare(tiny_run, settings=settings)
    assert table["of"].unique().tolist() == ["chosen", "the run's log"]
    assert (table.groupby(["of", "group"])["share"].sum().round(9) == 1).all()
    table = FIGURES["playground_epochs"].prepare(tiny_run, settings=settings, epoch=2)
    assert table["epoch"].max() == 2
    classes = FIGURES["playground_classes"].prepare(tiny_run, settings=settings)
    assert set(classes["group"]) == {"clean", "mislabeled"}
    scales = FIGURES["playground_scales"].prepare(tiny_run, settings=settings, vary="alpha")
    at = scales[(scales["scale"] == 50) & (scales["quantity"] == "mean_clean")]["value"].iloc[0]
    by_epoch = FIGURES["playground_epochs"].prepare(tiny_run, settings=settings)
    last = by_epoch[(by_epoch["of"] == "chosen") & (by_epoch["group"] == "clean")].iloc[-1]
    assert at == pytest.approx(last["mean_weight"], rel=1e-5)


def test_a_figure_without_cosines_says_so(tmp_path):
    write_run(tmp_path / "bare", with_cosine=False)
    run = RunReader(tmp_path / "bare")
    for name in ("weights", "epochs", "classes", "scales"):
        with pytest.raises(CannotShow, match="no cosines"):
            FIGURES[f"playground_{name}"].prepare(run)
