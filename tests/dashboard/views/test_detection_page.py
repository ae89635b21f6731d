"""The page that holds the contest of criteria: every part, every state, hostile addresses."""

import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.laboratory.contest import contest_of
from hmw_core.laboratory.contest_tables import pairs
from tests.conftest import write_run
from tests.dashboard.views.steps import HTML_NAMES, in_address, open_page, said
from tests.hmw_core.laboratory.test_contest import noisy_run

PARTS = ("measures", "pairs", "epochs", "classes", "rules", "seeds")


def open_detection(**address):
    return open_page("detection", **address)


def plainly(page):
    return said(page).replace("*", "")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_finished_run(folder, part):
    noisy_run(folder / "one")
    page = open_detection(run="one", part=part)
    assert not page.error
    assert "Not shown" not in said(page)


def test_who_beats_whom_is_said_with_its_numbers(folder):
    run = noisy_run(folder / "one")
    asked = {"criteria": "iam,mean_loss,tkum", "a": "iam", "b": "tkum"}
    assert len(open_detection(run="one", **asked).dataframe[0].value) == 3
    page = open_detection(run="one", part="pairs", **asked)
    row = pairs(contest_of(run, ["iam", "mean_loss", "tkum"])).iloc[1]
    assert (row["a"], row["b"]) == ("iam", "tkum")
    assert f"a difference of {row['difference']:+.4f}" in said(page)
    assert f"{row['low']:+.4f} to {row['high']:+.4f}; together with all 3 pairs" in said(page)
    assert "not the probability that A is the better criterion" in said(page)
    assert "This matrix holds 3 pairs" in said(page)
    (matrix,) = (table.value for table in page.dataframe)
    assert len(matrix) == 3
    assert set(matrix["Result"]) <= {"A beats B", "not decided", "level"}
    assert not matrix["A minus B"].str.startswith("-").any()


def test_perfect_criteria_are_not_told_apart(folder):
    write_run(folder / "tiny")
    page = open_detection(run="tiny")
    assert "are level: the same AUROC" in plainly(page)
    assert "1.000 (0.541 to 1.000)" in page.dataframe[0].value.iloc[0]["AUROC"]


def test_unknown_true_labels_get_a_sentence_and_a_way_on(folder):
    write_run(folder / "real", known=False)
    page = open_detection(run="real")
    assert "real knows no true label" in said(page)
    assert "Nobody knows which labels are wrong here" in said(page)
    assert in_address(page, "tab") == "agreement"


def test_partly_known_true_labels_are_counted(folder):
    noisy_run(folder / "part", known=90, unseen=(3,))
    page = open_detection(run="part")
    assert "1 left out for lack of a score, 30 of all for lack of a true label" in said(page)


def test_without_cosines_the_others_contest(folder):
    write_run(folder / "plain", with_cosine=False, pictures=False)
    for part in PARTS:
        page = open_detection(run="plain", part=part)
        assert not page.error
        if part != "seeds":
            assert "This log has no “Hyperspherical AUM”" in said(page)
            assert "because its log holds no given_distance" in said(page)
    assert "0 left out for lack of a score" in said(open_detection(run="plain"))


def test_before_the_first_epoch_and_without_any_run(folder):
    assert "no run" in said(open_detection())
    writer = RunWriter.create(
        folder / "new", given_label=[0, 1, 1], true_label=[0, 1, 0], n_classes=2, n_epochs=5
    )
    assert "No epoch is finished yet" in said(open_detection(run="new"))
    writer.finish("stopped")


def test_budgets_as_count_and_share(folder):
    noisy_run(folder / "one")
    page = open_detection(run="one", flag="count", budget="10")
    assert "Flagged: 10, 10 samples" in said(page)
    assert "Recall at the budget" in page.dataframe[0].value
    page = open_detection(run="one", flag="share", budget_share="25")
    assert "Flagged: 30, 25 % of the samples in the contest" in said(page)
    page = open_detection(run="one", flag="share", budget_share="250")
    assert "Per cent: it cannot be “250”" in said(page)


def test_the_hard_contest_says_what_is_hard_and_its_bias(folder):
    noisy_run(folder / "one")
    page = open_detection(run="one", contest="hard", hard_share="25")
    assert "the 25 % of the clean that Last loss finds most suspicious" in plainly(page)
    assert "biased against last loss. Here Last loss chooses, and takes part" in said(page)
    assert "the 25 % of the clean that Last loss finds most suspicious (24)" in plainly(page)
    page = open_detection(run="one", contest="hard", hard_by="mean_rank")
    assert "biased against each of them about alike" in said(page)
    page = open_detection(run="one", contest="hard", hard_by="aum", criteria="iam,mean_loss")
    assert "Here AUM chooses, which does not take part" in said(page)


