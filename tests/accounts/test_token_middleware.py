"""Requests with access tokens: whose they are, and what they leave alone."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from accounts.groups import OPERATIONS
from accounts.models import ApiToken, AttemptCount, Read, User
from accounts.sign_in import tokens
from accounts.sign_in.token_text import new_text
from accounts.token_middleware import WRONG_TOKENS
from tests.accounts.tokens import URLS, ask, expire, issue
from tests.factories import AccountFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls(URLS)]


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com")
    return ana


@pytest.fixture
def text(ana: User) -> str:
    return issue(ana, "read", "pay").text


def test_a_token_signs_its_person_in(ana: User, text: str) -> None:
    told = ask(text).json()
    assert told["person"] == str(ana.pk)
    assert told["token"] == text.split("_")[1]
    assert told["scopes"] == ["read", "pay"]
    assert told["error"] is None


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_the_scheme_has_no_case(ana: User, text: str, scheme: str) -> None:
    told = Client().get("/api/who/", headers={"Authorization": f"{scheme} {text}"}).json()
    assert told["person"] == str(ana.pk)


def test_without_a_header_the_session_signs_in(ana: User, client: Client) -> None:
    client.force_login(ana)
    told = client.get("/api/who/").json()
    assert (told["person"], told["token"], told["error"]) == (str(ana.pk), None, None)
    assert Client().get("/api/who/").json()["person"] is None
    basic = client.get("/api/who/", headers={"Authorization": "Basic YTpi"}).json()
    assert basic["person"] == str(ana.pk)


def test_a_session_counts_for_nothing_beside_a_token(text: str, client: Client) -> None:
    """And stays as it was: no answer deletes or changes its cookie."""
    other = UserFactory()
    client.force_login(other)
    right, wrong = ask(text, client=client), ask("nonsense", client=client)
    assert right.json()["token"] == text.split("_")[1]
    assert (wrong.json()["person"], wrong.json()["error"]) == (None, "malformed")
    assert right.json()["session"] is wrong.json()["session"] is None
    assert not right.cookies
    assert not wrong.cookies
    assert client.get("/api/who/").json()["person"] == str(other.pk)


def test_each_problem_has_a_code_and_a_sentence(ana: User) -> None:
    old, ended, closed = issue(ana), issue(ana), issue(UserFactory())
    expire(old.row)
    tokens.revoke(token=ended.row, by=ana)
    User.objects.filter(pk=closed.row.user_id).update(deleted_at=timezone.now())
    wrong = {
        "": "malformed", "x": "malformed", new_text().text: "unknown", old.text: "expired",
        ended.text: "revoked", closed.text: "closed",
    }  # fmt: skip
    for each, code in wrong.items():
        told = ask(each).json()
        assert (told["error"], told["person"], told["token"]) == (code, None, None)
        assert told["sentence"].endswith(".")
        assert each not in told["sentence"] or len(each) < 2


def test_tokens_open_nothing_outside_the_api(text: str) -> None:
    assert ask(text, "/outside/").json() == {"signed_in": False}
    assert ask(text, "/").status_code == 302


def test_a_request_by_token_needs_no_csrf_token_and_one_by_session_does(
    ana: User, text: str
) -> None:
    strict = Client(enforce_csrf_checks=True)
    bearer = {"Authorization": f"Bearer {text}"}
    assert strict.post("/api/act/", headers=bearer).json() == {"done": True}
    strict.force_login(ana)
    assert strict.post("/api/act/").status_code == 403
    wrong = strict.post("/api/act/", headers={"Authorization": "Bearer nonsense"})
    assert wrong.json() == {"done": False}


def test_a_request_by_token_costs_one_query_more_than_one_of_nobody(
    text: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ask(text)  # notes the use
    nobody = 1  # the page counts people
    with django_assert_num_queries(nobody):
        Client().get("/api/who/")
    with django_assert_num_queries(nobody + 1):
        ask(text)


def test_without_the_scope_staff_a_clerk_is_a_customer() -> None:
    clerk = UserFactory(is_staff=True)
    clerk.groups.add(Group.objects.get(name=OPERATIONS))
    own = ask(issue(clerk, "read").text).json()
    assert not own["is_staff"]
    assert ask(issue(clerk, "staff").text).json()["is_staff"]


def test_a_token_without_a_second_factor_does_not_work_where_one_is_needed(
    ana: User, settings: Settings
) -> None:
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = False
    without = issue(ana, second_factor=False).text
    assert ask(without).json()["error"] is None
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = True
    assert ask(without).json()["error"] == "second_factor"
    assert ask(issue(ana).text).json()["error"] is None


def test_wrong_tokens_are_counted_by_client_and_lock_nobody_out(ana: User, text: str) -> None:
    cache.clear()
    for _ in range(WRONG_TOKENS.amount):
        assert ask(new_text().text, REMOTE_ADDR="192.0.2.7").json()["error"] == "unknown"
    assert ask(new_text().text).json()["error"] == "limited"
    assert ask("mistyped").json()["error"] == "malformed"
    assert ask(text).json()["person"] == str(ana.pk)
    assert AttemptCount.objects.count() == 1


def test_wrong_tokens_stand_in_the_security_log(ana: User, caplog: Any) -> None:
    issued = issue(ana)
    tokens.revoke(token=issued.row, by=ana)
    caplog.clear()
    ask(issued.text)
    (line,) = [each for each in caplog.records if each.name == "ledger.security"]
    assert line.facts["event"] == "credential.used"
    assert (line.facts["outcome"], line.facts["reason"]) == ("refused", "revoked")
    assert line.facts["person"] == str(ana.pk)
    assert line.facts["row"] == str(issued.row.pk)


def test_the_last_use_is_noted(text: str) -> None:
    ask(text)
    token = ApiToken.objects.get()
    assert token.last_used_at is not None
    assert token.last_used_from == "this computer"


def test_requests_by_token_read_from_the_writer(ana: User, text: str, client: Client) -> None:
    """No position of what they wrote is kept, so no replica could tell whether it has it."""
    assert ask(text).json()["reads_replicas"] is False
    client.force_login(ana)
    assert client.get("/api/who/").json()["reads_replicas"] is True


def test_what_staff_read_by_a_token_is_in_the_log_of_reads() -> None:
    account, clerk = AccountFactory(), UserFactory(is_staff=True)
    clerk.groups.add(Group.objects.get(name=OPERATIONS))
    told = ask(issue(clerk, "staff").text, "/api/read/").json()
    assert str(account.pk) in told["accounts"]
    row = Read.objects.get()
    assert (row.reader, row.path) == (clerk, "/api/read/")
    assert account.user_id in row.people


@pytest.mark.parametrize("scopes", [("read",), ("read", "pay")])
def test_a_token_without_their_scope_opens_no_figures_of_the_bank_to_staff(
    scopes: tuple[str, ...],
) -> None:
    clerk = UserFactory(is_staff=True, is_superuser=True)
    assert ask(issue(clerk, *scopes).text, "/api/read/").status_code == 403
    assert ask(issue(clerk, "report").text, "/api/read/").status_code == 200
