"""The circle of classes: a sample whose cosines do not change does not move."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.feature_space import class_circle

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


def test_turning_features_and_class_vectors_together_moves_nothing(run):
    before, after, later = (
        class_circle.circle(class_circle.feature_cosines(run, epoch).cosine) for epoch in (1, 3, 4)
    )
    np.testing.assert_allclose(
        class_circle.feature_cosines(run, 1).cosine,
        class_circle.feature_cosines(run, 3).cosine,
        atol=2e-3,  # features are kept as halves
    )
    np.testing.assert_allclose(before, after, atol=5e-3)
    assert np.abs(before - later).max() > 0.1


def test_features_without_class_vectors_have_no_cosines(tmp_path):
    without = write(tmp_path / "without", vectors_too=False)
    assert class_circle.feature_epochs(without) == []
    with pytest.raises(UsageError, match="class vectors"):
        class_circle.feature_cosines(without, 1)


def test_circle_by_hand():
    """A lead of 0.5 has 80 % of the weight; equal cosines lie in the middle."""
    corner = class_circle.corners(4)
    np.testing.assert_allclose(corner, [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-12)
    places = class_circle.circle(np.array([[0.9, 0.4, 0.4, 0.4], [0.3, 0.3, 0.3, 0.3]]))
    np.testing.assert_allclose(places, [[0, 0.8 - 0.2 / 3], [0, 0]], atol=1e-6)
    hundred = np.zeros((1, 100))
    hundred[0, 25] = 0.5
    assert class_circle.circle(hundred)[0, 0] == pytest.approx(0.8, abs=0.01)
    two = class_circle.circle(np.array([[0.1, 0.1], [0.6, 0.1], [np.nan, 0.1]]))
    np.testing.assert_allclose(two, [[0, 0], [0, 0.6], [np.nan, np.nan]], atol=1e-6)
    with pytest.raises(UsageError, match="two classes"):
        class_circle.circle(np.zeros((3, 1)))


def test_logged_cosines_are_those_of_the_training_pass(run):
    assert class_circle.output_epochs(run) == [1, 2, 3, 4]
    found = class_circle.logged_cosines(run, 4)
    assert found.sample_id.tolist() == list(range(N))
    np.testing.assert_allclose(found.cosine, class_circle.feature_cosines(run, 4).cosine, atol=2e-3)


@pytest.mark.parametrize("how", [{"with_cosine": False}, {"outputs": "topk"}, {"outputs": "none"}])
def test_a_log_without_cosines_has_no_such_epochs(tmp_path, how):
    run = write(tmp_path / "plain", **how)
    assert class_circle.output_epochs(run) == []
    with pytest.raises(UsageError, match="logged no cosines"):
        class_circle.logged_cosines(run, 4)
