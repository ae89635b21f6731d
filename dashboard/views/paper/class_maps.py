"""Figs. 5 and 6: one class in the plane, clean against mislabeled, and its HM weights."""

import streamlit as st

from dashboard.views.addresses import link_to
from dashboard.views.paper.shown import Shown, choose_map
from dashboard.views.parts.blocks import offer_map


def show(shown: Shown) -> None:
    """Show the tab."""
    with st.container(horizontal=True):
        method = choose_map()
        label = shown.given_label
        more = {} if label is None else {"class": str(label)}
        st.link_button("See the pictures", link_to("samples", shown.run, **more))
    if all([offer_map(each, method, shown.given_label) for each in shown.runs]):
        shown.show("class_clusters")
        shown.show("class_weights")
    shown.show("weight_histogram")
