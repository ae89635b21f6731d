"""Who is let in: our own pages under our own names, and nobody in a frame."""

from contextlib import suppress

import pytest
from starlette.responses import PlainTextResponse

from dashboard import gate
from hmw_core.errors import UsageError

HERE = "127.0.0.1:8501"
TOLD = ["hmw.example.org", "192.168.1.5", "fd00::1"]


def ask(kind: str = "http", **headers: str | list[str]) -> tuple[int, dict[str, str], str, list]:
    """Return the answer to a request: status, headers, body, and the Origin the app was told."""
    sent: list[dict] = []
    seen: list = []

    async def app(scope, receive, send):
        seen.extend(value for name, value in scope["headers"] if name == b"origin")
        await PlainTextResponse("a page")(scope, receive, send)

    async def send(message):
        sent.append(message)

    pairs = [
        (n, v) for n, values in headers.items() for v in ([values], values)[type(values) is list]
    ]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    scope = {"type": kind, "headers": raw, "extensions": {"websocket.http.response": {}}}
    with suppress(StopIteration):  # nothing waits, so that no loop is needed
        gate.Gate(app, TOLD)(scope, None, send).send(None)
    start, body = sent
    said = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], said, body["body"].decode(), seen


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", HERE, "localhost:1", "LocalHost", "localhost.", "[::1]", "[::1]:8501"]
    + ["hmw.example.org", "HMW.example.org:443", "192.168.1.5:8501", "[fd00::1]:80"]
    + ["[fd00:0:0::1]"],
)  # fmt: skip
def test_our_names_are_let_in_with_any_port(kind, host):
    assert ask(kind, host=host)[0] == 200


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host",
    ["attacker.example", "attacker.example:8501", "127.0.0.1.attacker.example", "localhost.evil"]
    + ["127.0.0.1@attacker.example", "attacker.example@127.0.0.1", "localhost/", "localhost#"]
    + ["[::1", "::1", "127.1", "2130706433", "0x7f.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]"]
    + ["", " ", ":8501", "localhost:http", "localhost:99999", "localhost:8501:8501", "local\thost"]
    + ["x" * 70_000, "\xff", "localhost, attacker.example", "sub.hmw.example.org", "*"]
    + ["127.0.0.2", "192.168.1.50", "127.0.0.1\x00", "localhost..", "fd00::1"],
)  # fmt: skip
def test_a_foreign_name_is_refused_in_a_sentence(kind, host):
    status, headers, body, _ = ask(kind, host=host)
    assert status == 403
    assert body.startswith("Refused: this dashboard is not called ")
    assert "--host-name" in body
    assert len(body) < 1000
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("hosts", [[], [HERE, "attacker.example"], [HERE, HERE]])
def test_a_request_has_one_name(hosts):
    assert ask(host=hosts)[0] == 403


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (f"http://{HERE}", 200),
        (f"https://{HERE}", 200),  # a proxy may hold the certificate
        ("https://hmw.example.org", 200),  # a proxy may say where it goes on to
        ("https://HMW.EXAMPLE.ORG:8443", 200),
        ("http://localhost:3000", 403),  # another program of this machine
        ("http://127.0.0.1", 403),
        ("http://attacker.example", 403),
        (f"http://{HERE}.attacker.example", 403),
        (f"http://attacker.example#@{HERE}", 403),
        (f"file://{HERE}", 403),
        ("null", 403),
        ("", 403),
        (HERE, 403),
        ([f"http://{HERE}", "http://attacker.example"], 403),
    ],
)
def test_only_our_own_pages_ask(kind, origin, status):
    assert ask(kind, host=HERE, origin=origin)[0] == status


def test_streamlit_does_not_judge_the_page_of_a_session_again():
    assert ask("websocket", host=HERE, origin=f"http://{HERE}")[3] == []
    assert ask("http", host=HERE, origin=f"http://{HERE}")[3] == [f"http://{HERE}".encode()]


@pytest.mark.parametrize("host", [HERE, "attacker.example"])
def test_no_answer_may_be_framed(host):
    headers = ask(host=host)[1]
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"] == "frame-ancestors 'none'"


def test_names_are_told_by_the_environment(monkeypatch):
    monkeypatch.setenv(gate.NAMES, "HMW.Example.org., [::2],,10.0.0.7")
    assert gate.told_names() == ["hmw.example.org", "::2", "10.0.0.7"]
    monkeypatch.delenv(gate.NAMES)
    assert gate.told_names() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.example.org",
        "https://example.org",
        "example.org:80",
        "example.org/x",
        "a b",
        "a,b",
    ]
    + ["a..b", "x" * 254, "é.example", "[::1]:80"],
)
def test_what_is_no_name_alone_is_said(text):
    with pytest.raises(UsageError, match="--host-name must be a name or an address alone"):
        gate.host_name(text)
