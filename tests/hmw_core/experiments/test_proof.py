"""A proof's statistics by hand, its sentences, and files that are damaged, newer or hostile."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from hmw_core.errors import UnreadableRun
from hmw_core.experiments.proof import (
    as_markdown,
    conclusions,
    display_table,
    half_width,
    list_proofs,
    read_proof,
    remarks,
    summary,
    t_interval,
)
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock
from tests.conftest import write_small_proof

T2 = 4.302653  # Student's t, 0.975, of 2 degrees of freedom, as in any table


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a small proof and reads it."""

    def write(**changes):
        write_small_proof(tmp_path / "proofs" / "p", **changes)
        return read_proof(tmp_path / "proofs" / "p")

    return write


def accuracies(**by_arm):
    """Return the trainings of some arms with these accuracies for the seeds 1, 2, ..."""
    return [
        {
            "arm": arm,
            "seed": seed,
            "n_samples": 60,
            "mislabeled_fraction": None,
            "test_accuracy": value,
            "seconds": 1.0,
        }
        for arm, values in by_arm.items()
        for seed, value in enumerate(values, start=1)
    ]


def test_interval_by_hand():
    mean, low, high = t_interval([0.80, 0.81, 0.85])  # deviations -0.02, -0.01, 0.03
    half = T2 * math.sqrt(0.0014 / 2) / math.sqrt(3)
    assert (mean, low, high) == pytest.approx((0.82, 0.82 - half, 0.82 + half))


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7, 0.7], [0.7, math.nan]])
def test_without_spread_there_is_no_interval(values):
    mean, low, high = t_interval(values)
    assert mean == pytest.approx(0.7)
    assert math.isnan(low)
    assert math.isnan(high)


def test_no_value_has_no_mean():
    assert all(math.isnan(value) for value in t_interval([]))


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    draws = rng.normal(0.3, 0.05, (2000, 5))
    covered = [low <= 0.3 <= high for _, low, high in map(t_interval, draws)]
    assert 0.935 < np.mean(covered) < 0.965


def test_half_width_by_hand():
    assert half_width(2) == pytest.approx(12.7062 / math.sqrt(2), rel=1e-5)
    assert half_width(5) == pytest.approx(2.776445 / math.sqrt(5), rel=1e-6)


def test_summary_by_hand(written):
    table = summary(written()).set_index("arm")
    assert table["accuracy"].tolist() == pytest.approx([0.62, 0.82, 0.71, 0.60])
    half = T2 * 0.02 / math.sqrt(3)
    assert table.loc["original", ["low", "high"]].tolist() == pytest.approx(
        [0.62 - half, 0.62 + half]
    )
    assert table.loc["original", ["difference", "difference_low"]].isna().all()
    half = T2 * 0.01 / math.sqrt(3)  # paired: 0.20, 0.19, 0.21, though the arms spread wider
    lead = table.loc["corrected", ["difference", "difference_low", "difference_high"]]
    assert lead.tolist() == pytest.approx([0.20, 0.20 - half, 0.20 + half])
    assert table["n_samples"].tolist() == [60, 60, 54, 54]
    assert table["n_changed"].tolist() == [0, 6, 0, 0]
    assert table["n_dropped"].tolist() == [0, 0, 6, 6]
    assert table["mislabeled_fraction"].tolist() == pytest.approx([0.1, 0, 0, 0])


def test_pairs_are_by_seed_and_not_by_place(written):
    trainings = accuracies(original=(0.6, 0.7, 0.8), corrected=(0.7, 0.8, 0.92))
    row = summary(written(trainings=trainings[::-1])).set_index("arm").loc["corrected"]
    assert row["difference"] == pytest.approx((0.1 + 0.1 + 0.12) / 3)
    without_second = [t for t in trainings if (t["arm"], t["seed"]) != ("original", 2)]
    row = summary(written(trainings=without_second)).set_index("arm").loc["corrected"]
    assert row["difference"] == pytest.approx(0.11)
    assert row["n_seeds"] == 3


def test_no_accuracy_lies_beyond_one(written):
    table = summary(written(trainings=accuracies(original=(0.9, 1.0))))
    assert table["high"].tolist() == [1.0]
    assert 0 <= table["low"].iloc[0] < 0.95


def test_sentences_say_better_worse_and_cannot_tell(written):
    better, _, unclear, dropping, *_ = conclusions(written())
    assert better == (
        "Training on the corrected labels is better than training on the original labels: "
        "+20.00 points of test accuracy, interval +17.52 to +22.48."
    )
    assert unclear == (
        "Training without as many samples drawn at random cannot be told from training on the "
        "original labels: -2.00 points of test accuracy, interval -24.77 to +20.77."
    )
    assert dropping.startswith("Training without the suspects cannot be told from training without")
    assert "+11.00 points" in dropping
    worse = accuracies(original=(0.8, 0.81, 0.82), corrected=(0.7, 0.71, 0.73))
    assert "is worse than" in conclusions(written(trainings=worse))[0]


def test_a_difference_of_few_test_samples_is_said(written):
    small = accuracies(original=(0.80, 0.82, 0.84), corrected=(0.81, 0.83, 0.851))
    sentence = conclusions(written(trainings=small))[0]
    assert "is better than" in sentence
    assert sentence.endswith(
        "; but that is 1.0 of 100 test samples, too few to expect it of others."
    )
    assert "too few" not in conclusions(written(trainings=small, n_test=1000))[0]
    assert 2 * 0.5**5 > 0.05 > 2 * 0.5**6  # the sign test behind FEWEST


