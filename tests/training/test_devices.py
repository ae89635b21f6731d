"""How many threads compute."""

import joblib
import pytest
import torch

from training.devices import use_threads


@pytest.fixture(autouse=True)
def _threads_of_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("wanted", "environment", "used"),
    [
        (3, "2", 3),
        (None, "2", 2),
        (None, "", "cores"),
        (None, "0", "cores"),
        (None, "2,3", 2),
        (None, "many", "cores"),
    ],
)
def test_the_option_wins_over_the_environment_and_this_over_the_cores(
    monkeypatch, wanted, environment, used
):
    monkeypatch.setenv("OMP_NUM_THREADS", environment)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 5)
    expected = 5 if used == "cores" else used
    assert use_threads(wanted) == torch.get_num_threads() == expected
