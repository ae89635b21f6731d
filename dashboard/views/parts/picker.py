"""A grid of pictures that can be picked: a click on one says its sample to the page."""

from collections.abc import Callable, Collection

import streamlit as st

# The cards come as HTML with every name escaped (see `gallery.as_html`).
CSS = """
.grid { color: var(--st-text-color); font-family: var(--st-font); }
.grid a { color: inherit; }
figure { cursor: pointer; }
figure:hover { background: var(--st-secondary-background-color); }
figure:focus-visible { outline: 2px solid var(--st-primary-color); }
figure[aria-pressed="true"] { outline: 3px solid #E6B800; outline-offset: -1px; }
"""
SCRIPT = """
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  grid.innerHTML = data.html;
  const picked = new Set(data.picked);
  for (const card of grid.querySelectorAll("figure[data-sample]")) {
    const id = Number(card.dataset.sample);
    card.tabIndex = 0;
    card.setAttribute("role", "button");
    card.setAttribute("aria-pressed", picked.has(id));
    const toggle = () => {
      card.setAttribute("aria-pressed", card.getAttribute("aria-pressed") !== "true");
      setTriggerValue("clicked", id);
    };
    card.onclick = (event) => { if (!event.target.closest("a")) toggle(); };
    card.onkeydown = (event) => {
      if (event.target === card && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        toggle();
      }
    };
  }
}
"""


def picker(
    html: str, picked: Collection[int], *, key: str, on_click: Callable[[int], None]
) -> None:
    """Show cards; `on_click` is called with the sample whose card was clicked."""
    # Registered in each run of the script, as a test's app knows only what it registered itself.
    mount = st.components.v2.component(
        "hmw_picker", html='<div class="grid"></div>', css=CSS, js=SCRIPT
    )

    def clicked() -> None:
        sample_id = st.session_state[key].clicked
        if isinstance(sample_id, int):
            on_click(sample_id)

    mount(key=key, data={"html": html, "picked": sorted(picked)}, on_clicked_change=clicked)
