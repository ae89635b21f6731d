"""What a card says of a run: places and colours of its picture, and where its share comes from."""

import base64
import io

import numpy as np
from PIL import Image

from dashboard.drawing.thumbnail import HEIGHT, WIDTH, thumbnail
from dashboard.presenters.run_card import mislabeled_text, run_card
from hmw_core import RunReader, RunWriter
from tests.conftest import write_run

COLOURS = ["#0000ff", "#ff0000"]


def pixels(address):
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_sample_lies_where_its_ranks_say_in_the_colour_of_its_kind():
    drawn = pixels(thumbnail(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([0, 1]), COLOURS))
    assert drawn.shape == (HEIGHT, WIDTH, 4)
    assert drawn[-1, 0].tolist() == [0, 0, 255, 255]  # left and low
    assert drawn[0, -1].tolist() == [255, 0, 0, 255]  # right and high
    assert drawn[0, 0, 3] == drawn[-1, -1, 3] == 0
    assert (drawn[..., 3] > 0).sum() == 2 * 4  # each covers what lies inside of its 3 x 3


def test_the_commonest_kind_colours_a_pixel_and_more_samples_are_denser():
    x = np.array([0.5] * 5 + [0.0])
    kind = np.array([1, 1, 1, 0, 0, 0])
    drawn = pixels(thumbnail(x, np.array([0.5] * 5 + [0.0]), kind, COLOURS))
    middle = drawn[round(0.5 * (HEIGHT - 1)), round(0.5 * (WIDTH - 1))]
    assert middle.tolist() == [255, 0, 0, 255]
    assert 0 < drawn[-1, 0, 3] < 255


def separated(folder, true_label):
    """Write a run whose margins part 30 of 100 samples from the others."""
    rng = np.random.default_rng(0)
    given = np.arange(100) % 4
    logits = rng.normal(size=(100, 4))
    logits[np.arange(100), given] += np.where(np.arange(100) < 30, -6, 6)
    writer = RunWriter.create(
        folder, given_label=given, n_classes=4, n_epochs=1, true_label=true_label
    )
    writer.record(np.arange(100), logits=logits)
    writer.end_epoch(1)
    writer.finish()
    return RunReader(folder)


def test_an_unknown_share_is_estimated_and_says_how(tmp_path):
    run = separated(tmp_path / "run", None)
    card = run_card(run)
    assert card.mislabeled == "about 30 %, estimated (two Gaussians fitted to IAM)"
    assert card.auroc == ""
    assert card.accuracy == "not measured"


def test_a_measured_share_comes_before_an_estimate(tmp_path):
    run = separated(tmp_path / "run", np.arange(100) % 4)
    assert run_card(run).mislabeled == "0.0 %, measured"


def test_without_iam_nothing_is_estimated(tmp_path):
    run = RunReader(write_run(tmp_path / "tiny", epochs=0, known=False).folder)
    card = run_card(run)
    assert (card.mislabeled, card.picture) == ("not known", None)
    assert mislabeled_text(run, run.samples()[[]]) == "not known"
