"""Pictures by address: what is answered, what is refused, and what a browser may keep."""

import json
from urllib.parse import unquote, urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import Response

from dashboard.picture_route import answer, picture_routes
from dashboard.presenters.gallery import picture_address
from dashboard.runs import run_called
from hmw_core.log.reader import RunReader
from tests.conftest import write_run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HMW_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def ask(address: str, base: str = "", tag: str | None = None) -> Response | None:
    """Return the answer to an address as a browser would send it, None if it is no picture's."""
    (route,) = picture_routes(base)
    parts = urlsplit(address)
    headers = [(b"if-none-match", tag.encode())] if tag else []
    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(parts.path),
        "query_string": parts.query.encode(),
        "headers": headers,
    }
    _, found = route.matches(scope)
    return answer(Request(scope | found)) if found else None


def test_a_picture_as_the_run_keeps_it(folder):
    write_run(folder / "a b#?%&")
    run = RunReader(folder / "a b#?%&")
    before, after = picture_address(run)
    found = ask(f"/{before}7{after}")
    assert found.status_code == 200
    assert found.body == run.images([7])[7]
    assert found.headers["content-type"] == "image/png"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in found.headers["cache-control"]


def test_what_a_browser_has_is_not_sent_again_and_an_unnamed_picture_is_asked_for_again(folder):
    write_run(folder / "tiny")
    first = ask("/picture/tiny/7")
    assert first.headers["cache-control"] == "no-cache"
    again = ask("/picture/tiny/7", tag=first.headers["etag"])
    assert (again.status_code, again.body) == (304, b"")
    assert ask("/picture/tiny/8", tag=first.headers["etag"]).status_code == 200
    assert ask("/picture/tiny/7?data=other").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/picture/", "picture/RUN/SAMPLE"),
        ("/picture/tiny", "picture/RUN/SAMPLE"),
        ("/picture/tiny/3/4", "picture/RUN/SAMPLE"),
        ("/picture/other/3", "no run here is called 'other'"),
        ("/picture/../secret", "no run here is called '..'"),
        ("/picture/%2e%2e%2fsecret/3", "picture/RUN/SAMPLE"),
        ("/picture/..%5Csecret/3", "no run here"),
        ("/picture/.datasets/3", "no run here is called '.datasets'"),
        ("/picture//3", "no run here is called ''"),
        ("/picture/tiny%00/3", "no run here"),
        ("/picture/tiny/60", "keeps no picture of sample 60"),
        ("/picture/tiny/-1", "is no number of a sample"),
        ("/picture/tiny/%C2%B2", "is no number of a sample"),
        ("/picture/tiny/" + "9" * 5000, "is no number of a sample"),
        ("/picture/bare/3", "keeps no picture of sample 3"),
        ("/picture/broken/3", "broken"),
        ("/picture/<b>x/3", "no run here"),
    ],
)
def test_what_is_not_there_is_said(folder, address, reason):
    write_run(folder / "tiny")
    write_run(folder / "bare", pictures=False)
    write_run(folder.parent / "secret")
    (folder / "broken").mkdir()
    (folder / "broken" / "run.json").write_text("{")
    found = ask(address)
    assert found.status_code == 404
    said = found.body.decode()
    assert said.startswith("No picture: ")
    assert reason in said
    assert len(said) < 500
    assert found.headers["content-type"].startswith("text/plain")
    assert found.headers["cache-control"] == "no-store"


def test_bytes_that_are_no_picture_of_a_log_are_not_sent(folder, monkeypatch):
    write_run(folder / "tiny")
    monkeypatch.setattr(RunReader, "images", lambda *_: {3: b"<svg onload=alert(1)>"})
    found = ask("/picture/tiny/3")
    assert found.status_code == 404
    assert "neither PNG nor JPEG" in found.body.decode()


@pytest.mark.parametrize("base", ["hmw", "/hmw/", "a/b"])
def test_behind_a_base_path(folder, base):
    write_run(folder / "tiny")
    assert ask(f"/{base.strip('/')}/picture/tiny/3", base).status_code == 200
    assert ask("/picture/tiny/3", base) is None


def test_runs_of_sweeps_have_pictures_and_the_data_says_whose(folder):
    runs, other = [folder.parent / "sweeps" / sweep / "run=1" for sweep in ("a", "b")], "0" * 16
    for run in runs:
        write_run(run)
        (run.parent / "sweep.json").write_text("{}")
    info = json.loads((runs[1] / "run.json").read_text())
    info["dataset"]["fingerprint"] = other
    (runs[1] / "run.json").write_text(json.dumps(info))
    before, after = picture_address(RunReader(runs[0]))
    assert ask(f"/{before}7{after}").status_code == 200
    assert run_called("run=1").folder == run_called("run=1", "0").folder == runs[0]
    assert run_called("run=1", other).folder == runs[1]
    assert run_called("run=2") is None
