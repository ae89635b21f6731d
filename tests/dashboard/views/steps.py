"""What a person does with a page under Streamlit's `AppTest`, and what the page then shows."""

import json
import re
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.views.addresses import PLACES, page_file

APP = Path(__file__).parents[3] / "dashboard" / "frame.py"
HTML_NAMES = ["<b>bold</b>", "<img src=x onerror=alert(1)>", "$5 & more", "a_b*c*", "plain"]


def open_page(name: str, state: dict[str, Any] | None = None, **address: str) -> AppTest:
    """Open the tab that one of `PLACES` names: the page's own file runs once, and no other page."""
    page = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in (PLACES[name][1] | address).items():
        page.query_params[key] = value
    for key, value in (state or {}).items():
        page.session_state[key] = value
    # Before the first run, a page is found by the name of its file, which is its address.
    page.switch_page(page_file(name)).run()
    assert not page.exception, [found.message for found in page.exception]
    return page


def in_address(page: AppTest, key: str) -> str:
    """Return a value of the address: Streamlit gives what it was set to, text or a list."""
    value = page.query_params[key]
    return value if isinstance(value, str) else value[0]


def said(page: AppTest) -> str:
    """Return all that a page says in notes, captions and text."""
    kinds = (page.info, page.warning, page.error, page.caption, page.markdown)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def shown_samples(page: AppTest) -> list[str]:
    """Return the ids of the gallery's cards, in order."""
    return [
        part.split('"')[0] for block in page.get("html") for part in
        block.proto.body.split('data-sample="')[1:]
    ]  # fmt: skip


def gallery(page: AppTest) -> str:
    """Return the HTML of Inspect's gallery."""
    found = [json.loads(element.proto.json) for element in page.get("bidi_component")]
    return "\n".join(data["html"] for data in found if "html" in data)


def gallery_samples(page: AppTest) -> list[int]:
    """Return the samples of Inspect's gallery, in order."""
    return [int(found) for found in re.findall(r'data-sample="(\d+)"', gallery(page))]
