"""The gallery's parts that need no browser: outlines, order, and HTML."""

import numpy as np
import pandas as pd
import pytest

from dashboard.drawing.outlines import Plane, outlines_of
from dashboard.presenters.gallery import Card, as_html, cards, said_of
from hmw_core.log.reader import RunReader
from tests.conftest import write_run

# Two clouds, as two traces would hold them: the index in a trace says nothing about the sample.
PLACES = pd.DataFrame(
    {
        "sample_id": pd.array([7, 3, 11, 2, 5, None], dtype="Int32"),
        "x": [0.0, 1.0, 2.0, 10.0, 11.0, 1.0],
        "y": [0.0, 1.0, 2.0, 10.0, 11.0, 1.0],
    }
)


def selected_ids(selection: dict, places: pd.DataFrame) -> np.ndarray:
    """Return the ids of the samples inside a selection's outlines, ascending."""
    samples = places[places["sample_id"].notna()]
    plane = Plane(samples["x"].to_numpy(float), samples["y"].to_numpy(float))
    return np.sort(samples["sample_id"].to_numpy(int)[plane.inside(outlines_of(selection))])


def test_box_holds_its_edge_and_no_class_vector():
    assert selected_ids({"box": [{"x": [2, 0], "y": [0, 2]}]}, PLACES).tolist() == [3, 7, 11]


def test_lasso_holds_what_lies_inside():
    triangle = {"x": [0.5, 12.0, 0.5], "y": [0.5, 0.5, 12.0]}
    assert selected_ids({"lasso": [triangle]}, PLACES).tolist() == [3, 11]


def test_outlines_add_up():
    both = {
        "box": [{"x": [-1, 0.5], "y": [-1, 0.5]}],
        "lasso": [{"x": [10.5, 12, 12, 10.5], "y": [10.5, 10.5, 12, 12]}],
    }
    assert selected_ids(both, PLACES).tolist() == [5, 7]


def test_what_the_browser_says_about_points_is_not_used():
    selection = {"point_indices": [0, 1, 2], "points": [{"customdata": 2}], "box": [], "lasso": []}
    assert selected_ids(selection, PLACES).tolist() == []


def test_everything_selected_is_everything():
    rng = np.random.default_rng(0)
    places = pd.DataFrame(rng.normal(size=(3000, 2)), columns=["x", "y"])
    places["sample_id"] = rng.permutation(3000)
    everything = selected_ids({"box": [{"x": [-9, 9], "y": [-9, 9]}]}, places)
    assert everything.tolist() == list(range(3000))


@pytest.mark.parametrize("lasso", [{"x": [], "y": []}, {"x": [1, 2], "y": [1, 2]}])
def test_outline_of_no_area_holds_nothing(lasso):
    assert selected_ids({"lasso": [lasso]}, PLACES).tolist() == []


def test_lasso_agrees_with_crossing_numbers():
    rng = np.random.default_rng(1)
    corners = rng.normal(size=(9, 2))
    points = rng.normal(size=(400, 2))
    places = pd.DataFrame(points, columns=["x", "y"]).assign(sample_id=range(400))
    found = selected_ids({"lasso": [{"x": corners[:, 0], "y": corners[:, 1]}]}, places)
    winding = [_winding_number(point, corners) for point in points]
    assert found.tolist() == np.flatnonzero(winding).tolist()


def _winding_number(point: np.ndarray, corners: np.ndarray) -> int:
    """Return how often a polygon goes around a point, from the turned angles."""
    arms = corners - point
    angle = np.arctan2(arms[:, 1], arms[:, 0])
    turn = np.diff(angle, append=angle[0])
    return round(float(((turn + np.pi) % (2 * np.pi) - np.pi).sum() / (2 * np.pi)))


def test_cards_say_given_true_and_predicted_in_order(tiny_run):
    shown = cards(tiny_run, [10, 5], tiny_run.last_epoch, {10: "0.1"})
    assert [card.sample_id for card in shown] == [10, 5]
    assert (shown[0].given_label, shown[0].true_label, shown[0].is_mislabeled) == ("1", "0", True)
    assert shown[0].predicted_label == "0"
    assert shown[0].note == "0.1"
    assert shown[1].is_mislabeled is False
    assert shown[0].picture.startswith(b"\x89PNG")
    assert 'data-sample="10"' in as_html(shown)


def test_card_without_true_label_or_picture_says_so(tmp_path):
    write_run(tmp_path / "real", known=False, pictures=False)
    page = as_html(cards(RunReader(tmp_path / "real"), [0], 4, {}))
    assert "unknown" in page
    assert "no picture" in page


def test_names_with_html_are_escaped(tmp_path):
    names = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&", "'", "ok"]
    write_run(tmp_path / "html", class_names=names)
    shown = cards(RunReader(tmp_path / "html"), range(10), 4, {0: "<i>note</i>"})
    page = as_html(shown, link='criteria?run="><b>&sample=')
    for dangerous in ("<script", "<img src=x", "<i>note", "<b>&"):
        assert dangerous not in page


def test_no_cards_are_an_empty_grid(tiny_run):
    assert cards(tiny_run, [], 4, {}) == []
    assert "figure" not in as_html([])


def test_pictures_are_said_in_words():
    card = Card(12, b"\x89PNG", "ship", None, "ship", None)
    assert said_of(card) == "sample 12: given ship, predicted ship"
    card = Card(12, b"\x89PNG", "ship", None, "ship", None, suggested_label='"truck"')
    assert said_of(card) == 'sample 12: given ship, suggested "truck"'
    assert 'alt="sample 12: given ship, suggested &quot;truck&quot;"' in as_html([card])


def test_a_compact_card_has_a_line_a_known_label_and_whole_names_in_their_titles():
    name = "Great spotted woodpecker, Dendrocopos major pinetorum"
    card = Card(3, None, name, None, "cat", None, suggested_label="<b>", colour="#123456")
    page = as_html([card], compact=True)
    assert f'title="{name}"' in page
    assert "pinetorum</span>" in page  # the end of a name tells it from others
    assert "true" not in page
    assert "predicted" not in page
    assert "&lt;b&gt;" in page
    assert "border-top:3px solid #123456" in page


def test_small_pictures_are_blocks_unless_they_are_to_be_smooth(tiny_run):
    shown = cards(tiny_run, [10], 4, {})
    assert "pixelated" in as_html(shown)
    assert "pixelated" not in as_html(shown, smooth=True)
