"""What every figure must do, whichever it is; a new entry of FIGURES is tested by being there."""

import inspect
import io
import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from dashboard.drawing.style import WIDTHS, Typography, paper_style
from dashboard.export.render import export_figure
from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from hmw_core import RunReader
from hmw_core.spreadsheet import unguard
from tests.conftest import write_run

NEEDS_NO_EPOCH = {"noise_matrix"}  # labels alone show it, before the first epoch
# What these show is about true labels; every other figure works without them.
NEEDS_TRUTH = {
    "auroc_by_epoch",
    "detection",
    "detection_classes",
    "detection_epochs",
    "detection_measures",
    "detection_pairs",
    "detection_rules",
    "detection_seeds",
    "duel_budget",
    "noise_matrix",
}
SMALLEST = 6.0  # points

every_figure = pytest.mark.parametrize("name", FIGURES)


def prepare(name, run, **options):
    figure = FIGURES[name]
    return figure.prepare([run] * figure.n_runs if figure.many else run, **options)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The table of each figure of a run with everything in it, prepared once."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    write_run(folder, method=True)
    run = RunReader(folder)
    return {name: prepare(name, run) for name in FIGURES}


@pytest.fixture(scope="module")
def evil_tables(tmp_path_factory):
    """The same of a run whose class names are long and hold markup."""
    folder = tmp_path_factory.mktemp("runs") / ("a-run-with-a-long-name-" * 4)
    names = ["<b>bold</b>", "cost $5$ & co", "_hidden", "a_very_long_class_name_" * 5, "e"]
    write_run(folder, class_names=names, method=True)
    return {name: prepare(name, RunReader(folder)) for name in FIGURES}


@pytest.fixture(scope="module")
def unknown(tmp_path_factory):
    """The same run with unknown true labels."""
    folder = tmp_path_factory.mktemp("runs") / "unknown"
    write_run(folder, known=False, method=True)
    return RunReader(folder)


@every_figure
def test_says_what_it_is(name):
    figure = FIGURES[name]
    assert figure.title
    assert figure.look_for.endswith(".")
    assert figure.paper in {"", *(f"Fig. {number}" for number in range(1, 8))}


@every_figure
def test_every_option_has_a_default(name):
    _, *options = inspect.signature(FIGURES[name].prepare).parameters.values()
    assert all(option.default is not inspect.Parameter.empty for option in options)


@every_figure
def test_the_csv_holds_the_table(name, tables):
    table = tables[name]
    assert len(table) > 0
    assert not table.attrs
    read = pd.read_csv(
        io.BytesIO(export_figure(name, table, "csv")), dtype=str, keep_default_na=False
    )
    assert list(read.columns) == list(table.columns)
    assert len(read) == len(table)
    for column in table:
        assert_same(read[column], table[column])


@every_figure
def test_draw_has_titled_axes_and_is_json(name, tables):
    before = tables[name].copy()
    drawn = json.loads(FIGURES[name].draw(tables[name]).to_json())
    assert tables[name].equals(before)
    layout = drawn["layout"]
    if drawn["data"][0]["type"] == "scatterpolar":  # such an axis has no title, but a unit
        assert layout["polar"]["angularaxis"]["ticktext"][-1] == "180°"
        return
    flat = {key: layout[key] for key in layout if key.startswith(("xaxis", "yaxis"))}
    assert flat
    for key, axis in flat.items():
        shared = "matches" in axis and axis.get("showticklabels") is False
        hidden = axis.get("visible") is False
        assert axis.get("title", {}).get("text") or shared or hidden, f"{key} has no title"


@every_figure
def test_typeset_is_readable_labelled_and_in_fonts_that_publishers_take(name, tables, monkeypatch):
    before = tables[name].copy()
    figure = FIGURES[name].typeset(tables[name], Typography("text"))
    assert tables[name].equals(before)
    assert figure.get_figwidth() == pytest.approx(WIDTHS["text"])
    assert_readable(figure, monkeypatch)
    for axes in figure.axes:
        if not axes.axison or axes.name == "polar":  # its ticks have a unit instead
            continue
        if axes.get_label() != "<colorbar>":
            assert axes.get_xlabel(), f"no label on the x axis of {axes}"
        shared = axes.get_shared_y_axes().get_siblings(axes)
        assert any(other.get_ylabel() for other in shared), f"no label on the y axis of {axes}"
    files = {}
    with paper_style():
        for form in ("pdf", "svg"):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=form)
            files[form] = buffer.getvalue()
    assert files["pdf"].startswith(b"%PDF")
    assert b"/FontFile2" in files["pdf"]  # an embedded TrueType font
    assert b"/Type3" not in files["pdf"]  # what publishers refuse
    assert b"<text" in files["svg"]  # text as text


