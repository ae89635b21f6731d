"""A criterion that a run cannot give is refused, with the reason and those that it can give."""

import numpy as np
import pytest

from dashboard.export.labels import main
from dashboard.export.verify import main as verify
from hmw_core import RunReader, RunWriter
from hmw_core.criteria import NAMED
from hmw_core.criteria.of_run import check_given, given_criteria
from hmw_core.errors import UsageError
from hmw_core.review.corrected_labels import corrected_labels, label_issues
from hmw_core.review.label_file import write_labels

N = 30


def make(folder, n_classes=3, columns=None, change=lambda logits: None, **options):
    given = np.arange(N) % n_classes
    arguments = {"given_label": given, "n_classes": n_classes, "n_epochs": 1, **options}
    with RunWriter.create(folder, **arguments) as log:
        if columns is None:
            logits = np.random.default_rng(0).normal(size=(N, n_classes))
            change(logits)
            log.record(np.arange(N), logits)
        else:
            log.record_signals(np.arange(N), **columns)
        log.end_epoch(1)
    return RunReader(folder)


def all_nan(logits):
    logits[:] = np.nan


def most_nan(logits):
    logits[5:] = np.nan


LOSS = {"loss": np.linspace(0, 1, N)}
EMPTY = {
    "no cosines": ({}, "hm_weight", "its log holds no hm_weight"),
    "two classes": ({"n_classes": 2}, "tkum", "k = 1 needs 3 classes, and it has 2"),
    "no logits": ({"columns": LOSS}, "iam", "the loop recorded no such column"),
    "said by the source": ({"columns": LOSS, "absent": {"given_logit": "AUM's own"}}, "aum", "AUM"),
    "no features": ({}, "neighbour_vote", "no features were logged"),
    "no outputs": ({"outputs": "none"}, "tkum_k3", "(?:holds? no logits|k = 3 needs 5 classes)"),
    "nothing finite": ({"change": all_nan}, "aum", "no sample has a score"),
    "NaN in an import": ({"columns": {"loss": np.full(N, np.nan)}}, "last_loss", "no sample"),
}


@pytest.mark.parametrize(("options", "name", "reason"), EMPTY.values(), ids=EMPTY)
def test_it_is_refused_wherever_it_is_asked_for(options, name, reason, tmp_path, capsys):
    run = make(tmp_path / "run", **options)
    for ask in (corrected_labels, label_issues):
        with pytest.raises(UsageError, match=reason) as caught:
            ask(run, name)
        assert str(caught.value).startswith(f"run 'run' has no {NAMED[name].title}: ")
        assert "\n" not in str(caught.value)
    assert f"{name}," not in str(caught.value).split("it can give:")[1]
    for flag in ([], ["--flag", "3"]):
        argv = [str(tmp_path / "run"), str(tmp_path / "l.csv"), "--criterion", name, *flag]
        assert main(argv) == 2
        assert "; it can give: " in capsys.readouterr().err
    assert not (tmp_path / "l.csv").exists()


def test_what_a_run_can_give_has_scores(tmp_path):
    for n_classes in (2, 3):
        run = make(tmp_path / f"run-{n_classes}", n_classes)
        names = given_criteria(run)
        assert names[0] == "iam"
        assert not {"hm_weight", "hyperspherical_iam"} & set(names)
        for name in names:
            scores = corrected_labels(run, name)["score"]
            assert scores.notna().all(), name


def test_without_a_name_the_first_that_the_run_can_give_is_taken_and_said(tmp_path, capsys):
    make(tmp_path / "run", columns=LOSS)
    assert main([str(tmp_path / "run"), str(tmp_path / "l.csv")]) == 0
    assert "scores by last_loss" in capsys.readouterr().out
    table = corrected_labels(RunReader(tmp_path / "run"))
    assert table.attrs["provenance"]["criterion"] == "last_loss"
    np.testing.assert_allclose(table["score"], LOSS["loss"], rtol=1e-6)
    assert verify([str(tmp_path / "l.csv"), str(tmp_path / "run")]) == 0


def test_no_more_are_flagged_than_have_a_score(tmp_path, capsys):
    run = make(tmp_path / "run", change=most_nan)
    table = corrected_labels(run, "aum", n_flagged=5)
    assert table["is_flagged"].tolist() == [True] * 5 + [False] * 25
    assert table["suspicion_rank"].isna().tolist() == [False] * 5 + [True] * 25
    with pytest.raises(UsageError, match=r"must be 0\.\.5, got 6 \(25 of 30 samples have no"):
        corrected_labels(run, "aum", n_flagged=6)
    assert main([str(tmp_path / "run"), str(tmp_path / "l.csv")]) == 0
    assert "scores by iam (25 samples have none)" in capsys.readouterr().out


def test_an_export_of_a_criterion_that_its_run_cannot_give_is_not_verified(tmp_path, capsys):
    with_logits = make(tmp_path / "a" / "run")
    table = corrected_labels(with_logits, "iam")
    write_labels(tmp_path / "l.csv", table)
    make(tmp_path / "b" / "run", columns=LOSS)
    assert verify([str(tmp_path / "l.csv"), str(tmp_path / "b" / "run")]) == 2
    assert "run 'run' has no IAM: " in capsys.readouterr().err


def test_a_run_without_an_epoch_still_gives_its_labels(tmp_path):
    RunWriter.create(tmp_path / "run", given_label=[0, 1, 2], n_classes=3, n_epochs=1).finish()
    run = RunReader(tmp_path / "run")
    assert corrected_labels(run)["score"].isna().all()
    with pytest.raises(UsageError, match=r"must be 0\.\.0, got 1"):
        corrected_labels(run, n_flagged=1)
    with pytest.raises(UsageError, match="unknown criterion"):
        check_given(run, "nonsense")
