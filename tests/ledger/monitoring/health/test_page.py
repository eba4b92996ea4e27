"""Who may open the page Database, and that it writes nothing and needs no replica."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts.groups import PERMISSIONS
from accounts.models import Read, User
from ledger.db import replicas
from ledger.monitoring.health import page, queries
from tests.conftest import signed_in
from tests.factories import UserFactory
from tests.ledger.monitoring.health.asking import PAGE, opened
from tests.pages import lacks, text_of, texts_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def engineer() -> Client:
    """Staff with this one right, by a group of the bank's own."""
    person: User = UserFactory(is_staff=True, name="Engineer")
    group = Group.objects.create(name="engineers")
    group.permissions.add(Permission.objects.get(codename="view_database_health"))
    person.groups.add(group)
    return signed_in(person)


def test_it_has_the_address_that_the_docs_name() -> None:
    assert reverse("admin_database") == PAGE


@pytest.mark.parametrize("group", [None, *sorted(PERMISSIONS)])
def test_nobody_sees_it_by_a_group_of_the_bank(group: str | None) -> None:
    person: User = UserFactory(is_staff=True)
    if group:
        person.groups.add(Group.objects.get(name=group))
    client = signed_in(person)
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/").content.decode()


def test_a_customer_is_led_away_and_a_stranger_to_the_sign_in() -> None:
    for client in (signed_in(UserFactory()), Client()):
        answer = client.get(PAGE)
        assert answer.status_code in (302, 403, 404)
        assert b"Locks" not in answer.content


def test_a_superuser_and_whoever_has_the_right_see_it(root: Client, engineer: Client) -> None:
    for client in (root, engineer):
        assert f'href="{PAGE}"' in client.get("/admin/").content.decode()
        text = text_of(opened(client))
        assert lacks(text, "Locks", "Slow statements", "Tables and indexes", "ledger_web") == []


def test_it_takes_no_post(root: Client) -> None:
    assert root.post(PAGE).status_code == 405


@pytest.mark.parametrize("query", [{"sort": "'; DROP TABLE users"}, {"tables": "x"}, {"sort": ""}])
def test_an_unknown_order_is_the_usual_one(root: Client, query: dict[str, str]) -> None:
    assert "dead rows" in text_of(opened(root, **query))


def test_an_unknown_server_has_no_page(root: Client) -> None:
    assert root.get(PAGE, {"server": "default"}).status_code == 404


def test_it_shows_each_statement_that_it_sent(root: Client) -> None:
    answer = opened(root)
    assert len(texts_of(answer, "code")) >= 9
    assert lacks(text_of(answer), "pg_blocking_pids", "session_states", "n_dead_tup") == []


def test_it_counts_as_no_read_of_anybodys_data(root: Client) -> None:
    opened(root)
    assert not Read.objects.exists()


def test_a_refused_question_leaves_the_others_alone(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "WAITS", "SELECT * FROM fact_keys")
    monkeypatch.setattr(queries, "FREEZE", "SELECT 1 / 0")
    text = text_of(opened(root))
    assert "ledger_web has no right to read this" in text
    assert "SQLSTATE 22012" in text
    assert "No session waits for a lock" not in text
    assert "of autovacuum's limit" in text.replace("&#x27;", "'")


def test_a_slow_question_is_stopped(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.monitoring.health.reading.SECONDS", 1)
    monkeypatch.setattr(queries, "TABLES", "SELECT pg_sleep(60)")
    assert "so it was stopped" in text_of(opened(root))


def test_a_replica_that_is_away_is_told(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError("connection to server at 10.1.2.3 failed")

    monkeypatch.setattr(replicas, "aliases", lambda: ("replica1",))
    monkeypatch.setattr(page, "health_of", fail)
    answer = root.get(PAGE, {"server": "replica1"})
    assert answer.status_code == 503
    text = text_of(answer)
    assert "replica1 does not answer" in text
    assert "10.1.2.3" not in text


@pytest.mark.django_db(transaction=True)
def test_nothing_of_it_can_write(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "TABLES", "DELETE FROM attempt_counts RETURNING 1")
    assert "SQLSTATE 25006" in text_of(opened(root))
