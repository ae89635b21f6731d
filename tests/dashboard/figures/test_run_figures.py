"""Figures of several runs: the numbers they draw, and a picture where samples are many."""

import numpy as np
import pytest

from dashboard.drawing import pair_scatter
from dashboard.drawing.run_lines import RUN_COLOURS, run_colours
from dashboard.drawing.style import Typography
from dashboard.drawing.text import short_names
from dashboard.figures.base import CannotShow
from dashboard.figures.paper import training_progress
from dashboard.figures.runs import compare_scores
from hmw_core import RunReader
from tests.conftest import write_run


@pytest.fixture
def twins(tmp_path):
    write_run(tmp_path / "one")
    write_run(tmp_path / "two", epochs=2, finish="stopped")
    return RunReader(tmp_path / "one"), RunReader(tmp_path / "two")


def test_progress_holds_every_line_of_every_run(twins):
    table = training_progress.prepare(twins, "aum")
    test = table[table["line"] == "test"]
    assert test["value"].tolist() == pytest.approx([60, 70, 80, 90, 60, 70])
    auroc = table[table["quantity"] == "auroc"]
    assert auroc["title"].unique().tolist() == ["AUROC of AUM"]
    assert auroc["value"].tolist() == [1.0] * 6
    traces = training_progress.FIGURE.draw(table).data
    drawn = [trace for trace in traces if np.isfinite(trace.x).any()]
    assert len(drawn) == 2 * 4  # of each run test, train, loss, AUROC; the legend has the others


def test_progress_without_true_labels_has_two_panels(unknown_run):
    table = training_progress.prepare([unknown_run])
    assert set(table["quantity"]) == {"accuracy", "loss"}
    assert len(training_progress.FIGURE.typeset(table, Typography(7.0)).axes) == 2


def test_scores_and_where_the_flagged_ones_end(twins):
    table = compare_scores.prepare(twins, "aum", budget=6)
    wrong = table["group"] == "mislabeled"
    assert (table["sample_id"][wrong] % 10 == 0).all()
    assert table["x"][wrong].max() == table["cut_x"].iloc[0]  # all six, and none besides
    assert table["y"][wrong].max() == table["cut_y"].iloc[0]
    ranks = compare_scores.prepare(twins, "aum", budget=6, ranks=True)
    assert ranks["cut_x"].iloc[0] == ranks["cut_y"].iloc[0] == 6
    assert sorted(ranks["x"]) == list(range(1, 61))
    assert "1 = most suspicious" in ranks["axis_x"].iloc[0]


def test_one_run_is_not_compared_with_itself_by_chance(tiny_run):
    with pytest.raises(CannotShow, match="choose another"):
        compare_scores.prepare([tiny_run])


def test_markers_tell_their_sample(twins):
    drawn = compare_scores.FIGURE.draw(compare_scores.prepare(twins))
    ids = [i for trace in drawn.data if trace.customdata is not None for i in trace.customdata]
    assert sorted(ids) == list(range(60))


def test_many_samples_are_one_picture_that_lies_where_they_are(twins, monkeypatch):
    monkeypatch.setattr(pair_scatter, "MARKERS_UP_TO", 10)
    table = compare_scores.prepare(twins)
    table["y"] *= 1000  # the scores of two runs may be of quite different size
    drawn = compare_scores.FIGURE.draw(table)
    [picture] = drawn.layout.images
    assert picture.source.startswith("data:image/png;base64,")
    for place, low, high in (
        ("x", picture.x, picture.x + picture.sizex),
        ("y", picture.y - picture.sizey, picture.y),
    ):
        size = high - low
        assert low < table[place].min() < low + 0.05 * size
        assert high - 0.05 * size < table[place].max() < high
    assert all(trace.customdata is None for trace in drawn.data)


def test_runs_keep_their_colours_and_names_stay_apart():
    names = [f"run {number}" for number in range(7)]
    colours = run_colours(names)
    assert list(colours.values())[:6] == list(RUN_COLOURS)
    assert colours["run 6"] == colours["run 0"]
    long = "a" * 50
    assert short_names([long], 10)[long] == "aaaa…aaaaa"
    twin = "a" * 51
    assert short_names([long, twin], 10) == {long: long, twin: twin}
