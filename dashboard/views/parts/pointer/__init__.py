"""What the mouse does on a chart of samples: hovering shows a picture, a click picks a sample.

Streamlit tells of selections on a plotly chart, not of the mouse over it. The script (`pointer.js`)
lives in the same document and listens to the chart itself. It takes nothing from the page but what
the server says here, and writes names as text.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

CSS, JS = (
    Path(__file__).with_name(f"pointer.{kind}").read_text(encoding="utf-8")
    for kind in ("css", "js")
)


class Click(NamedTuple):
    """A click on the chart: on a marker of a sample, or beside all of them.

    `x`, `y` are where it was and `reach_x`, `reach_y` how far some pixels reach, in the units of
    the axes.
    """

    sample_id: int | None
    x: float
    y: float
    reach_x: float
    reach_y: float


def pointer(data: dict[str, Any], *, key: str, on_click: Callable[[Click], None]) -> None:
    """Follow the mouse on a chart.

    Parameters
    ----------
    data : dict
        `chart` (the key of its container as a class), `picture` (what stands before and after an
        id in a picture's address, or null), `classes` (names), `criterion` (title), `smooth`,
        `anywhere` (whether a click beside the markers counts: most samples have none), and by
        column what is said of a sample: `id`, `given`, `true`, `predicted` (-1 where unknown),
        `score` (text), `rank` (0 for none).
    key : str
    on_click : callable
    """
    # Registered in each run of the script, as a test's app knows only what it registered itself.
    mount = st.components.v2.component(
        "hmw_pointer", html='<div class="tip" hidden></div>', css=CSS, js=JS
    )

    def clicked() -> None:
        found = click_of(st.session_state[key].clicked)
        if found is not None:
            on_click(found)

    mount(key=key, data=data, on_clicked_change=clicked, height="content")


def click_of(told: Any) -> Click | None:
    """Return the click that the browser tells of, None where it is none: it is not trusted."""
    if not isinstance(told, dict):
        return None
    sample_id = told.get("id")
    values = [told.get(name) for name in ("x", "y", "reach_x", "reach_y")]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if sample_id is not None and type(sample_id) is not int:
        return None
    if len(numbers) < len(values):
        return None
    x, y, reach_x, reach_y = numbers
    return Click(sample_id, x, y, reach_x, reach_y)
