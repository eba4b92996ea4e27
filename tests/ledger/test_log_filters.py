"""A refused page is one line of the log, an error of ours keeps its traceback."""

import io
import logging
from urllib.parse import urlencode

import pytest
from django.db import IntegrityError
from django.test import Client

from accounts.exceptions import LedgerError
from ledger.settings import log
from ledger.web.error_text import OWN_PACKAGES
from ledger.web.log_filters import WithoutValues
from tests.factories import UserFactory

FORM = "application/x-www-form-urlencoded"


@pytest.mark.django_db
def test_a_page_that_somebody_may_not_see_is_one_line(client: Client, log: io.StringIO) -> None:
    client.force_login(UserFactory())
    assert client.get("/search/", {"whose": "bank", "q": "rent"}).status_code == 403
    (line,) = log.getvalue().splitlines()
    assert "Forbidden (Permission denied): /search/" in line


def test_a_wrong_host_is_one_line(client: Client, log: io.StringIO) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    (line,) = [line for line in log.getvalue().splitlines() if "HTTP_HOST" in line]
    assert "evil.example" in line
    assert "Traceback" not in log.getvalue()


@pytest.mark.django_db
def test_no_stranger_writes_a_line_of_level_error(client: Client, log: io.StringIO) -> None:
    """Operators count these lines: docs/logs.md."""
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    fields = {f"field{number}": "" for number in range(1_001)}
    assert client.post("/account/login/", urlencode(fields), FORM).status_code == 400
    for name in ("DisallowedHost", "TooManyFieldsSent"):
        assert f"WARNING django.security.{name}" in log.getvalue()
    assert "ERROR" not in log.getvalue()


def test_an_error_keeps_its_traceback(log: io.StringIO) -> None:
    logging.getLogger("django.request").error(
        "Internal Server Error: /", exc_info=ValueError("ours")
    )
    assert "ValueError: ours" in log.getvalue()


def test_the_text_that_another_handler_made_of_an_error_is_not_taken() -> None:
    error = IntegrityError("Failing row contains (Ana, 12.50)")
    record = logging.LogRecord("ledger", logging.ERROR, "", 1, "It failed", (), None)
    record.exc_info = (type(error), error, None)
    logging.Formatter().format(record)
    assert record.exc_text is not None
    assert "12.50" in record.exc_text

    assert "12.50" not in WithoutValues().format(record)


def test_the_sentence_of_no_refusal_is_logged() -> None:
    kinds, seen = [LedgerError], []
    while kinds:
        kind = kinds.pop()
        seen.append(kind)
        kinds += kind.__subclasses__()
    assert {kind.__module__.partition(".")[0] for kind in seen} <= OWN_PACKAGES | {"tests"}
    assert len(seen) > 20


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize(
    "library", ["aws_advanced_python_wrapper", "botocore", "django.db.backends", "django.template"]
)
def test_a_library_follows_the_level_but_never_writes_at_debug(library: str, level: str) -> None:
    loggers = log.logging(level=level, is_json=False)["loggers"]
    assert loggers[library]["level"] == ("INFO" if level == "DEBUG" else level)
