"""The page of thresholds: every state of a run, its words and numbers, and where it leads."""

import numpy as np
import pandas as pd
import pytest

from dashboard.figures.base import CannotShow
from dashboard.figures.criteria.threshold import N_BINS, prepare
from dashboard.presenters.thresholds import cells, is_off, modes_sentence
from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA
from hmw_core.importers.write import import_run
from hmw_core.laboratory.thresholds import find_threshold, percentile_threshold, threshold_table
from hmw_core.statistics.modes import modes
from tests.conftest import write_run
from tests.dashboard.views.steps import HTML_NAMES, in_address, open_page, said
from tests.hmw_core.importers.test_aums_threshold_samples import records
from tests.hmw_core.laboratory.test_thresholds import FIRST, SECOND, N, write


@pytest.fixture(scope="module")
def two_groups(tmp_path_factory):
    return write(tmp_path_factory.mktemp("runs") / "two")


def test_a_score_of_two_modes_is_cut_and_its_flags_lead_on(folder):
    run = write(folder / "two")
    page = open_page("threshold", run="two", criterion="aum")
    assert not page.error
    assert not any("arbitrary" in warning.value for warning in page.warning)
    assert "Two modes are shown" in page.success[0].value
    n = find_threshold(run, "aum", "gaussian").n_flagged
    assert f"flags {n} of {N} samples" in said(page)
    assert f"fix?run=two&tab=labels&criterion=aum&flag={n}" in said(page)
    table = page.dataframe[0].value
    assert table["Rule"].tolist() == ["Two Gaussians", "Two betas", "Valley"]
    assert table["Flagged"][0].startswith(f"{n} ")
    assert in_address(page, "rule") == "gaussian"


def test_true_labels_can_be_left_out_of_the_whole_page(folder):
    write(folder / "two")
    page = open_page("threshold", run="two", criterion="aum")
    assert "By the true labels" in said(page)
    assert "Real recall" in page.dataframe[0].value
    page.toggle(key="cut groups").set_value(False).run()
    assert "By the true labels" not in said(page)
    assert "Real recall" not in page.dataframe[0].value
    assert "outside the interval of what is true" not in said(page)


def test_flags_become_a_review_queue_most_suspicious_first(folder, monkeypatch):
    run = write(folder / "two")
    page = open_page("threshold", run="two", criterion="aum")
    gone = []
    monkeypatch.setattr(
        "streamlit.switch_page", lambda page, query_params=None: gone.append((page, query_params))
    )
    next(button for button in page.button if "Review these" in button.label).click().run()
    assert gone == [("views/pages/fix.py", {"run": "two", "tab": "review", "do": "judge"})]
    kept = page.session_state["review selection"]
    score = run.signals(["margin"]).groupby("sample_id")["margin"].mean()
    cut = find_threshold(run, "aum", "gaussian").cut
    assert kept["sample_ids"] == score[score < cut].sort_values().index.tolist()
    assert "Two Gaussians on AUM" in kept["what"]


def test_a_score_of_one_mode_is_warned_of(folder):
    write(folder / "one", wrong_margin=2.5)
    page = open_page("threshold", run="one", criterion="aum")
    assert "any threshold would be arbitrary" in page.warning[0].value


@pytest.mark.parametrize("rule", ["valley", "beta", "divide_mix"])
def test_every_rule_of_a_loss(folder, rule):
    write(folder / "two")
    page = open_page("threshold", run="two", criterion="mean_loss", rule=rule)
    assert not page.error
    assert len(page.dataframe[0].value) == 4


def test_a_rule_that_does_not_fit_is_said(folder):
    write(folder / "two")
    page = open_page("threshold", run="two", criterion="iam", rule="divide_mix")
    assert "no “divide_mix” here" in said(page)


def test_a_level_out_of_range_is_said(folder):
    write(folder / "two")
    page = open_page("threshold", run="two", level="3")
    assert "it cannot be “3”, so this takes 0.5" in said(page)


def test_threshold_samples_and_their_partner(folder):
    first = write(folder / "a", threshold=FIRST)
    page = open_page("threshold", run="a", criterion="aum", rule="threshold_samples")
    assert not page.error
    n = percentile_threshold(first).n_flagged
    assert f"Threshold samples flags {n} of {N - 60} samples" in said(page)
    assert "60 samples without a score are left out" in said(page)
    assert "no second run" in said(page)
    assert "--threshold-seed 1" in page.code[0].value
    write(folder / "b", threshold=SECOND, seed=1)
    page = open_page("threshold", run="a", criterion="aum", rule="threshold_samples")
    assert f"of {N} samples" in said(page)
    before = said(page)
    page.button_group(key="way of combining").set_value("in_every").run()
    assert not page.exception
    assert said(page) != before
    page.toggle(key="combined review").set_value(True).run()
    assert not page.exception
    assert len([b for b in page.button if "Review these" in b.label]) == 2


def test_imported_threshold_samples_have_no_seed(folder, tmp_path):
    table, _ = records()
    table.to_csv(tmp_path / "full_aum_records.csv", index=False)
    run = import_run("aum", tmp_path, folder / "imported")
    page = open_page("threshold", run="imported", criterion="aum", rule="threshold_samples")
    assert not page.exception
    assert "20 samples (10.0 %) were trained on in a class of their own" in said(page)
    n = percentile_threshold(run).n_flagged
    assert f"Threshold samples flags {n} of 180 samples" in said(page)
    assert "AUM's threshold samples and have no score" in said(page)


