"""The server as it is started: foreign names and foreign pages stay outside, no page in a frame."""

import base64
import http.client
import json
import urllib.request
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def status(address: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    found = connection.getresponse().status
    connection.close()
    return found


def opened(address: str, host: str, origin: str) -> int:
    """Return how the server answers the first words of a session."""
    return status(
        address,
        "/_stcore/stream",
        Host=host,
        Origin=origin,
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key=base64.b64encode(bytes(16)).decode(),
        Sec_WebSocket_Protocol="streamlit",
    )


def test_a_session_is_opened_under_our_name_only(address):
    ours = urlsplit(address).netloc
    foreign = ours.replace("127.0.0.1", "attacker.example")
    assert opened(address, ours, address) == 101
    assert opened(address, foreign, f"http://{foreign}") == 403
    assert opened(address, ours, f"http://{foreign}") == 403


@pytest.mark.parametrize("path", ["/", "/train", "/_stcore/health", "/media/x", "/no/such/path"])
def test_nothing_is_answered_under_a_foreign_name(address, path):
    assert status(address, path, Host="attacker.example") == 403


def test_no_page_of_another_place_steers_ours(address):
    with urllib.request.urlopen(f"{address}/_stcore/host-config", timeout=20) as answer:
        assert json.load(answer)["allowedOrigins"] == []


def test_a_page_in_a_frame_stays_empty(address, browser: Browser):
    window = browser.new_page()
    window.set_content(f"<iframe src='{address}/overview'></iframe>")
    window.wait_for_timeout(2000)
    (frame,) = window.frames[1:]
    assert frame.url.startswith("chrome-error:")
    window.close()
