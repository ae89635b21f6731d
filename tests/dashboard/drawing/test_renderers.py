"""Both renderers: the same numbers, one legend, and texts that are readable at every width."""

import numpy as np
import pytest

from dashboard.drawing.marks import (
    EPOCH,
    Axis,
    Band,
    Bars,
    Cells,
    Drawing,
    Line,
    Panel,
    Points,
    Rule,
    Span,
    Steps,
    Unseen,
    cell_texts,
    extent,
)
from dashboard.drawing.page import page
from dashboard.drawing.screen import screen
from dashboard.drawing.style import GREY, GROUP_COLOURS, WIDTHS, Typography, criterion_colour
from tests.contracts.test_every_figure import assert_readable

LONG = "a name that is far too long for any legend, cost $5 <b>or</b> not " * 2
NAMES = ["plane", "<b>car</b>", "_hidden", "a_very_long_class_name_" * 4, "$x$"]
X, LOSS = [1, 2, 3], Axis("Loss (nat)", (0, None))


def lines(n_panels=2, **options):
    marks = [
        Band(X, [0.5, 0.4, np.nan], [1.5, 1.0, 0.8], "clean", "5 to 95 %"),
        Line(X, [1.0, 0.5, 0.25], "mislabeled", LONG),
        Line(X, [3.0, 2.0, 1.0], "#0072B2", "second", "dash", dots=True),
        Rule(y=1.5, name="the paper", dash="longdash"),
        Rule(x=2, text="chosen"),
        Span(1, 2, alpha=0.1),
    ]
    panels = [Panel(marks, EPOCH, LOSS, f"Loss of {LONG[:60]}") for _ in range(n_panels)]
    return Drawing(panels, "790 clean against 648 mislabeled\nall classes", **options)


def rows(n=5, n_panels=2):
    value = np.linspace(0.5, 1.0, n)
    points = Points(
        value,
        range(n),
        ["iam", "last_loss", *["aum"] * n][:n],
        low=value - 0.1,
        high=value + 0.1,
        written=[f"{v:.3f}" for v in value],
    )
    seeds = Points(value, np.arange(n) + 0.3, name="one seed", size=6, alpha=0.5)
    names = (NAMES * n)[:n]
    axis = Axis("AUROC with 95 % interval")
    panels = [Panel([points, seeds, Rule(x=0.5)], axis, Axis("Class", names=names), "All")]
    return Drawing(panels * n_panels, share_y=True)


def grid(n=5, bar="Share of the true class (%)"):
    values = np.arange(n * n, dtype=float).reshape(n, n) / (n * n) * 100
    values[0, 0] = np.nan
    names = (NAMES * n)[:n]
    cells = Cells(values, cell_texts(values, ".1f"), cell_texts(values, ".3f"), bar=bar)
    return Drawing([Panel([cells], Axis("Given label", names=names), Axis("True", names=names))])


def bars_and_steps():
    bars = Bars([0, 1, 2], [5.0, 500.0, 20.0], "clean", ["5", "500", "20"])
    steps = Steps([0.001, 0.01, 0.1, 1.0], [10.0, 60.0, 30.0], "hard", "hard clean (10)")
    count = Axis("Samples", (0.5, 1000.0), log=True)
    return Drawing(
        [
            Panel([bars], Axis("Rankings", whole=True), count),
            Panel([steps], Axis("Loss (nat)", log=True), Axis("Share (%)")),
        ]
    )


DRAWINGS = {
    "line": lines(1),
    "lines": lines(4),
    "multiples": lines(5, columns=3),
    "rows": rows(),
    "many-rows": rows(30, 3),
    "grid": grid(),
    "large-grid": grid(60),
    "bars": bars_and_steps(),
    "narrow-log": Drawing(
        [
            Panel(
                [Steps([2.01, 2.1, 2.2, 2.45], [10.0, 60.0, 30.0], "hard", "hard clean")],
                Axis("Loss (nat)", log=True),
                Axis("Share (%)"),
            )
        ]
    ),
}
every_drawing = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS.keys())


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
@every_drawing
def test_files_are_readable_at_every_width(drawing, width, monkeypatch):
    figure = page(drawing, Typography(width))
    assert figure.get_figwidth() == pytest.approx(width)
    assert_readable(figure, monkeypatch)


@every_drawing
def test_the_narrowest_file_is_drawn(drawing):
    assert page(drawing, Typography(2.0)).get_figwidth() == pytest.approx(2.0)


