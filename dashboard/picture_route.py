"""Pictures of samples by address, for what a page shows without running its script again."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard.runs import run_called
from hmw_core.errors import UsageError

STARTS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}  # what a log keeps
GUARDED = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
# The address says of which data it is, so what lies there never changes.
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
ASKED_AGAIN = {"Cache-Control": "no-cache"}


def picture_routes(base: str = "") -> list[Route]:
    """Return the route of all pictures; `base` is the path that the server lies behind."""
    stem = "/".join(["", *base.strip("/").split("/")]).rstrip("/")
    # All that is below comes here: Streamlit answers an unknown address with its own page.
    return [Route(f"{stem}/picture/{{place:path}}", answer, methods=["GET", "HEAD"])]


def answer(request: Request) -> Response:
    """Answer with a sample's picture, or with 404 and a sentence."""
    words = request.path_params["place"].split("/")
    if len(words) != 2:
        return _none("the address of one is picture/RUN/SAMPLE")
    name, sample = words
    try:
        run = run_called(name, request.query_params.get("data"))
        if run is None:
            return _none(f"no run here is called {name!r:.100}")
        if not (sample.isascii() and sample.isdigit() and len(sample) < 12):
            return _none(f"{sample!r:.100} is no number of a sample")
        sample_id, fingerprint = int(sample), run.info["dataset"]["fingerprint"]
        tag = f'"{fingerprint}-{sample_id}"'
        is_named = request.query_params.get("data") == fingerprint
        cache = (KEPT if is_named else ASKED_AGAIN) | {"ETag": tag}
        if sample_id < run.n_samples and request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=GUARDED | cache)
        content = run.images([sample_id]).get(sample_id) if sample_id < run.n_samples else None
    except UsageError as error:
        return _none(str(error))
    if content is None:
        return _none(f"run {name!r:.100} keeps no picture of sample {sample_id}")
    kind = next((kind for start, kind in STARTS.items() if content.startswith(start)), None)
    if kind is None:
        return _none(f"the picture of sample {sample_id} is neither PNG nor JPEG")
    return Response(content, headers=GUARDED | cache, media_type=kind)


def _none(reason: str) -> Response:
    headers = GUARDED | {"Cache-Control": "no-store"}
    return PlainTextResponse(f"No picture: {reason}.\n", 404, headers=headers)
