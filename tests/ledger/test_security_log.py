"""The security log: its lines, and that no call gives it a secret, an amount or an address."""

import ast
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from django.test import Client, RequestFactory
from django.utils import timezone

from ledger.web import security_log
from ledger.web.security_log import EVENT, WITHHELD, is_forbidden, record
from tests.checks import tracked_files
from tests.factories import AccountFactory, UserFactory
from tests.security_events import security_events


def test_a_line_names_the_event_the_person_and_the_facts() -> None:
    person = uuid.uuid4()
    with security_events() as events:
        record("approval.decided", outcome="refused", person=person, kind="refund", seconds=3)
    (line,) = events.all()
    assert (line["event"], line["outcome"]) == ("approval.decided", "refused")
    assert (line["person"], line["kind"], line["seconds"]) == (str(person), "refund", 3)


def test_what_is_refused_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "ledger.security"):
        for outcome in ("ok", "refused"):
            record("approval.decided", outcome=outcome)
    assert [each.levelname for each in caplog.records] == ["INFO", "WARNING"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "ana@example.com"),
        ("kind", "203.0.113.9"),
        ("kind", "2001:db8::1"),
        ("kind", "correct horse battery"),
        ("kind", "JBSWY3DPEHPK3PXP"),
        ("kind", "482109375512"),
        ("kind", "n482109375512"),
        ("kind", Decimal("950.00")),
        ("kind", "line\nbreak"),
        ("password", "words"),
        ("new_password", "words"),
        ("amount", 950),
        ("ip", "localhost"),
        ("reset_key", "abc"),
    ],
)
def test_what_may_be_a_secret_an_amount_or_an_address_is_withheld(name: str, value: Any) -> None:
    with security_events() as events:
        record("sign_in", **{name: value})
    assert events.all()[0][name] == WITHHELD
    assert len(events.lines[0].splitlines()) == 1


@pytest.mark.django_db
def test_what_is_rolled_back_leaves_no_line() -> None:
    with security_events() as events, suppress(IntegrityError), transaction.atomic():
        record("session.ended", person=uuid.uuid4())
        raise IntegrityError
    assert events.all() == []


@pytest.mark.django_db(transaction=True)
def test_a_line_is_written_after_the_commit_with_the_time_of_the_event() -> None:
    moment = datetime(2026, 11, 5, 12, tzinfo=UTC)
    with security_events() as events, transaction.atomic():
        with patch.object(timezone, "now", return_value=moment):
            record("session.ended")
        assert events.all() == []
    (line,) = events.all()
    assert datetime.fromisoformat(line["time"]) == moment


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", ["refused", "limited"])
def test_a_refusal_is_written_although_it_is_rolled_back(outcome: Any) -> None:
    with security_events() as events, suppress(IntegrityError), transaction.atomic():
        record("sign_in", outcome=outcome)
        raise IntegrityError
    assert events.brief() == [("sign_in", outcome)]


@pytest.mark.django_db
def test_a_session_is_named_by_a_mark_that_does_not_lead_back_to_its_key(client: Client) -> None:
    client.force_login(UserFactory())
    request = RequestFactory().get("/")
    request.session = client.session
    with security_events() as events:
        record("sign_in", request=request)
    key = client.session.session_key
    assert key
    assert key not in events.lines[0]
    assert events.all()[0]["session"] == security_log.session_mark(key)


@pytest.mark.django_db
def test_a_refused_page_is_an_event_with_the_id_that_the_response_has(client: Client) -> None:
    customer = AccountFactory(user__email="ana@example.com").user
    client.force_login(customer)
    with security_events() as events:
        response = client.get(
            "/search/", {"whose": "bank", "q": "rent"}, headers={"x-request-id": "forged"}
        )
    assert response.status_code == 403
    (line,) = events.named("page.refused")
    assert line["person"] == str(customer.pk)
    assert line["page"] == "transactions:search"
    assert line["request"] == response.headers["X-Request-ID"] != "forged"
    assert "rent" not in events.lines[0]


@pytest.mark.django_db
def test_a_post_without_a_token_is_an_event(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    with security_events() as events:
        assert strict.post("/account/login/", {"login": "a@b.example"}).status_code == 403
    assert events.brief() == [("page.refused", "refused")]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of `record` in the project, with its place."""
    for path, text in tracked_files(".py"):
        if path.startswith("tests/") or "security_log" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "security_log.record",
                "record",
            ):
                yield f"{path}:{node.lineno}", node


def test_no_call_gives_a_secret_an_amount_or_an_address() -> None:
    found = list(calls())
    assert found
    wrong = []
    for place, call in found:
        name = call.args[0] if call.args else None
        if not (isinstance(name, ast.Constant) and EVENT.fullmatch(str(name.value))):
            wrong.append(f"{place}: the event is not one plain name")
        for fact in call.keywords:
            if fact.arg is None:
                wrong.append(f"{place}: facts are given by name")
            elif is_forbidden(fact.arg):
                wrong.append(f"{place}: {fact.arg}")
            elif isinstance(fact.value, ast.JoinedStr | ast.BinOp):
                wrong.append(f"{place}: {fact.arg} is put together")
            elif set(ast.unparse(fact.value).replace(".", "_").split("_")) & {
                "password", "secret", "token", "cookie", "amount", "balance", "email",
            }:  # fmt: skip
                wrong.append(f"{place}: {fact.arg}={ast.unparse(fact.value)}")
    assert wrong == []