def test_both_draw_the_numbers_they_are_given():
    drawn, axes = screen(lines(1)), page(lines(1), Typography(7.0)).axes[0]
    by_name = {trace.name: trace for trace in drawn.data}
    assert list(by_name["second"].y) == [3.0, 2.0, 1.0]
    assert by_name["second"].line.dash == "dash"
    band = by_name["5 to 95 %"]  # there and back, without the epoch that has no lower end
    assert list(zip(band.x, band.y, strict=True)) == [(1, 1.5), (2, 1.0), (2, 0.4), (1, 0.5)]
    assert list(by_name["the paper"].x) == [1, 3]
    [second] = [line for line in axes.lines if line.get_label() == "second"]
    assert list(second.get_ydata()) == [3.0, 2.0, 1.0]
    assert second.get_linestyle() == "--"
    assert axes.get_ylim()[0] == 0


def test_a_name_stands_once_in_the_legend_of_both():
    drawn = screen(lines(2))
    assert sum(bool(trace.showlegend) for trace in drawn.data) == 4
    [legend] = page(lines(2), Typography(7.0)).legends
    assert len(legend.get_texts()) == 4
    assert legend.get_title().get_text().startswith("790 clean")


def test_a_colour_is_a_role_and_users_names_stay_letters():
    drawn = screen(lines(1))
    line = next(trace for trace in drawn.data if trace.mode == "lines" and trace.name[0] == "a")
    assert line.line.color == GROUP_COLOURS["mislabeled"]
    assert line.line.dash == "dot"
    assert "<b>" not in drawn.to_json().replace("\\u003cb\\u003e", "<b>")
    dots = screen(rows()).data[0]
    assert list(dots.marker.color)[:2] == [criterion_colour("iam"), criterion_colour("last_loss")]
    assert dots.error_x.color == GREY  # of many colours none is the interval's


def test_intervals_reach_from_low_to_high():
    dots = screen(rows()).data[0]
    assert dots.error_x.array == pytest.approx([0.1] * 5)
    assert dots.error_x.arrayminus == pytest.approx([0.1] * 5)
    axes = page(rows(), Typography(7.0)).axes[0]
    [first, *_] = axes.collections[0].get_segments()
    assert first[:, 0] == pytest.approx([0.4, 0.6])
    assert axes.get_ylim() == (4.5, -0.5)  # the first row on top


def test_a_single_point_is_a_dot():
    one = Drawing([Panel([Line([1], [0.5], name="so far")], EPOCH, LOSS)])
    assert screen(one).data[0].mode == "markers"
    assert page(one, Typography(3.3)).axes[0].lines[0].get_marker() == "o"


def test_cells_write_their_texts_where_they_fit():
    drawn = screen(grid())
    assert [note.text for note in drawn.layout.annotations] == list(
        cell_texts(drawn.data[0].z, ".1f").flat
    )[1:]
    assert len(screen(grid(60)).layout.annotations) == 0
    written = [text.get_text() for text in page(grid(), Typography(7.0)).axes[0].texts]
    assert written[:3] == ["", "4.0", "8.0"]
    assert not page(grid(60), Typography(7.0)).axes[0].texts


def test_an_open_cell_is_neither_low_nor_white_on_white():
    cells = grid().panels[0].marks[0]
    assert np.isnan(cells.share(0, 0))
    assert page(grid(), Typography(7.0)).axes[0].images[0].get_array().mask[0, 0]


def test_unseen_places_are_for_the_box_of_the_screen_alone():
    marks = [*grid().panels[0].marks, Unseen([0, 1], [2, 3], np.array([["a", 1], ["<i>", 2]]))]
    drawing = Drawing([Panel(marks, grid().panels[0].x, grid().panels[0].y)])
    drawn = screen(drawing)
    assert drawn.layout.dragmode == "select"
    assert drawn.data[1].customdata.tolist() == [["a", "1"], ["&lt;i&gt;", "2"]]
    assert len(page(drawing, Typography(7.0)).axes[0].lines) == 0


def test_log_axes_have_powers_of_ten_on_both():
    drawn, axes = screen(bars_and_steps()), page(bars_and_steps(), Typography(7.0)).axes
    assert drawn.layout.yaxis.type == "log"
    assert drawn.layout.yaxis.range == pytest.approx((np.log10(0.5), 3))
    assert drawn.layout.xaxis2.type == "log"
    assert axes[0].get_yscale() == axes[1].get_xscale() == "log"
    assert axes[0].get_ylim() == (0.5, 1000.0)


def test_extent_is_the_limits_and_else_what_the_marks_reach():
    panel = lines(1).panels[0]
    assert extent(panel, "x") == (1, 3)
    assert extent(panel, "y") == (0, 3)  # its lower limit, and the highest line
    assert extent(Panel([], EPOCH, LOSS), "x") == (0, 1)
