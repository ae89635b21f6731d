"""What every criterion must do, whatever it computes."""

import numpy as np
import pytest

from hmw_core.criteria import CRITERIA
from hmw_core.schema import SIGNAL_NAMES
from hmw_core.store import RunReader


@pytest.mark.parametrize("name", CRITERIA)
def test_one_score_a_sample_by_sample_id(name, tiny_run):
    score = CRITERIA[name].compute(tiny_run)
    assert score.index.tolist() == list(range(tiny_run.n_samples))
    assert np.isfinite(score).all()


@pytest.mark.parametrize("name", CRITERIA)
def test_direction_separates_the_mislabeled_of_the_tiny_run(name, tiny_run):
    score = CRITERIA[name].compute(tiny_run)
    mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    suspicion = score if CRITERIA[name].higher_means == "mislabeled" else -score
    assert suspicion[mislabeled].min() > suspicion[~mislabeled].max()


@pytest.mark.parametrize("name", CRITERIA)
def test_reads_logged_columns_and_says_where_it_is_from(name):
    criterion = CRITERIA[name]
    assert set(criterion.reads) <= set(SIGNAL_NAMES)
    assert criterion.title
    assert criterion.unit
    assert criterion.source


@pytest.mark.parametrize("name", CRITERIA)
def test_the_epoch_asked_for_is_the_last_one_used(name, tiny_run, tmp_path):
    from tests.conftest import write_run

    write_run(tmp_path / "short", epochs=2, finish="stopped")
    short = CRITERIA[name].compute(RunReader(tmp_path / "short"))
    np.testing.assert_allclose(CRITERIA[name].compute(tiny_run, epoch=2), short, rtol=1e-6)
    assert not np.allclose(CRITERIA[name].compute(tiny_run), short, rtol=1e-6)


@pytest.mark.parametrize("name", CRITERIA)
def test_the_logged_auroc_is_that_of_the_score(name, tiny_run):
    from hmw_core.detection import auroc

    criterion = CRITERIA[name]
    mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    expected = auroc(criterion.compute(tiny_run, epoch=3), mislabeled, criterion.higher_means)
    logged = tiny_run.metrics().set_index("epoch")[f"auroc_{name}"]
    assert logged[3] == pytest.approx(expected)
