"""The wish to stop: granted between items, the handlers of before put back."""

import os
import signal

import pytest

from training.stopping import Stopped, StopWish


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_item_in_hand_is_finished(number):
    done = []

    def work(stop):
        for item in stop.between(range(5)):
            if item == 2:
                os.kill(os.getpid(), number)
            done.append(item)

    with StopWish() as stop, pytest.raises(Stopped) as stopped:
        work(stop)
    assert done == [0, 1, 2]
    assert stopped.value.signal_number == number


def test_a_second_ctrl_c_acts_at_once():
    with StopWish() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopWish():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_nohup_is_heeded():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopWish() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            stop.check()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stop.received is None