def test_few_seeds_are_said(written):
    one = conclusions(written(n_seeds=1))
    assert one[0].endswith("+20.00 points of test accuracy in one seed.")
    assert one[-1].startswith("One seed has no interval, so it proves nothing")
    assert not any("better" in sentence or "worse" in sentence for sentence in one)
    two = conclusions(written(n_seeds=2))
    assert two[-1] == "With 2 seeds an interval is about 7.2 times as wide as with 5."
    five = accuracies(original=(0.1, 0.2, 0.3, 0.4, 0.5), corrected=(0.2, 0.4, 0.5, 0.5, 0.6))
    assert len(conclusions(written(trainings=five))) == 1


def test_equal_differences_claim_nothing(written):
    same = accuracies(original=(0.5, 0.6), corrected=(0.6, 0.7))
    (sentence, _) = conclusions(written(trainings=same))
    assert "+10.00 points of test accuracy in each of 2 seeds" in sentence
    assert "no interval" in sentence


def test_nothing_to_say_yet(written):
    for trainings in ([], accuracies(original=(0.5,))):
        (sentence,) = conclusions(written(trainings=trainings))
        assert sentence.startswith("Nothing can be said")


def test_display_table(written):
    table = display_table(written()).set_index("Arm")
    assert table.loc["Corrected labels", "Test accuracy (%)"] == "82.00 [75.43, 88.57]"
    assert table.loc["Corrected labels", "Difference (points)"] == "+20.00 [+17.52, +22.48]"
    assert table.loc["Original labels", "Difference (points)"] == ""
    assert table.loc["Original labels", "Mislabeled"] == "10.0 %"
    unknown = display_table(written(trainings=accuracies(original=(0.5, 0.6))))
    assert unknown["Mislabeled"].tolist() == ["unknown"]


def test_remarks_name_what_differs_from_the_run(written):
    said = remarks(written(config_changes={"epochs": [100, 4]}, test_labels_are_true=False))
    assert "The run itself has epochs 100, this proof 4." in said
    assert any("Whether the test labels are right is not known" in s for s in said)
    assert not any("is not known" in sentence for sentence in remarks(written()))


def test_markdown_shows_a_hostile_file_name_as_it_is(written):
    evil = "<img src=x>|a|*b*.csv"
    labels = {"file": evil, "n_changed": 6, "n_suspects": 6}
    text = as_markdown(written(labels=labels))
    head, rule, *rows = text.splitlines()[:6]
    assert head.startswith("| Arm | Seeds |")
    assert set(rule) == set("| -")
    assert {row.count("|") for row in rows} == {head.count("|")}
    assert "<img" not in text.replace("\\<", "")
    assert "- Training on the corrected labels is better" in text


def test_a_proof_is_running_only_while_it_is_written(tmp_path):
    folder = tmp_path / "run" / "proofs" / "p"
    info = write_small_proof(folder, status="running", seeds=[1, 2, 3, 4])
    assert read_proof(folder).status == "stopped"
    lock = FolderLock(folder)
    layout.write_json(
        folder / "now.json", {"arm": "original", "seed": 4, "epoch": 1, "n_epochs": 4}
    )
    found = read_proof(folder)
    assert found.status == "running"
    assert (found.n_planned, len(found.trainings)) == (16, len(info["trainings"]))
    assert found.seconds_left == pytest.approx(2.0 * (16 - 12.25))
    lock.free()


def test_the_csv_beside_holds_every_training(tmp_path):
    write_small_proof(tmp_path / "p")
    table = pd.read_csv(tmp_path / "p" / "trainings.csv")
    assert " ".join(table) == "arm seed n_samples mislabeled_fraction test_accuracy seconds"
    assert len(table) == 12


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"format": 1, "na', "is damaged"),
        ("[]", "is no proof of ours"),
        ('{"format": 99}', "newer than this program reads"),
        ('{"format": 1}', "lacks what a proof has"),
        ("\x00\xff", "is damaged"),
    ],
)
def test_a_damaged_proof_is_named_and_hides_no_other(tmp_path, content, sentence):
    write_small_proof(tmp_path / "proofs" / "good", created="2026-01-01T00:00:00+00:00")
    write_small_proof(tmp_path / "proofs" / "newer", created="2026-02-01T00:00:00+00:00")
    write_small_proof(tmp_path / "proofs" / "bad")
    (tmp_path / "proofs" / "bad" / "proof.json").write_bytes(content.encode("latin-1"))
    proofs, broken = list_proofs(tmp_path)
    assert [proof.name for proof in proofs] == ["newer", "good"]
    assert sentence in broken["bad"]
    with pytest.raises(UnreadableRun):
        read_proof(tmp_path / "proofs" / "bad")


@pytest.mark.parametrize(
    "change", [{"n_test": 0}, {"config": []}, {"seeds": 3}, {"config_changes": {"epochs": []}}]
)
def test_a_proof_whose_numbers_are_none_is_refused(tmp_path, change):
    write_small_proof(tmp_path / "p", **change)
    with pytest.raises(UnreadableRun, match="lacks what a proof has"):
        read_proof(tmp_path / "p")


@pytest.mark.parametrize("field", ["labels", "trainings", "arms", "seeds", "config", "n_test"])
def test_a_proof_that_lacks_something_is_refused(tmp_path, field):
    info = write_small_proof(tmp_path / "p")
    for wrong in ({}, {field: None}):
        rest = {key: value for key, value in info.items() if key != field} | wrong
        (tmp_path / "p" / "proof.json").write_text(json.dumps(rest))
        with pytest.raises(UnreadableRun, match="lacks what a proof has"):
            read_proof(tmp_path / "p")


def test_a_run_without_proofs_has_none(tmp_path):
    assert list_proofs(tmp_path) == ([], {})
