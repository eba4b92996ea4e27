"""Attacks on access tokens: guessed, replayed, forged, mixed with sessions, and read from logs."""

import io
import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import DatabaseError, ProgrammingError, connection
from django.test import Client
from django.utils import timezone

from accounts.groups import PEOPLE_ADMIN
from accounts.models import Account, ApiToken, User
from accounts.sign_in import tokens
from accounts.sign_in.token_text import checksum, digest_of, id_of, new_text
from ledger.db.history.facts import SETTING as FACTS
from ledger.db.history.signed_facts import signed
from ledger.db.rights.row_security import NOBODY, RowScope
from ledger.web.error_text import without_secrets
from ledger.web.json_lines import JsonLines
from ledger.web.log_filters import WithoutValues
from tests.accounts.tokens import URLS, add_token, ask, issue
from tests.attacks.forgeries import FORGED, told
from tests.factories import PASSWORD, UserFactory
from tests.refusals import constraint_of
from tests.transactions.row_security.rows import token_of, web_role

pytestmark = [pytest.mark.django_db, pytest.mark.urls(URLS)]


SECURITY = "/account/security/"
MAKE = f"{SECURITY}tokens/new/"
NEW_PASSWORD = "nine-quiet-harbours"


@pytest.fixture
def mara() -> User:
    mara: User = UserFactory(email="mara@example.com")
    return mara


def with_checksum(begin: str) -> str:
    return begin + checksum(begin)


def test_neighbours_of_a_token_are_unknown_each_by_one_query(
    mara: User, django_assert_num_queries: Any
) -> None:
    """No query compares a secret letter by letter, and no query finds a token by its prefix."""
    text = issue(mara).text
    begin = text[:-6]
    other = "0" if begin[-1] != "0" else "1"
    guesses = [
        with_checksum(begin[:-1] + other),
        with_checksum(begin[:16] + "0" * 43),
        with_checksum("ledger_00000000" + begin[15:]),
        new_text().text,
    ]
    for guess in guesses:
        with django_assert_num_queries(1), pytest.raises(tokens.TokenRefused) as caught:
            tokens.read(guess)
        assert (caught.value.code, caught.value.row) == ("unknown", None)


def test_a_token_sent_again_after_it_was_revoked_does_nothing(mara: User) -> None:
    issued = issue(mara, "read", "pay")
    assert ask(issued.text).json()["person"]
    tokens.revoke(token=issued.row, by=mara)
    for _ in range(3):
        told = ask(issued.text).json()
        assert (told["person"], told["error"]) == (None, "revoked")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer {text}, Bearer {text}",
        "Bearer {text},Bearer nonsense",
        "Bearer {text} {text}",
        "Bearer {text}\r\nX-Other: 1",
        "Bearer {text}\n",
        "Bearer\u00a0{text}",
        "Bearer '{text}' OR 1=1",
        "Bearer %00{text}",
        "Bearer {text}\x00",
        "Bearer " + "{text}" * 1000,
        "Token {text}",
        "{text}",
        "Basic bWFyYTp4",
        "Bearer",
        "",
    ],
)
def test_other_headers_sign_nobody_in(mara: User, header: str) -> None:
    text = issue(mara).text
    told = Client().get("/api/who/", HTTP_AUTHORIZATION=header.format(text=text)).json()
    assert told["person"] is None
    assert told["error"] in ("malformed", None)


def test_a_wrong_token_beside_a_session_signs_nobody_in(mara: User, client: Client) -> None:
    client.force_login(mara)
    for wrong in ("nonsense", new_text().text, ""):
        told = ask(wrong, client=client).json()
        assert (told["person"], told["session"]) == (None, None)
    refused = client.post("/api/act/", headers={"Authorization": "Bearer nonsense"})
    assert refused.json() == {"done": False}


