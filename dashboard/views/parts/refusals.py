"""What a page refuses, as a sentence on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError


@contextmanager
def refusals() -> Iterator[None]:
    """Show a `UsageError` as a sentence in place of the rest of the page; also a decorator.

    A file of the run may be damaged, or deleted since the page began. Streamlit handles the errors
    of a fragment by itself, so each fragment has this below its decorator.
    """
    try:
        yield
    except UsageError as reason:
        st.error(plain(str(reason)), icon=":material/error:")
