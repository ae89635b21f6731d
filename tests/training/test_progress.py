"""What the user sees: one line an epoch, or one bar on a terminal."""

import io

from rich.console import Console

from training.progress import EpochSummary, TrainingProgress

SUMMARY = EpochSummary(epoch=2, mean_loss=1.25, test_accuracy=0.5, samples_per_second=1234.5)


def shown(summary=SUMMARY, **console):
    file = io.StringIO()
    with TrainingProgress("name", 4, 1, Console(file=file, width=120, **console)) as progress:
        progress.end_epoch(summary)
    return file.getvalue()


def test_a_plain_line():
    text = shown()
    assert text.startswith("name  epoch 2/4  loss 1.250  test 50.0%  1,234 samples/s  0:00:0")
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_no_test_split():
    assert "test" not in shown(EpochSummary(1, 1.0, None, 10.0))


def test_a_bar_on_a_terminal():
    text = shown(force_terminal=True)
    assert "\x1b" in text
    assert "epoch 2/4" in text
    assert "loss 1.250" in text


def test_the_bar_moves_within_an_epoch():
    file = io.StringIO()
    with TrainingProgress("name", 4, 3, Console(file=file, force_terminal=True)) as progress:
        progress.advance(3, 0.5)
        assert progress.bar.tasks[0].completed == 2.5
    assert "epoch 3/4" in file.getvalue()


def test_a_name_like_markup_is_shown_as_it_is():
    file = io.StringIO()
    with TrainingProgress("[red]", 4, 1, Console(file=file, force_terminal=True)) as progress:
        progress.end_epoch(SUMMARY)
    assert "[red]" in file.getvalue()
