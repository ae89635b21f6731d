"""Test accuracy: one label, one of five, and logits that predict nothing."""

from types import SimpleNamespace

import pytest
import torch

from training.evaluation import accuracy
from training.stopping import StopWish


def shares(logits, label, n_classes=None):
    """Return the accuracy of a method that predicts these logits, in batches of two."""
    source = SimpleNamespace(
        batches=lambda order, _: ((rows, (logits[rows],)) for rows in order.split(2))
    )
    method = SimpleNamespace(predict=lambda images: SimpleNamespace(logits=images))
    with StopWish() as stop:
        return accuracy(method, source, torch.tensor(label), stop, n_classes)


def test_top_5_counts_the_five_largest():
    logits = torch.arange(12.0).expand(5, 12)  # 11 first, then 10, 9, 8, 7
    assert shares(logits, [11, 7, 6, 0, 10]) == (0.2, 0.6)
    assert shares(logits, [10, 7, 6, 0, 10], n_classes=11) == (0.4, 0.8)  # 6 is now the fifth


def test_ten_classes_have_no_top_5():
    assert shares(torch.eye(10), list(range(10))) == (1.0, None)
    assert shares(torch.eye(10, 11), list(range(10)), n_classes=10) == (1.0, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_predict_nothing(value):
    logits = torch.arange(12.0).repeat(2, 1)
    logits[0, 3] = value
    assert shares(logits, [11, 11]) == (0.5, 0.5)