def test_without_threshold_samples_it_says_how_to_get_them(folder):
    write(folder / "two")
    page = open_page("threshold", run="two", criterion="aum")
    assert "--threshold-samples auto" in page.code[0].value


def test_unknown_true_labels(folder):
    write(folder / "real", known=False)
    page = open_page("threshold", run="real", criterion="aum")
    assert not page.error
    assert "Real precision" not in page.dataframe[0].value
    assert "By the true labels" not in said(page)


def test_small_running_empty_damaged_and_hostile_runs(folder):
    write_run(folder / "tiny", class_names=HTML_NAMES, pictures=False, with_cosine=False)
    writer = write_run(folder / "now", epochs=2, finish=None)
    empty = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    few = RunWriter.create(folder / "few", given_label=[0, 1, 2], n_classes=3, n_epochs=1)
    few.record(np.arange(3), logits=np.eye(3))
    few.end_epoch(1)
    few.finish()
    for name in ("tiny", "now", "new", "few"):
        assert not open_page("threshold", run=name).error
    assert "Too few samples" in said(open_page("threshold", run="few"))
    assert "No epoch is finished yet" in said(open_page("threshold", run="new"))
    no_cosine = said(open_page("threshold", run="tiny", criterion="hm_weight"))
    assert "This run has no such score: its log holds no hm_weight" in no_cosine
    for unfinished in (writer, empty):
        unfinished.finish("stopped", "by the test")


def test_without_any_run_it_says_how_to_get_one(folder):
    assert "no run" in said(open_page("threshold"))


def test_a_read_only_server_sends_nobody_to_the_review(folder, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    write(folder / "two")
    page = open_page("threshold", run="two", criterion="aum")
    assert next(button for button in page.button if "Review these" in button.label).disabled


def test_the_figure_holds_every_sample_every_cut_and_the_band(two_groups, tmp_path):
    other = write(tmp_path / "other", seed=1)
    table = prepare([two_groups, other], criterion="aum", rule="valley")
    bars = table[table["part"] == "bar"]
    sums = bars.groupby("group")["height"].sum()
    assert sums.to_dict() == {"all": N, "clean": 420, "mislabeled": 180}
    assert len(bars) == 3 * N_BINS
    cuts = table[table["part"] == "cut"].set_index("group")
    for rule in ("gaussian", "beta", "valley"):
        assert cuts.loc[rule, "left"] == find_threshold(two_groups, "aum", rule).cut
    bands = table[table["part"] == "band"].set_index("group")
    assert set(bands.index) == {"epochs", "seeds"}
    assert (bands["left"] <= cuts.loc["valley", "left"]).all()
    assert (bands["right"] >= cuts.loc["valley", "left"]).all()
    plain = prepare([two_groups], criterion="aum", groups=False, with_band=False)
    assert set(plain.loc[plain["part"] == "bar", "group"]) == {"all"}
    assert "band" not in set(plain["part"])


EXACT = {("gaussian", "aum"), ("gaussian", "last_loss"), ("valley", "aum")}


@pytest.mark.parametrize(
    ("criterion", "rule"), [("aum", "gaussian"), ("last_loss", "gaussian"), ("last_loss", "beta"),
                            ("last_loss", "divide_mix"), ("aum", "valley")],
)  # fmt: skip
def test_the_model_drawn_has_as_many_samples_as_the_bars(two_groups, criterion, rule):
    table = prepare([two_groups], criterion=criterion, rule=rule, with_band=False)
    model = table[table["part"] == "model"]
    # On the axis drawn, the mean height of the curve times the bars is the number of samples.
    total = sum(part["height"].mean() * N_BINS for _, part in model.groupby("group"))
    if (rule, criterion) in EXACT:
        assert total == pytest.approx(N, rel=0.05)
    else:  # DivideMix's Gaussians reach below a loss of 0, the betas leave out the ends
        assert 0.5 * N < total < 1.05 * N


def test_the_figure_refuses_a_rule_that_does_not_fit(two_groups):
    with pytest.raises(CannotShow, match="cannot cut IAM"):
        prepare([two_groups], criterion="iam", rule="threshold_samples")


def test_a_belief_that_is_wrong_is_told():
    row = {"expected_precision": 0.9, "precision_low": 0.4, "precision_high": 0.6}
    row |= {"expected_recall": 0.5, "recall_low": 0.4, "recall_high": 0.6}
    assert is_off(pd.Series(row))
    assert not is_off(pd.Series(row | {"expected_precision": 0.5}))
    assert not is_off(pd.Series(row | {"precision_low": np.nan, "precision_high": np.nan}))
    assert not is_off(pd.Series(row | {"expected_precision": np.nan}))


def test_sentences_about_modes():
    rng = np.random.default_rng(0)
    assert modes_sentence(None, CRITERIA["aum"])[0]
    steps = modes(np.repeat([1.0, 2.0], 50))
    assert "comes in steps" in modes_sentence(steps, CRITERIA["correctness"])[1]
    both = np.concatenate([rng.normal(size=500), rng.normal(8, 1, 500)])
    warn, text = modes_sentence(modes(both), CRITERIA["last_loss"])
    assert not warn
    assert "its logarithm" in text


def test_cells_say_why_there_is_no_cut(tmp_path):
    table = cells(
        threshold_table(write(tmp_path / "one", wrong_margin=3.0), "aum"), CRITERIA["aum"]
    )
    assert table["Why no threshold"].any()
    unknown = threshold_table(write(tmp_path / "u", known=False), "aum")
    assert "Real recall" not in cells(unknown, CRITERIA["aum"])
    assert RunReader(tmp_path / "u").n_samples == N
