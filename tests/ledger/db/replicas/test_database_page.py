"""The page Database shows each replica for itself."""

from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client

from accounts.models import User
from ledger.embedded import roles
from tests.conftest import signed_in
from tests.ledger.db.replicas.bank import ALIAS, BankWithReplica
from tests.ledger.monitoring.health.asking import PAGE, opened
from tests.pages import text_of


@pytest.fixture
def root(bank: BankWithReplica) -> Client:
    return signed_in(User.objects.create_superuser(f"{uuid4().hex}@example.com", name="Root"))


def test_a_standby_answers_every_question_and_tells_what_it_is(root: Client) -> None:
    answer = opened(root, server=ALIAS)
    health = answer.context["health"]
    assert [each.sql for each in health.work if each.refused] == []
    assert health.server.is_standby
    assert "See the primary" in text_of(answer)
    assert not opened(root).context["health"].server.is_standby


def test_locks_of_a_standby_are_its_own(bank: BankWithReplica, root: Client) -> None:
    standby = bank.pair.standby.running()
    with roles.as_superuser(standby, roles.DATABASE) as other, other.transaction():
        other.execute("SELECT 1")
        pid = other.info.backend_pid
        on_standby = opened(root, server=ALIAS).context["health"].locks
        on_writer = opened(root).context["health"].locks
    assert pid in [each.pid for each in on_standby.open]
    assert pid not in [each.pid for each in on_writer.open]


def test_a_replica_that_is_away_leaves_the_writers_page_alone(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = connections[ALIAS]
    replica.close()
    monkeypatch.setitem(replica.settings_dict, "HOST", "/nowhere")
    away = root.get(PAGE, {"server": ALIAS})
    assert away.status_code == 503
    assert f"{ALIAS} does not answer" in text_of(away)
    assert root.get(PAGE).status_code == 200
