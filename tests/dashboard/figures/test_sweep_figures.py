"""The figures of sweeps keep the contract of all figures, and show what the sweep holds."""

import io
import json

import numpy as np
import pytest

from dashboard.drawing.style import WIDTHS, Typography, paper_style
from dashboard.figures.base import CannotShow
from dashboard.figures.runs.sweep_figures import SWEEP_FIGURES
from hmw_core.errors import UsageError
from hmw_core.experiments.sweeps import read_sweep
from tests.contracts.test_every_figure import assert_readable, assert_sentence
from tests.hmw_core.experiments.small_sweep import write_cells, write_small_sweep

every_figure = pytest.mark.parametrize("name", SWEEP_FIGURES)
VALUES = (0.0, 0.1, 1.0, 10.0, 5000.0)


def write_scales(folder, recipe="CCE+HMW-code", noise="symmetric", seeds=3):
    """Write a sweep along alpha and beta with references, under two rates."""
    pairs = [(a, 50.0) for a in VALUES] + [(50.0, b) for b in VALUES] + [(0.0, 0.0)]
    cells, last = [], []
    for rate in (0.2, 0.8):
        cells.append({"recipe": "CCE", "noise": noise, "noise_rate": rate})
        cells += [
            {"recipe": recipe, "noise": noise, "noise_rate": rate, "alpha": a, "beta": b}
            for a, b in pairs
        ]
        last += [tuple(0.3 + 0.02 * k + 0.01 * s for s in range(seeds)) for k in range(12)]
    write_cells(folder, cells, last, n_epochs=6, named="figure-7")
    return read_sweep(folder)


@pytest.fixture
def scales(tmp_path):
    return write_scales(tmp_path / "scales")


def prepared(name, sweep):
    options = {"field": "alpha"} if name == "sweep_curves" else {}
    return SWEEP_FIGURES[name].prepare(sweep, **options)


@every_figure
def test_keeps_the_contract(name, scales, monkeypatch):
    figure = SWEEP_FIGURES[name]
    assert figure.look_for.endswith(".")
    table = prepared(name, scales)
    before = table.copy()
    drawn = json.loads(figure.draw(table).to_json())
    for key, axis in drawn["layout"].items():
        if key.startswith(("xaxis", "yaxis")):
            shared = "matches" in axis and axis.get("showticklabels") is False
            assert axis.get("title", {}).get("text") or shared, key
    typeset = figure.typeset(table, Typography("text"))
    assert typeset.get_figwidth() == pytest.approx(WIDTHS["text"])
    assert all(axes.get_xlabel() for axes in typeset.axes)
    assert typeset.axes[0].get_ylabel()
    assert_readable(typeset, monkeypatch)
    assert table.equals(before)
    with paper_style():
        buffer = io.BytesIO()
        typeset.savefig(buffer, format="pdf")
    assert b"/Type3" not in buffer.getvalue()


@every_figure
def test_names_that_hold_markup_stay_names(name, tmp_path, monkeypatch):
    noise = "<b>bold</b> cost $5$ & co " + "a_very_long_name_" * 5
    sweep = write_scales(tmp_path / "s", recipe="_" + noise, noise=noise, seeds=1)
    table = prepared(name, sweep)
    drawn = json.loads(SWEEP_FIGURES[name].draw(table).to_json())
    assert "<b>bold" not in json.dumps(drawn)
    assert_readable(SWEEP_FIGURES[name].typeset(table, Typography("column")), monkeypatch)


@every_figure
def test_a_sweep_without_a_finished_training_gets_a_sentence(name, scales):
    for training in scales.info["trainings"]:
        training |= {"status": "waiting", "test_accuracy": [], "auroc": {}}
    with pytest.raises(CannotShow) as caught:
        prepared(name, scales)
    assert_sentence(caught.value)


def test_zero_stands_apart_and_is_joined_to_nothing(scales):
    figure = SWEEP_FIGURES["sweep_scale"]
    table = figure.prepare(scales, field="alpha")
    line = table[table["condition"].eq("symmetric 0.2") & table["value"].notna()]
    assert line["value"].tolist() == list(VALUES)
    assert line["place"].tolist() == pytest.approx([-2, -1, 0, 1, np.log10(5000)])
    assert line["mean"].iloc[0] == pytest.approx(100 * (0.3 + 0.02 + 0.01))
    against = table[table["condition"].eq("symmetric 0.2") & table["value"].isna()]
    assert set(against["line"]) == {"CCE", "CCE+HMW-code, alpha 0, beta 0"}
    traces = [t for t in figure.draw(table).data if t.error_y.array is not None]
    assert sorted(len(trace.x) for trace in traces) == [1, 1, 4, 4]
    lines = [t for t in figure.draw(table).data if t.mode == "lines" and t.line.dash == "solid"]
    assert sorted(len(trace.x) for trace in lines) == [4, 4]


def test_a_narrow_range_has_a_plain_axis(tmp_path):
    write_cells(tmp_path / "s", [{"k": 1}, {"k": 2}, {"k": 3}], [(0.5,), (0.6,), (0.7,)])
    table = SWEEP_FIGURES["sweep_scale"].prepare(read_sweep(tmp_path / "s"))
    assert table["place"].tolist() == [1, 2, 3]
    assert table["low"].isna().all()


def test_curves_are_means_and_the_range_of_seeds(scales):
    table = SWEEP_FIGURES["sweep_curves"].prepare(scales, field="beta")
    line = table[table["condition"].eq("symmetric 0.8") & table["line"].eq("beta 0.1")]
    assert line["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    last = line.iloc[-1]  # cell 7 of the second rate
    assert last[["accuracy", "low", "high"]].tolist() == pytest.approx([45, 44, 46])
    assert last["n"] == 3
    assert table[table["line"].eq("CCE")]["kind"].eq("reference").all()


def test_what_cannot_be_told_apart_is_not_drawn(tmp_path):
    cells = [{"recipe": f"R{k}"} for k in range(20)]
    write_cells(tmp_path / "s", cells, [(0.5,)] * 20)
    sweep = read_sweep(tmp_path / "s")
    with pytest.raises(CannotShow, match="20 lines are more than can be told apart"):
        SWEEP_FIGURES["sweep_curves"].prepare(sweep)
    some = SWEEP_FIGURES["sweep_curves"].prepare(sweep, settings=["R3", "R7"])
    assert set(some["line"]) == {"R3", "R7"}
    with pytest.raises(CannotShow, match="varies no number"):
        SWEEP_FIGURES["sweep_scale"].prepare(sweep)
    with pytest.raises(UsageError, match="does not vary 'gamma'"):
        SWEEP_FIGURES["sweep_scale"].prepare(write_scales(tmp_path / "n"), field="gamma")


def test_the_papers_number_is_drawn_where_it_is_for_just_this(tmp_path, monkeypatch):
    info = write_small_sweep(tmp_path / "s")
    for cell in info["cells"]:
        cell["dataset"] = "cifar10"
    (tmp_path / "s" / "sweep.json").write_text(json.dumps(info))
    figure = SWEEP_FIGURES["sweep_accuracy"]
    table = figure.prepare(read_sweep(tmp_path / "s"))
    assert table.drop_duplicates(["setting", "condition"])["paper"].tolist() == [
        82.7,
        57.9,
        93.2,
        89.8,
    ]
    assert [t for t in figure.draw(table).data if t.name == "the paper's number"]
    assert_readable(figure.typeset(table, Typography("column")), monkeypatch)
    aurocs = figure.prepare(read_sweep(tmp_path / "s"), "auroc_iam")
    assert aurocs["paper"].isna().all()
