"""Passwords, tokens, cookies, amounts and addresses appear neither in the logs, including
Postgres's log, nor on error pages.
"""

import io
import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.db import IntegrityError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from accounts.exceptions import LimitInvalid
from accounts.models import User
from ledger.db.server import failed_servers
from ledger.web import log_filters
from ledger.web.error_reports import HidingReporter
from ledger.web.log_filters import WithoutValues
from tests.attacks.planted import ADDRESS, AMOUNT, COOKIE, PASSWORD, SECRETS, TOKEN
from tests.factories import AccountFactory, UserFactory
from tests.postgres_log import lines_logged

pytestmark = pytest.mark.django_db


@login_not_required
def fails(request: HttpRequest) -> HttpResponse:
    password, amount = request.POST["password"], Decimal(request.POST["amount"])
    raise KeyError(f"{bool(password)} {bool(amount)}")


@login_not_required
def breaks_a_unique_key(_request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        User.objects.create(email=ADDRESS, name="Twice")
    return HttpResponse()


@login_not_required
def breaks_a_check(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users SET email = upper(email), name = %s",
            [f"{request.POST['amount']} {request.POST['password']}"],
        )
    return HttpResponse()


@login_not_required
def breaks_a_type(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::uuid", [request.POST["token"]])
    return HttpResponse()


@login_not_required
def mistypes_a_column(_request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nope FROM users")
    return HttpResponse()


@login_not_required
def chained(request: HttpRequest) -> HttpResponse:
    try:
        breaks_a_check(request)
    except IntegrityError as error:
        raise RuntimeError("It did not work") from error
    return HttpResponse()


@login_not_required
def refuses(request: HttpRequest) -> HttpResponse:
    raise LimitInvalid(f"{request.POST['amount']} is too much for {ADDRESS}")


REFUSAL = psycopg.OperationalError(
    f'connection failed: FATAL:  password authentication failed for user "{ADDRESS}" ({PASSWORD})'
)
failed_servers.note_not_opened(REFUSAL)
failed_servers.note_connecting(REFUSAL, {"host": "db.example", "port": "5432"})


@login_not_required
def loses_its_server(_request: HttpRequest) -> HttpResponse:
    raise OperationalError(str(REFUSAL)) from REFUSAL


VIEWS = (fails, breaks_a_unique_key, breaks_a_check, breaks_a_type, chained, refuses)
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in (*VIEWS, mistypes_a_column)),
    path("loses_its_server/", loses_its_server, name="loses_its_server"),
    path("account/password/reset/key/<key>/", fails),
    path("", include("ledger.urls")),
]
handler500 = "ledger.web.error_pages.server_error"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The console output of Django and of this project, from DEBUG on. The console is not a
    terminal.
    """
    monkeypatch.setattr(log_filters, "is_watched", lambda: False)
    root = logging.getLogger()
    (handler,) = (
        each
        for each in root.handlers
        if isinstance(each, logging.StreamHandler) and isinstance(each.formatter, WithoutValues)
    )
    names = ("django", "django.request", "ledger", "transactions", "accounts")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    stream = handler.setStream(told := io.StringIO())
    yield told
    handler.setStream(stream)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def security_log() -> Iterator[io.StringIO]:
    handlers = logging.getLogger("ledger.security").handlers
    (handler,) = (each for each in handlers if type(each) is logging.StreamHandler)
    stream = handler.setStream(told := io.StringIO())
    yield told
    handler.setStream(stream)


def send(url: str) -> Any:
    client = Client(raise_request_exception=False)
    client.cookies["theme"] = COOKIE
    form = {"password": PASSWORD, "amount": AMOUNT, "token": TOKEN, "email": ADDRESS}
    return client.post(f"{url}?token={TOKEN}", form, headers={"authorization": f"Bearer {TOKEN}"})


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_a_failing_page_tells_no_secret(
    view: Any, debug: bool, log: io.StringIO, security_log: io.StringIO
) -> None:
    UserFactory(email=ADDRESS)
    AccountFactory(balance="10")
    before = len(lines_logged())
    with override_settings(ROOT_URLCONF=__name__, DEBUG=debug):
        answer = send(f"/{view.__name__}/")
    assert answer.status_code == (409 if view is refuses else 500)
    page = answer.content.decode()
    # The message of a refusal is for the sender of the request. A developer reads Postgres's text,
    # but not the values of stored rows.
    names_value = debug and view is breaks_a_type
    assert view is refuses or secrets_in(page) == ([TOKEN] if names_value else [])
    assert secrets_in(log.getvalue() + security_log.getvalue()) == []
    lines = lines_logged()[before:]
    assert any("ERROR" in line for line in lines) == (view not in (fails, refuses))
    # The error for a wrong type contains the value, so pages check typed values first: see
    # `tests/attacks/walks/test_sql_injection.py`.
    assert secrets_in("\n".join(lines)) == ([TOKEN] if view is breaks_a_type else [])
    assert view is refuses or f"in {view.__name__}\n" in log.getvalue()


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    ("view", "text"),
    [
        (breaks_a_unique_key, "duplicate key value violates unique constraint"),
        (breaks_a_check, "violates check constraint"),
        (breaks_a_type, "invalid input syntax for type uuid"),
        (chained, "violates check constraint"),
        (mistypes_a_column, "column &quot;nope&quot; does not exist"),
    ],
)
def test_only_the_page_of_debug_has_the_text_of_postgres(
    view: Any, text: str, debug: bool, log: io.StringIO
) -> None:
    UserFactory(email=ADDRESS)
    with override_settings(ROOT_URLCONF=__name__, DEBUG=debug):
        page = send(f"/{view.__name__}/").content.decode()
    assert (text in page) is debug
    assert text.replace("&quot;", '"') not in log.getvalue()


@pytest.mark.parametrize("debug", [False, True])
def test_a_report_has_the_sentence_of_a_refusal_only_with_debug(debug: bool) -> None:
    with override_settings(DEBUG=debug):
        error = LimitInvalid("5.00 is too much")
        told = HidingReporter(None, LimitInvalid, error, None).get_traceback_text()
    assert ("5.00" in told) is debug


@pytest.mark.parametrize("debug", [False, True])
def test_a_terminal_with_debug_shows_the_text_of_postgres(
    debug: bool, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests a terminal as with `make dev`. The terminal shows no stored row either."""
    UserFactory(email=ADDRESS)
    monkeypatch.setattr(log_filters, "is_watched", lambda: True)
    with override_settings(ROOT_URLCONF=__name__, DEBUG=debug):
        send("/chained/")
        send("/mistypes_a_column/")
    for text in ("violates check constraint", 'column "nope" does not exist'):
        assert (text in log.getvalue()) is debug
    assert secrets_in(log.getvalue()) == []


def test_a_database_error_is_named_by_its_rule(log: io.StringIO) -> None:
    AccountFactory()
    with override_settings(ROOT_URLCONF=__name__):
        send("/chained/")
    assert "SQLSTATE 23514, rule user_email_lowercase, table users" in log.getvalue()
    assert "RuntimeError: It did not work" in log.getvalue()


def test_what_a_server_said_to_refuse_a_connection_is_not_logged(log: io.StringIO) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        assert send("/loses_its_server/").status_code == 503
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "pool-1", REFUSAL)
    logging.getLogger("psycopg").debug("connection failed: %s", str(REFUSAL))
    first, second = log.getvalue().splitlines()
    assert first.partition(" request_id=")[0].endswith(
        "NOT_STARTED POST loses_its_server: db.example:5432 password refused"
    )
    assert second.endswith("db.example:5432 password refused")


