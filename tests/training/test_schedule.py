"""The learning rate by epoch, against numbers one can do in the head."""

import pytest

from training.schedule import learning_rate


def test_step_is_the_code_s_125_and_200_of_250():
    rates = [learning_rate("step", 0.02, epoch, 250) for epoch in range(1, 251)]
    assert rates[:125] == [0.02] * 125
    assert rates[125:200] == pytest.approx([0.002] * 75)
    assert rates[200:] == pytest.approx([0.0002] * 50)


def test_cosine_starts_whole_and_is_half_in_the_middle():
    assert learning_rate("cosine", 0.02, 1, 10) == 0.02
    assert learning_rate("cosine", 0.02, 6, 10) == pytest.approx(0.01)


def test_constant_and_a_single_epoch():
    assert learning_rate("constant", 0.1, 7, 9) == 0.1
    assert learning_rate("step", 0.1, 1, 1) == 0.1
