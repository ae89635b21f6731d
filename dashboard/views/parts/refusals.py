"""What a page refuses, as a sentence on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError


@contextmanager
def refusals() -> Iterator[None]:
    """Show why the rest of a page, or of a fragment, is not there; also a decorator.

    Such as a file of the run that is damaged, or gone since the page began. Streamlit shows the
    error of a fragment by itself, so each fragment has this below its decorator.
    """
    try:
        yield
    except UsageError as reason:
        st.error(plain(str(reason)), icon=":material/error:")
