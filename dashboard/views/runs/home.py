"""The bare address leads to the overview, which so has an address of its own."""

import streamlit as st

st.switch_page("views/runs/overview.py", query_params=st.query_params.to_dict())
