"""A claim of a job outlives the loss of the synchronous standby, for which commits wait."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from ledger.db.backend.limited import GRACE
from ledger.db.models import JobRecord
from ledger.embedded.pair import Pair
from ledger.embedded.roles import SUPERUSER
from ledger.jobs import records
from ledger.jobs.schedule import JOBS
from tests.ledger.own_pair import own_pair
from tests.ledger.processes import wait_until
from tests.pooler import connected, server

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="it makes servers of its own"),
]
JOB, WORKER = JOBS[0], "one"
LIMIT = 3.0  # seconds, after which who waits is given up


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair() as found, connected(settings_of(found)):
        with connection.schema_editor() as editor:
            editor.create_model(JobRecord)
        yield found


def settings_of(pair: Pair) -> dict[str, Any]:
    info = pair.ensure_started()
    there = {"HOST": info.host, "PORT": info.port, "USER": SUPERUSER, "NAME": "postgres"}
    return {**server(), **there, "LEDGER_EMBEDDED": False}


def lose_standby(pair: Pair) -> None:
    pair.standby.kill()
    wait_until(lambda: pair.primary.ask("SELECT count(*) = 0 FROM pg_stat_replication"))
    database: Any = connection
    database.raw.limit_statements(LIMIT - GRACE)


def test_a_claim_is_renewed_and_ended_without_the_standby(pair: Pair) -> None:
    assert records.claim(job=JOB, worker=WORKER)
    before = records.read()[JOB.name].claim_ends
    lose_standby(pair)
    assert records.renew(name=JOB.name, worker=WORKER)
    renewed = records.read()[JOB.name].claim_ends
    assert before is not None
    assert renewed is not None
    assert renewed > before
    records.give_back(worker=WORKER)
    assert records.read()[JOB.name].claim_ends is None


@pytest.mark.parametrize("what", ["claim", "done"])
def test_a_new_claim_and_the_record_of_a_job_wait_for_the_standby(pair: Pair, what: str) -> None:
    """Who claims a job now could confirm nothing that it does; and what is told as done is safe."""
    assert records.claim(job=JOB, worker=WORKER)
    lose_standby(pair)
    commits: dict[str, Callable[[], object]] = {
        "claim": lambda: records.claim(job=JOB, worker=WORKER),
        "done": lambda: records.note_done(name=JOB.name, began_at=records.clock()),
    }
    with pytest.raises(OperationalError):
        commits[what]()