def test_another_seed_may_say_what_is_hard(folder):
    for seed in (0, 1, 2):
        noisy_run(folder / f"seed{seed}", seed=seed)
    page = open_detection(run="seed0", contest="hard", hard_in="seed2")
    assert "another seed on the same samples" in said(page)
    assert in_address(page, "hard_in") == "seed2"
    page = open_detection(run="seed0", part="rules")
    chosen_by = page.dataframe[0].value["Hard chosen by"].tolist()
    assert len(chosen_by) == len(MAIN_CRITERIA) + 1 + 4  # own, mean rank, two losses of two seeds
    assert "Last loss in seed1" in chosen_by


def test_seeds_are_paired_and_few_are_said_to_be_few(folder):
    found = [noisy_run(folder / f"seed{seed}", seed=seed) for seed in (0, 1, 2)]
    page = open_detection(run="seed1", part="seeds", criteria="iam,mean_loss")
    assert "Only 3 seeds" in said(page)
    table = page.dataframe[0].value
    assert [c for c in table if c.startswith("Seed ")] == ["Seed 0", "Seed 1", "Seed 2"]
    row = table[table["Criterion (suspicious end)"] == "IAM (low)"].iloc[0]
    for run in found:
        value = contest_of(run, ["iam"], n_resamples=0).values.loc["iam", "auroc"]
        assert row[f"Seed {run.info['seed']}"] == f"{value:.4f}"
    assert "on the same samples and given labels" in said(page)


def test_one_seed_has_no_spread_and_a_shorter_one_is_left_out(folder):
    noisy_run(folder / "one")
    assert "there is no spread over seeds" in said(open_detection(run="one", part="seeds"))


def test_few_mislabeled_samples_in_a_class_are_said(folder):
    write_run(folder / "tiny")  # mislabeled samples have two of the five labels
    table = open_detection(run="tiny", part="classes").dataframe[0].value
    by_label = table.set_index("Given label")
    assert by_label.loc["all classes", "Mislabeled"] == 6
    assert by_label.loc["2", "IAM"] == "too few"


def test_many_resamples_are_drawn_when_asked_for(folder, monkeypatch):
    monkeypatch.setattr("hmw_core.laboratory.contest.NANOSECONDS", 1e6)
    noisy_run(folder / "one")
    page = open_detection(run="one", criteria="iam,aum")
    assert "Until then there are values without intervals" in said(page)
    assert "No resamples were drawn" in said(page)
    button = next(b for b in page.button if b.label == "Draw the resamples")
    button.click().run()
    assert not page.exception
    assert "1,000 resamples" in said(page)
    again = open_detection(run="one", criteria="iam,aum")  # kept with the run
    assert "1,000 resamples of the samples" in said(again)
    assert "Until then" not in said(again)


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("criteria", "iam,magic", "there is no “magic” here"),
        ("measure", "luck", "Measure: there is no “luck”"),
        ("a", "magic", "Criterion A: there is no “magic”"),
        ("among", "77", "Given label: there is no “77”"),
        ("hard_share", "x", "it cannot be “x”, so this takes 10"),
        ("part", "nothing", ""),
    ],
)
def test_an_address_that_cannot_be_gets_a_word(folder, key, value, answer):
    noisy_run(folder / "one")
    page = open_detection(run="one", **{"contest": "hard", key: value})
    assert answer in said(page)
    assert page.dataframe


def test_names_with_markup_stay_names(folder):
    write_run(folder / "html", class_names=HTML_NAMES)
    for part in PARTS:
        page = open_detection(run="html", part=part, among="1")
        assert not page.error
        assert all("<img" not in caption.value.replace("\\<", "") for caption in page.caption)


def test_a_criterion_beyond_the_main_ones_can_take_part(folder):
    run = noisy_run(folder / "one")
    other = next(name for name in CRITERIA if name not in MAIN_CRITERIA)
    page = open_detection(run="one", criteria=f"iam,{other}")
    assert not page.error
    assert len(page.dataframe[0].value) == 2
    assert RunReader(run.folder).last_epoch == 3
