"""A record as a line of JSON: its fields, and no value that may be of a person."""

import json
import logging
import re
import uuid
import warnings
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.db import transaction as db_transaction

from accounts.exceptions import LimitInvalid
from accounts.models import User
from ledger.logs import context
from ledger.web.json_lines import JsonLines
from ledger.web.mail import MailNotSent
from tests.factories import UserFactory
from tests.ledger.logs.json_log import json_log

ID = uuid.UUID("019bf2c0-0000-7000-8000-000000000001")


def line_of(
    message: str, *arguments: Any, logger: str = "ledger", error: BaseException | None = None
) -> dict[str, Any]:
    """The line of one record."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(logger, logging.ERROR, __file__, 1, message, arguments, info)
    found = JsonLines().format(record)
    assert "\n" not in found
    return dict(json.loads(found))


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301  here, for a frame
    except BaseException as caught:  # noqa: BLE001  with its frames
        return caught


def test_a_line_says_when_how_bad_and_who_says_it() -> None:
    line = line_of("It failed")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "ledger", "It failed")
    assert line["source"] == "tests/ledger/logs/test_json_lines.py:1"


def test_a_line_has_the_facts_of_where_it_comes_from_the_inner_ones_first() -> None:
    with (
        context.with_facts(lambda: {"job": "seal", "route": "home"}),
        context.with_facts(lambda: {"job": "audit"}),
    ):
        line = line_of("It failed")
    assert (line["job"], line["route"]) == ("audit", "home")
    assert "job" not in line_of("It failed")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3, "3"),
        (True, "True"),
        (None, "None"),
        (ID, str(ID)),
        ("user_email_lowercase", "user_email_lowercase"),
        (MailNotSent("TimeoutError"), "TimeoutError"),
        (Decimal("950.00"), "withheld"),
        ("ana@example.com", "withheld"),
        (["Ana Lindt"], "withheld"),
        (ValueError("Ana Lindt"), "ValueError"),
        (LimitInvalid("950.00 is too much"), "LimitInvalid"),
    ],
)
def test_a_value_that_may_be_of_a_person_is_withheld(value: Any, shown: str) -> None:
    assert line_of("It failed: %s", value)["message"] == f"It failed: {shown}"


def test_no_text_of_another_package_is_taken() -> None:
    with json_log() as log:
        logging.getLogger("library").warning("Asked for %s in %d ms", "Ana Lindt", 12)
        logging.getLogger("library").warning("Asked for {}".format("Ana Lindt"))
    assert [line["message"] for line in log.of("library")] == [
        "Asked for withheld in 12 ms",
        "withheld",
    ]


def test_a_figure_that_became_a_word_breaks_no_line() -> None:
    assert line_of("%d paid %s", Decimal("5.25"), "x")["message"] == "%d paid %s"


def test_a_warning_says_its_kind_and_place() -> None:
    logging.captureWarnings(True)
    try:
        with json_log() as log, warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("Ana Lindt has 950.00", RuntimeWarning, stacklevel=1)
    finally:
        logging.captureWarnings(False)
    (line,) = log.of("py.warnings")
    assert line["message"].startswith("RuntimeWarning at tests/ledger/logs/test_json_lines.py:")


def test_an_exception_is_its_names_and_frames_without_its_message() -> None:
    first = raised(ValueError("Ana Lindt"))
    second = KeyError("ana@example.com")
    second.__cause__ = first
    chain = line_of("It failed", error=raised(second))["exception"]
    assert [each["type"] for each in chain] == ["KeyError", "ValueError"]
    assert re.fullmatch(
        r"tests/ledger/logs/test_json_lines\.py:\d+ in raised", chain[0]["frames"][-1]
    )
    assert not re.search("ana", json.dumps(chain), re.IGNORECASE)


def test_a_frame_does_not_say_in_whose_folder_python_is() -> None:
    with pytest.raises(json.JSONDecodeError) as found:
        json.loads("{")
    frames = line_of("It failed", error=found.value)["exception"][0]["frames"]
    assert frames[-1].startswith("json/decoder.py:")


@pytest.mark.django_db
def test_an_error_of_the_database_is_its_rule_without_the_row() -> None:
    UserFactory(email="ana@example.com")
    with pytest.raises(IntegrityError) as found, db_transaction.atomic():
        User.objects.create(email="ana@example.com", name="Ana")
    line = line_of("It failed", error=found.value)
    assert line["exception"][0]["database"] == "SQLSTATE 23505, rule users_email_key, table users"
    assert "ana@" not in json.dumps(line)