@pytest.mark.parametrize("formatter", [WithoutValues(), JsonLines()], ids=["text", "json"])
def test_a_token_is_in_no_line_of_the_log_and_on_no_page_of_errors(
    mara: User, settings: Any, formatter: logging.Formatter
) -> None:
    """Tests the level DEBUG, with the statements of the database, and the error page of DEBUG."""
    settings.DEBUG = True
    issued = issue(mara)
    secret = issued.text[16:]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    loggers = [logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)]
    before = [(each, each.level, each.propagate) for each in loggers]
    client = Client(raise_request_exception=False)
    try:
        for each in loggers:
            each.setLevel(logging.DEBUG)
            each.propagate = True
        logging.getLogger().addHandler(handler)
        answers = [
            ask(issued.text, path, client=client)
            for path in ("/api/who/", "/api/fail/", "/api/fail-in-the-database/", "/api/none/")
        ]
        tokens.revoke(token=issued.row, by=mara)
        answers.append(ask(issued.text, client=client))
        answers.append(ask(issued.text + "x", client=client))
    finally:
        logging.getLogger().removeHandler(handler)
        for each, level, propagates in before:
            each.setLevel(level)
            each.propagate = propagates
    lines = stream.getvalue()
    assert lines.count("\n") > 20
    if isinstance(formatter, WithoutValues):
        assert "api_tokens" in lines  # the statements were logged
    assert [answer.status_code for answer in answers[1:3]] == [500, 500]
    for text in (lines, *(answer.content.decode() for answer in answers)):
        assert secret not in text
        assert secret[:20] not in text


def test_a_token_in_another_text_is_cut_off() -> None:
    text = new_text().text
    assert without_secrets(f"GET /?t={text} failed") == f"GET /?t={text[:16]}… failed"
    assert without_secrets("ledger_security_events_total") == "ledger_security_events_total"


INSERT = (
    "INSERT INTO api_tokens (id, user_id, name, prefix, hash, scopes, currency, second_factor,"
    " created_at, last_used_from, reason) VALUES (%s, %s, 'x', %s, %s, %s, '', true, now(), '', '')"
)


def forged(person: User, *scopes: str) -> list[Any]:
    """Returns the values of an INSERT for a token whose text the attacker knows."""
    prefix, text = new_text()
    digest = digest_of(text)
    return [id_of(digest), person.pk, prefix, digest, list(scopes)]


@pytest.mark.parametrize(
    "change",
    [
        "scopes = '{read,pay,staff,report}'",
        "expires_at = NULL",
        "per_day = NULL",
        "per_payment = NULL",
        "user_id = (SELECT id FROM users WHERE is_superuser LIMIT 1)",
        "hash = repeat('0', 64)",
        "second_factor = true",
    ],
)
def test_injected_sql_changes_nothing_of_a_token(mara: User, change: str) -> None:
    add_token(mara)
    with pytest.raises(ProgrammingError) as refused, web_role() as cursor:
        cursor.execute(f"UPDATE api_tokens SET {change}")
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_injected_sql_deletes_no_token(mara: User) -> None:
    add_token(mara)
    for sql in ("DELETE FROM api_tokens", "TRUNCATE api_tokens"):
        with pytest.raises(ProgrammingError), web_role() as cursor:
            cursor.execute(sql)


@pytest.mark.parametrize("scope", [RowScope.SIGN_IN, RowScope.OWN, RowScope.STAFF])
def test_injected_sql_issues_no_token_to_somebody_else(
    rows_secured: None, mara: User, scope: RowScope
) -> None:
    """Tests each scope, including the scope of a request before its person is known."""
    eve = User(pk=NOBODY) if scope is RowScope.SIGN_IN else UserFactory()
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        web_role(token_of(eve, scope)) as cursor,
    ):
        cursor.execute(INSERT, forged(mara, "read"))


@pytest.mark.parametrize("forgery", [*FORGED, "without facts", "signed for somebody else"])
def test_injected_sql_issues_no_token_without_signed_facts_of_its_person(
    mara: User, forgery: str
) -> None:
    """The database also refuses the token without row-level security."""
    setting = FORGED[forgery](told(mara)) if forgery in FORGED else ""
    if forgery == "signed for somebody else":
        setting = signed(told(UserFactory()))

    def insert(facts: str) -> None:
        with web_role() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [FACTS, facts])
            cursor.execute(INSERT, forged(mara, "read"))

    with pytest.raises(DatabaseError) as refused:
        insert(setting)
    assert constraint_of(refused.value) == "api_token_by_its_owner"
    insert(signed(told(mara)))
    assert ApiToken.objects.get().user == mara


