"""The dashboard as a server: the frame of its pages behind the gate."""

import logging
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from dashboard.gate import Gate, host_name, told_names
from dashboard.picture_route import picture_routes

# Streamlit says where the dashboard is; what uvicorn would say beside it tells nobody more.
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def bound() -> list[str]:
    """Return the address that this server listens on, none where it listens on all."""
    address = st.get_option("server.address")
    return [] if address in (None, "0.0.0.0", "::") else [host_name(address)]


@asynccontextmanager
async def window(_: Any) -> AsyncIterator[None]:
    """Open a browser, which Streamlit does for a script but not for an app."""
    if not st.get_option("server.headless"):
        name = next(iter(bound()), "localhost")
        webbrowser.open(f"http://{name}:{st.get_option('server.port')}")
    yield


app = st.App(
    Path(__file__).with_name("frame.py"),
    lifespan=window,
    routes=picture_routes(st.get_option("server.baseUrlPath")),
    middleware=[Middleware(Gate, names=[*told_names(), *bound()])],
)
