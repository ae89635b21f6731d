"""Logits (Fig. 2): the given, the largest other and the top-k logits, and their areas."""

from typing import Any

import streamlit as st

from dashboard.views.parts.blocks import chosen_pictures, show_figure
from dashboard.views.parts.choices import choose_samples
from hmw_core.log.reader import RunReader


def show(run: RunReader, given_label: int | None) -> None:
    """Show the tab."""
    st.caption(
        "How far the given class stands over the best other one (AUM), and that one over the "
        "next (TKUM)."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        of = st.segmented_control(
            "Curves of", ["single samples", "group means"], default="single samples", required=True
        )
        sample_ids = choose_samples(run) if of == "single samples" else None

    options: dict[str, Any] = {"given_label": given_label, "sample_ids": sample_ids}
    if of == "group means":
        options["group"] = "mean"
    else:
        chosen_pictures(run, given_label, sample_ids, None)
    show_figure("logits", run, **options)
    show_figure("areas_by_epoch", run, **options)