def test_pages_make_and_end_tokens_behind_policies(rows_secured: None, client: Client) -> None:
    """Tests pages of the person, a new password without a sign-in, and pages of staff."""
    nina = UserFactory(password=PASSWORD)
    client.force_login(nina)
    form = {"name": "Budget", "scopes": ["read"], "days": "90"}
    mine = client.post(MAKE, form).context["issued"]
    assert ask(mine.text).json()["person"] == str(nina.pk)
    client.post(f"{SECURITY}tokens/revoke/", {"token": mine.row.prefix})
    assert ask(mine.text).json()["error"] == "revoked"

    second = client.post(MAKE, form).context["issued"]
    visitor, new = Client(), {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    visitor.post("/account/password/reset/", {"email": nina.email})
    (link,) = [word for word in str(mail.outbox[-1].body).split() if "/reset/key/" in word]
    visitor.post(visitor.get(link, follow=True).redirect_chain[-1][0], new)
    assert ask(second.text).json()["error"] == "revoked"

    third = issue(nina)
    clerk = UserFactory(is_staff=True)
    clerk.groups.add(Group.objects.get(name=PEOPLE_ADMIN))
    staff = Client()
    staff.force_login(clerk)
    chosen = {"_selected_action": nina.pk, "action": "revoke_tokens", "reason": "Lost"}
    staff.post("/admin/accounts/user/", chosen)
    assert ask(third.text).json()["error"] == "revoked"


def test_a_scope_that_somebody_forged_for_themselves_gives_no_right(mara: User) -> None:
    """An attacker who inserts a row for their own token still lacks the rights of its scopes."""
    prefix, text = new_text()
    ApiToken.objects.create(
        id=id_of(digest_of(text)), user=mara, name="x", prefix=prefix, hash=digest_of(text),
        scopes=["read", "staff", "report"], expires_at=timezone.now() + timedelta(days=1),
        second_factor=True,
    )  # fmt: skip
    told = ask(text).json()
    assert told["scopes"] == ["read"]
    assert told["is_staff"] is False


def test_policies_know_the_person_of_a_token_and_its_scopes(
    rows_secured: None, mara: User, ana: Account
) -> None:
    clerk = UserFactory(is_staff=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM users")
        (everybody,) = cursor.fetchone()
    assert ask(issue(mara).text).json()["people"] == 1
    assert ask(issue(clerk, "read", "pay").text).json()["people"] == 1
    assert ask(issue(clerk, "staff").text).json()["people"] == everybody


def test_a_row_with_the_digest_of_another_token_is_not_found_by_it(mara: User) -> None:
    """If the row were found, an attacker who copies a digest would receive the requests of another
    person's programs.
    """
    issued, eve = issue(mara), UserFactory()
    ApiToken.objects.create(
        id=uuid4(), user=eve, name="x", prefix=issued.row.prefix, hash=issued.row.hash,
        scopes=["read"],
    )  # fmt: skip
    assert ask(issued.text).json()["person"] == str(mara.pk)


def test_a_row_with_half_of_the_digest_is_not_the_token(mara: User) -> None:
    """The id is the first half of the digest, but the whole digest is compared."""
    prefix, text = new_text()
    digest = digest_of(text)
    ApiToken.objects.create(
        id=id_of(digest), user=mara, name="x", prefix=prefix, hash=digest[:32] + "0" * 32,
        scopes=["read"],
    )  # fmt: skip
    assert ask(text).json()["error"] == "unknown"


def test_strangers_see_and_revoke_no_token(rows_secured: None, mara: User) -> None:
    row, eve = add_token(mara), UserFactory()
    with web_role(token_of(eve)) as cursor:
        cursor.execute("SELECT count(*) FROM api_tokens")
        assert cursor.fetchone() == (0,)
        cursor.execute("UPDATE api_tokens SET revoked_at = now(), reason = 'x'")
        assert cursor.rowcount == 0
    assert ApiToken.objects.get(pk=row.pk).revoked_at is None
