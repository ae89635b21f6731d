"""The transition matrix: read off predictions, read from files, and refused."""

import json

import numpy as np
import pytest
import torch

from hmw_core.errors import UsageError
from training.methods.base import Sizes
from training.methods.transition import (
    check_condition,
    condition_number,
    estimated_transition,
    given_transition,
    through,
)

CPU = torch.device("cpu")
NAMES = ("cat", "dog", "owl")
MATRIX = [[0.8, 0.2, 0.0], [0.0, 0.7, 0.3], [0.1, 0.0, 0.9]]
EVERY = np.ones(3, dtype=bool)


def sizes(measured=None, n_classes=3, names=NAMES):
    return Sizes(9, n_classes, 1, (8, 8), CPU, class_names=names, measured_transition=measured)


def given(path, **options):
    return given_transition(str(path), sizes(**options))


def written(tmp_path, text, name="T.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_anchors_are_the_surest_pictures():
    probs = np.array([[0.9, 0.05, 0.05], [0.2, 0.6, 0.2], [0.1, 0.5, 0.4], [0.3, 0.3, 0.4]])
    found = estimated_transition(probs, EVERY, 100.0)
    assert found == pytest.approx(probs[[0, 1, 2]])  # of the last column's tie the first


def test_the_percentile_drops_outliers_strictly_and_each_class_by_itself():
    # 101 pictures: the largest of a column is above its 99th percentile, the second largest is it.
    sure = np.linspace(0.3, 0.7, 101)
    probs = np.stack([sure, (1 - sure) * 0.6, (1 - sure) * 0.4], axis=1)
    before = probs.copy()
    found = estimated_transition(probs, EVERY, 99.0)
    assert found[0] == pytest.approx(probs[98])
    # The row is whole: what the filter drops in another column is not zeroed in it.
    assert found[1] == pytest.approx(probs[2])
    assert found[2] == pytest.approx(probs[2])
    assert (probs == before).all()
    assert estimated_transition(probs, EVERY, 100.0)[0] == pytest.approx(probs[100])


def test_rows_are_normalised_and_a_column_of_equal_values_has_an_anchor():
    probs = np.full((4, 3), 0.2)
    assert estimated_transition(probs, EVERY, 97.0) == pytest.approx(np.full((3, 3), 1 / 3))


def test_a_class_that_is_no_given_label_has_the_row_of_the_identity():
    probs = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    found = estimated_transition(probs, np.array([True, True, False]), 100.0)
    assert found[2].tolist() == [0.0, 0.0, 1.0]
    assert found[:2] == pytest.approx(probs)


def test_permuting_the_classes_permutes_the_estimate():
    probs = np.random.default_rng(0).dirichlet(np.ones(5), size=60)
    order = np.array([3, 0, 4, 1, 2])
    for percentile in (97.0, 100.0):
        found = estimated_transition(probs, np.ones(5, dtype=bool), percentile)
        permuted = estimated_transition(probs[:, order], np.ones(5, dtype=bool), percentile)
        assert permuted == pytest.approx(found[order][:, order])


def test_the_posterior_is_one_under_the_identity_and_bayes_rule_else():
    log_probs = torch.tensor([[0.7, 0.2, 0.1]]).log()
    label = torch.tensor([1])
    assert through(log_probs, torch.eye(3), label)[1].item() == pytest.approx(1.0)
    _, posterior = through(log_probs, torch.tensor(MATRIX), label)
    assert posterior.item() == pytest.approx(0.2 * 0.7 / (0.7 * 0.2 + 0.2 * 0.7))


def test_a_label_that_no_class_is_given_has_a_finite_loss_without_gradient():
    logits = torch.tensor([[1.0, 0.0]], requires_grad=True)
    never = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    loss, posterior = through(logits.log_softmax(dim=1), never, torch.tensor([1]))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert 0 <= posterior.item() <= 1
    assert logits.grad.abs().max() < 1e-6


def test_condition_numbers():
    assert condition_number(np.eye(4)) == 1.0
    check_condition(np.array(MATRIX), "this:")
    with pytest.raises(UsageError, match=r"this: .* condition number .*its rows hardly differ"):
        check_condition(np.array([[0.5, 0.5], [0.5, 0.5]]), "this:")


@pytest.mark.parametrize(
    "text",
    [
        "0.8,0.2,0\n0,0.7,0.3\n0.1,0,0.9\n",
        "cat,dog,owl\n0.8,0.2,0\n0,0.7,0.3\n0.1,0,0.9\n",
        ",cat,dog,owl\ncat,0.8,0.2,0\ndog,0,0.7,0.3\nowl,0.1,0,0.9\n",
        "0,1,2\n0.8,0.2,0\n0,0.7,0.3\n0.1,0,0.9\n",
        "cat;dog;owl\n0,8;0,2;0\n0;0,7;0,3\n0,1;0;0,9\n",  # of a German spreadsheet
        json.dumps(MATRIX),
        json.dumps({"noise": {"transition_matrix": MATRIX}}),
    ],
)
def test_a_matrix_from_a_file(tmp_path, text):
    assert given(written(tmp_path, text)) == pytest.approx(np.array(MATRIX))


def test_a_matrix_of_rounded_numbers_is_normalised(tmp_path):
    found = given(written(tmp_path, json.dumps([[0.333, 0.333, 0.333], *MATRIX[1:]])))
    assert found[0] == pytest.approx(np.full(3, 1 / 3))


REFUSED = {
    "0.8,0.2,0\n0,0.7,0.3\n": r"T\.csv has 2 rows, and the data has 3 classes",
    "0.8,0.2\n0.5,0.5\n0.1,0.9\n": r"not square: row 1 has 2 numbers",
    "0.8,0.2,0\n0,0.7,0.1\n0.1,0,0.9\n": r"T\.csv must have rows that sum to 1, and row 2 sums to "
    r"0\.8$",
    "0.8,0,0.1\n0.2,0.7,0\n0,0.3,0.9\n": r"row 1 sums to 0\.9; its columns do, so it may be transp",
    "1.1,-0.1,0\n0,1,0\n0,0,1\n": r"'1\.1' in row 1, column 1, which is no probability",
    "1,-0.0001,0\n0,1,0\n0,0,1\n": r"'-0\.0001' in row 1, column 2",
    "1,nan,0\n0,1,0\n0,0,1\n": r"'nan' in row 1, column 2",
    "a,b,c\n1,,0\n0,1,0\n0,0,1\n": r"None in row 1, column 2",
    "0.5,0.5,0\n0.5,0.5,0\n0,0,1\n": r"condition number .*its rows hardly differ",
    "dog,cat,owl\n1,0,0\n0,1,0\n0,0,1\n": r"classes in the order dog, cat, owl; .*cat, dog, owl",
    "": r"T\.csv is empty",
    "[[1, 0, 0], [0, 1, 0]": r"T\.csv is damaged JSON",
    "[1, 0, 0]": r"must hold a list of rows",
    "[[1, 0, true], [0, 1, 0], [0, 0, 1]]": r"True in row 1, column 3",
    '{"noise": {"name": "human"}}': r"without noise\.transition_matrix",
    "\0\0\0": r"is not text",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_file_that_is_no_transition_matrix(tmp_path, text):
    with pytest.raises(UsageError, match=REFUSED[text]):
        given(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"mesured: No such file.*estimated, true, a file"):
        given("mesured")
    with pytest.raises(UsageError, match="directory"):
        given(tmp_path)


def test_the_measured_matrix(tmp_path):
    measured = tuple(map(tuple, MATRIX))
    assert given("true", measured=measured).tolist() == MATRIX
    assert given("estimated") is None
    with pytest.raises(UsageError, match="transition true needs the true labels"):
        given("true")
    # At this rate of exclusive noise the given label says nothing of the true one.
    with pytest.raises(UsageError, match="condition number"):
        given("true", measured=((0.5, 0.5), (0.5, 0.5)), n_classes=2, names=("a", "b"))
    with pytest.raises(UsageError, match="up to 1,000 classes"):
        given("estimated", n_classes=1001)
