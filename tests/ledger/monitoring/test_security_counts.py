"""What `/metrics` counts of the security log: names of events, and nothing of whose they are."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from ledger.web.security_log import record
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.metrics import figure, figures_now, growth

pytestmark = pytest.mark.django_db
EVENTS = "ledger_security_events_total"
LOGIN, STEP_UP = "/account/login/", "/account/reauthenticate/"


@pytest.fixture
def ana() -> User:
    person: User = AccountFactory(user__email="ana@example.com", user__password=PASSWORD).user
    return person


def test_refused_and_limited_sign_ins_are_counted_apart(client: Client, ana: User) -> None:
    with growth() as grown:
        for _ in range(7):
            client.post(LOGIN, {"login": ana.email, "password": "some wrong words"})
        client.post(LOGIN, {"login": "nobody@example.com", "password": "some wrong words"})
    assert grown[EVENTS] == {"sign_in password refused": 6, "sign_in  limited": 2}


def test_a_sign_in_that_succeeds_is_counted_by_its_method(
    client: Client, ana: User, django_capture_on_commit_callbacks: Any
) -> None:
    with growth() as grown, django_capture_on_commit_callbacks(execute=True):
        client.post(LOGIN, {"login": ana.email, "password": PASSWORD})
    assert grown[EVENTS].get("sign_in password ok") == 1


def test_a_refused_step_up_is_counted(client: Client, ana: User) -> None:
    client.force_login(ana)
    with growth() as grown:
        client.post(STEP_UP, {"password": "some wrong words"})
    assert grown[EVENTS] == {"step_up  refused": 1}


def test_a_refused_page_is_counted_without_its_method_of_http(client: Client) -> None:
    client.force_login(UserFactory())
    with growth() as grown:
        assert client.get("/search/", {"whose": "bank"}).status_code == 403
    assert grown[EVENTS] == {"page.refused  refused": 1}


def test_no_label_is_a_text_from_outside() -> None:
    with growth() as grown:
        record("sign_in", outcome="refused", method="ana@example.com")
        record("Ana 4711", outcome="refused", method="x")
    assert grown[EVENTS] == {"sign_in other refused": 1, "withheld  refused": 1}


def test_what_alarms_wait_for_begins_at_zero() -> None:
    now = figures_now()
    for event in ("sign_in", "second_factor", "step_up"):
        assert figure(now, EVENTS, event=event, outcome="limited", method="") is not None