def test_the_key_of_a_link_in_a_mail_is_not_logged(log: io.StringIO) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        send(f"/account/password/reset/key/{TOKEN}/")
    assert "/account/password/reset/key/…" in log.getvalue()
    assert TOKEN not in log.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        "/account/password/reset/key/%20{}/",
        "/account/password/reset/key/%22{}/",
        "/account/password/reset//key//{}/",
        "/Account/Password/Reset/Key/{}/",
        "/account/confirm-email/'{}/",
        "/alerts/mails/ab%20{}/end/",
    ],
)
def test_the_key_of_a_link_that_was_pasted_wrong_is_not_logged(path: str, log: io.StringIO) -> None:
    assert Client().get(path.format(TOKEN)).status_code == 404
    assert "Not Found: /" in log.getvalue()
    assert TOKEN not in log.getvalue()


@pytest.mark.parametrize("compress", [False, True])
def test_what_was_signed_is_not_logged(compress: bool, log: io.StringIO) -> None:
    """Tests signed values such as the link in a mail that ends a person's mails without a
    sign-in.
    """
    token = signing.dumps(["a" * 64, ""], salt="any", compress=compress)
    Client().put(f"/alerts/mails/{token}/end/")
    Client().put(f"/?made={token}")
    Client().put(f"/?made={token}x")
    assert "Method Not Allowed" in log.getvalue()
    assert not [part for part in token.split(":") if len(part) > 6 and part in log.getvalue()]


def test_signing_in_leaves_no_secret_in_the_logs(
    log: io.StringIO, security_log: io.StringIO
) -> None:
    UserFactory(email=ADDRESS, password=PASSWORD)
    client, before = Client(), len(lines_logged())
    for password in ("not " + PASSWORD, PASSWORD):
        client.post("/account/login/", {"login": ADDRESS, "password": password})
    client.post("/account/password/reset/", {"email": ADDRESS})
    client.post("/account/login/", {"login": "x", "password": PASSWORD})
    told = "\n".join([log.getvalue(), security_log.getvalue(), *lines_logged()[before:]])
    assert '"sign_in"' in told
    assert secrets_in(told) == []
    assert str(client.session.session_key) not in told
    assert "127.0.0.1" not in told
