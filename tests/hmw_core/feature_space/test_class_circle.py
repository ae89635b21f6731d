"""Maps of many epochs: what does not change does not move, and what moves is measured."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.feature_space import alignment

N, C, D = 60, 4, 6


def rotation(rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(D, D)))[0]


def write(folder, *, with_cosine: bool = True, outputs: str = "full", vectors_too: bool = True):
    """Write four epochs: as it is, the same again, the same turned, and another one."""
    rng = np.random.default_rng(0)
    given = np.arange(N) % C
    vectors = rng.normal(size=(C, D))
    features = vectors[given] + rng.normal(0, 0.7, (N, D))
    turn = rotation(rng)
    later = vectors[given] + rng.normal(0, 0.2, (N, D))
    epochs = [
        (features, vectors),
        (features, vectors),
        (features @ turn, vectors @ turn),
        (later, vectors),
    ]
    writer = RunWriter.create(
        folder, given_label=given, true_label=None, n_classes=C, n_epochs=4, outputs=outputs
    )
    for number, (at, to) in enumerate(epochs, start=1):
        length = np.linalg.norm(at, axis=1)[:, None] * np.linalg.norm(to, axis=1)
        writer.record(
            np.arange(N), logits=at @ to.T, cosine=at @ to.T / length if with_cosine else None
        )
        writer.end_epoch(number)
        writer.flush()
        writer.log_features(number, at, to if vectors_too else None)
    writer.finish("finished")
    return RunReader(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunReader:
    return write(tmp_path_factory.mktemp("runs") / "four")


@pytest.fixture(scope="module")
def table(run) -> pd.DataFrame:
    return alignment.joint(run)


def places(table: pd.DataFrame, epoch: int) -> np.ndarray:
    rows = table[(table["epoch"] == epoch) & (table["kind"] == "sample")]
    return rows.sort_values("sample_id")[["x", "y"]].to_numpy()


def test_the_same_features_lie_at_the_same_place(table):
    np.testing.assert_array_equal(places(table, 1), places(table, 2))
    assert not np.allclose(places(table, 1), places(table, 4))


def test_turning_features_and_class_vectors_together_moves_nothing(run, table):
    np.testing.assert_allclose(
        alignment.feature_cosines(run, 1).cosine,
        alignment.feature_cosines(run, 3).cosine,
        atol=2e-3,  # features are kept as halves
    )
    size = np.ptp(places(table, 1), axis=0).max()
    np.testing.assert_allclose(places(table, 1), places(table, 3), atol=0.05 * size)
    assert np.abs(places(table, 1) - places(table, 4)).max() > 0.1 * size


def test_movement_tells_a_step_without_change_from_one_with(table):
    steps = alignment.movement(table)
    assert steps["epoch_from"].tolist() == [1, 2, 3]
    assert steps["n_samples"].tolist() == [N, N, N]
    assert steps["median_move"][0] == 0
    assert np.isnan(steps["layout_noise"][0])
    assert steps["median_move"][2] > 10 * steps["median_move"][1]
    assert 0 <= steps["layout_noise"][2] < 1


def test_movement_by_hand():
    """Two samples; the other map moves the first alike and the second the other way."""
    rows = [
        (1, 0, 0, 0, 0, 0, np.nan),
        (1, 1, 4, 0, 4, 0, np.nan),
        (2, 0, 1, 0, 1, 0, 0.1),
        (2, 1, 4, 2, 4, -2, 0.2),
    ]
    names = ["epoch", "sample_id", "x", "y", "x_other", "y_other", "moved"]
    table = pd.DataFrame(rows, columns=names).assign(kind="sample")
    [step] = alignment.movement(table).to_dict("records")
    assert step["layout_noise"] == pytest.approx(16 / (1 + 4 + 1 + 4))
    xy = np.array([[0, 0], [4, 0], [1, 0], [4, 2]])
    width = np.sqrt(((xy - xy.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert step["median_move"] == pytest.approx(1.5 / width)
    assert np.isnan(step["rank_correlation"])  # of two samples none can be told


def test_how_far_cosines_moved(run, table):
    first, last = (alignment.feature_cosines(run, epoch).cosine for epoch in (3, 4))
    rows = table[(table["epoch"] == 4) & (table["kind"] == "sample")].sort_values("sample_id")
    np.testing.assert_allclose(rows["moved"], np.linalg.norm(last - first, axis=1), rtol=1e-5)
    assert table.loc[table["epoch"] == 1, "moved"].isna().all()
    assert table.loc[table["kind"] == "class", "moved"].isna().all()


def test_class_vectors_are_in_the_map(table):
    vectors = table[table["kind"] == "class"]
    assert vectors.groupby("epoch")["class_label"].apply(list).tolist() == [list(range(C))] * 4
    assert (vectors["sample_id"] == -1).all()


def test_a_map_is_kept_and_the_same_again(run, table):
    kept = alignment.kept_joint(run)
    assert kept is not None
    pd.testing.assert_frame_equal(kept, table)
    assert alignment.kept_joint(run, [1, 4]) is None
    assert alignment.kept_joint(run, seed=5) is None


def test_what_cannot_be_mapped_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match="epoch 9 has none; .* 1, 2, 3, 4"):
        alignment.joint(run, [1, 9])
    with pytest.raises(UsageError, match="two epochs"):
        alignment.joint(run, [4])
    without = write(tmp_path / "without", vectors_too=False)
    assert alignment.feature_epochs(without) == []
    with pytest.raises(UsageError, match="class vectors"):
        alignment.feature_cosines(without, 1)


def test_onto_finds_turn_mirror_scale_and_shift():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(20, 2))
    angle = 0.7
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    np.testing.assert_allclose(alignment.onto(3 * target @ turn + [5, -2], target), target)


def test_circle_by_hand():
    """A lead of 0.5 has 80 % of the weight; equal cosines lie in the middle."""
    corner = alignment.corners(4)
    np.testing.assert_allclose(corner, [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-12)
    places = alignment.circle(np.array([[0.9, 0.4, 0.4, 0.4], [0.3, 0.3, 0.3, 0.3]]))
    np.testing.assert_allclose(places, [[0, 0.8 - 0.2 / 3], [0, 0]], atol=1e-6)
    hundred = np.zeros((1, 100))
    hundred[0, 25] = 0.5
    assert alignment.circle(hundred)[0, 0] == pytest.approx(0.8, abs=0.01)
    two = alignment.circle(np.array([[0.1, 0.1], [0.6, 0.1], [np.nan, 0.1]]))
    np.testing.assert_allclose(two, [[0, 0], [0, 0.6], [np.nan, np.nan]], atol=1e-6)
    with pytest.raises(UsageError, match="two classes"):
        alignment.circle(np.zeros((3, 1)))


def test_logged_cosines_are_those_of_the_training_pass(run):
    assert alignment.output_epochs(run) == [1, 2, 3, 4]
    found = alignment.logged_cosines(run, 4)
    assert found.sample_id.tolist() == list(range(N))
    np.testing.assert_allclose(found.cosine, alignment.feature_cosines(run, 4).cosine, atol=2e-3)


@pytest.mark.parametrize("how", [{"with_cosine": False}, {"outputs": "topk"}, {"outputs": "none"}])
def test_a_log_without_cosines_has_no_such_epochs(tmp_path, how):
    run = write(tmp_path / "plain", **how)
    assert alignment.output_epochs(run) == []
    with pytest.raises(UsageError, match="logged no cosines"):
        alignment.logged_cosines(run, 4)
