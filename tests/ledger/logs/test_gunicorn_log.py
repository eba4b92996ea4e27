"""gunicorn's own log has no address of a page."""

import io
import logging

import pytest
from gunicorn.config import Config

from ledger.server.gunicorn_log import GunicornLog


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_request_that_fails_outside_of_django_is_logged_without_its_address(
    log_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_FORMAT", log_format)
    monkeypatch.setattr(logging.getLogger("gunicorn.error"), "handlers", [])
    log, written = GunicornLog(Config()), io.StringIO()
    (handler,) = log.error_log.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)

    try:
        int("x")
    except ValueError:
        log.exception("Error handling request %s %s", "GET", "/search/?q=rent")
        log.exception("Error handling request %s", "/search/?q=rent")

    assert "ValueError" in written.getvalue()
    assert "search" not in written.getvalue()
    assert "rent" not in written.getvalue()
