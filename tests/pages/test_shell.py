"""Who may connect, which headers go out, how much may be uploaded, and how errors look."""

from __future__ import annotations

import asyncio
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import middleware
from pages.ui.middleware import Guard, UploadQuota
from tlcore.addresses import refuse_open
from tlcore.errors import ConflictError


async def accept(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def refuse(scope, receive, send):
    await send({"type": "http.response.start", "status": 403, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


def ask(app, path="/", method="GET", server="127.0.0.1", kind="http", **headers):
    """One request; the messages that came back."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "path": path, "method": method, "server": (server, 8501), "headers": lines}
    with ThreadPoolExecutor(1) as thread:  # Playwright's event loop occupies the main one while its browser is open.
        thread.submit(asyncio.run, app(scope, receive, send)).result()
    return sent


def status(messages):
    return messages[0]["status"]


@pytest.fixture(autouse=True)
def only_local(monkeypatch):
    monkeypatch.delenv("TLCORE_ALLOW_REMOTE", raising=False)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "", None, "example.org"])
def test_an_open_address_is_refused_at_start(address):
    with pytest.raises(ConflictError, match="TLCORE_ALLOW_REMOTE"):
        refuse_open(address, "They could do harm.")


def test_the_server_that_would_be_open_hears_one_sentence_and_no_traceback(monkeypatch):
    monkeypatch.setattr(middleware.st, "get_option", lambda name: "0.0.0.0")
    (answer,) = ask(Guard(accept), kind="lifespan")
    assert answer["type"] == "lifespan.startup.failed"
    assert "TLCORE_ALLOW_REMOTE" in answer["message"] and "\n" not in answer["message"]


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_loopback_needs_no_permission(address):
    refuse_open(address, "They could do harm.")


def test_the_owner_may_open_it(monkeypatch):
    monkeypatch.setenv("TLCORE_ALLOW_REMOTE", "1")
    refuse_open("0.0.0.0", "They could do harm.")
    assert status(ask(Guard(accept), server="10.0.0.7", host="wb.example.org")) == 200


def test_a_connection_on_another_address_is_refused_whatever_the_server_was_told():
    assert status(ask(Guard(accept), server="10.0.0.7", host="10.0.0.7:8501")) == 403
    assert ask(Guard(accept), server="10.0.0.7", kind="websocket")[0]["type"] == "websocket.close"


def test_a_foreign_host_name_on_a_local_socket_is_refused():
    assert status(ask(Guard(accept), host="evil.example:8501")) == 403
    for host in ("localhost:8501", "127.0.0.1:8501", "[::1]:8501"):
        assert status(ask(Guard(accept), host=host)) == 200


def test_every_answer_carries_the_protective_headers():
    headers = {name.decode().lower(): value.decode() for name, value in ask(Guard(accept), host="localhost")[0]["headers"]}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "sha256-" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def put(app, session, file, length):
    return status(ask(app, f"/_stcore/upload_file/{session}/{file}", "PUT", content_length=str(length)))


def test_uploads_are_bounded_by_session(monkeypatch):
    monkeypatch.setattr(middleware, "SESSION_QUOTA_BYTES", 1000)
    app = UploadQuota(accept)
    assert put(app, "a", "1", 600) == 200
    assert put(app, "a", "2", 600) == 413
    assert put(app, "b", "1", 600) == 200
    assert put(app, "a", "1", 900) == 200  # Takes the place of the first one.


def test_uploads_are_bounded_in_all(monkeypatch):
    monkeypatch.setattr(middleware, "SERVER_QUOTA_BYTES", 1000)
    app = UploadQuota(accept)
    assert put(app, "a", "1", 600) == 200
    assert put(app, "b", "1", 600) == 413


def test_a_removed_or_refused_file_gives_its_room_back(monkeypatch):
    monkeypatch.setattr(middleware, "SESSION_QUOTA_BYTES", 1000)
    app = UploadQuota(accept)
    assert put(app, "a", "1", 900) == 200
    ask(app, "/_stcore/upload_file/a/1", "DELETE")
    assert put(app, "a", "2", 900) == 200
    app.app = refuse
    assert put(app, "b", "1", 900) == 403
    app.app = accept
    assert put(app, "b", "2", 900) == 200


def test_an_upload_of_unknown_length_is_refused():
    assert status(ask(UploadQuota(accept), "/_stcore/upload_file/a/1", "PUT")) == 411


def test_tables_leave_only_through_a_button_that_makes_formulas_harmless():
    settings = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["disableDataExport"] is True


def failing(kind: str):
    from pages.ui.errors import guarded
    from tlcore.errors import InputError

    with guarded():
        raise InputError("pets.zip: class '**cat**' has 1 picture.") if kind == "user" else KeyError("secret")
    import streamlit as st

    st.caption("The rest of the page is there.")


def test_a_mistake_of_the_users_is_one_sentence_shown_literally():
    app = AppTest.from_function(failing, args=("user",)).run()
    assert app.error[0].value.replace("\\", "") == "pets.zip: class '**cat**' has 1 picture."
    assert not app.expander
    assert app.caption


def test_a_fault_of_ours_is_one_sentence_with_a_folded_traceback():
    app = AppTest.from_function(failing, args=("ours",)).run()
    assert "failed" in app.error[0].value and "\n" not in app.error[0].value
    assert "KeyError" in app.expander[0].code[0].value
    assert app.caption