@every_figure
@pytest.mark.parametrize(
    "typography",
    [
        Typography("aaai-column"),
        Typography("aaai-column", "times", "paper", letters=True, title=r"{run}, $\eta$ = {seed}"),
        Typography("slide", "times"),
    ],
    ids=["column", "column-times-titled", "slide-times"],
)
def test_typeset_text_fits_with_long_names(name, typography, evil_tables, monkeypatch):
    figure = FIGURES[name].typeset(evil_tables[name], typography)
    assert figure.get_figwidth() == pytest.approx(typography.inches)
    assert_readable(figure, monkeypatch)


@every_figure
def test_a_screen_shows_a_figure_whole(name, evil_tables):
    assert FIGURES[name].draw(evil_tables[name]).layout.height <= 900


@every_figure
def test_a_caption_says_the_run(name, tables):
    caption = FIGURES[name].caption(tables[name])
    assert caption.startswith(FIGURES[name].title)
    assert caption.endswith(".")
    if "run" in tables[name] and "recipe" in tables[name]:
        assert "Run tiny: CCE, tiny, symmetric noise, rate 0.1" in caption


@every_figure
def test_markup_in_names_reaches_no_browser(name, evil_tables):
    drawn = json.loads(FIGURES[name].draw(evil_tables[name]).to_json())
    for trace in drawn["data"]:
        trace.pop("legendgroup", None)  # a key, never shown
    assert "<b>bold" not in json.dumps(drawn)


@every_figure
def test_unknown_true_labels_work_or_get_a_sentence(name, unknown):
    if name in NEEDS_TRUTH:
        with pytest.raises(CannotShow) as caught:
            prepare(name, unknown)
        assert_sentence(caught.value)
        return
    table = prepare(name, unknown)
    FIGURES[name].draw(table)
    FIGURES[name].typeset(table, Typography("column"))


@every_figure
def test_a_run_without_an_epoch_gets_a_sentence(name, tmp_path):
    writer = write_run(tmp_path / "empty", epochs=0, finish=None, method=True)
    run = RunReader(tmp_path / "empty")
    assert run.status == "running"
    if name in NEEDS_NO_EPOCH:
        assert len(prepare(name, run)) > 0
    else:
        with pytest.raises(CannotShow) as caught:
            prepare(name, run)
        assert_sentence(caught.value)
    writer.finish("stopped")


def assert_sentence(error):
    text = str(error)
    assert len(text.split()) >= 5, text
    assert "\n" not in text


def assert_same(read, column):
    """Require that the texts of a CSV's column are the column's values."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        found = pd.to_numeric(read.replace("", np.nan)).to_numpy(dtype=float)
        expected = column.to_numpy(dtype=float, na_value=np.nan)
        rounding = 1e-6 if column.dtype == np.float32 else 0  # written with its own few digits
        np.testing.assert_allclose(found, expected, rtol=rounding)
        return
    if pd.api.types.is_bool_dtype(column):
        column = column.map({True: "true", False: "false"}, na_action="ignore")
    texts = column.astype(object).where(column.notna(), "")
    assert read.map(unguard).tolist() == [str(text) for text in texts]


def assert_readable(figure, monkeypatch):
    """Draw, and require of each text drawn: large enough, inside, and over no other text."""
    drawn = []
    draw = Text.draw

    def remember(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text().strip():
            drawn.append(text)
        return draw(text, renderer, *args, **kwargs)

    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()  # settles the layout
    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", remember)
        canvas.draw()
    renderer = canvas.get_renderer()
    boxes = []
    assert drawn
    for text in drawn:
        box = text.get_window_extent(renderer)
        what = f"{text.get_text()!r} at {box.extents.round()} of {figure.bbox.extents.round()}"
        assert text.get_fontsize() >= SMALLEST, f"small: {what}"
        # A letter's box is a little larger than its ink.
        inside = figure.bbox.padded(2)
        assert inside.containsx(box.x0), f"clipped: {what}"
        assert inside.containsx(box.x1), f"clipped: {what}"
        assert inside.containsy(box.y0), f"clipped: {what}"
        assert inside.containsy(box.y1), f"clipped: {what}"
        for other, other_box in boxes:
            over = Bbox.intersection(box, other_box)
            overlap = over is not None and min(over.width, over.height) > 2
            assert not overlap, f"{what} covers {other!r}"
        boxes.append((text.get_text(), box))
