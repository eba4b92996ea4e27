"""AWS's driver signs in by its own plugins, with the login of each connection's time."""

import threading
from collections.abc import Callable, Iterator
from operator import sub
from typing import Any

import pytest
from aws_advanced_python_wrapper.utils.iam_utils import IamAuthUtils
from django.db import OperationalError
from pytest_django import DjangoDbBlocker

from ledger.db.aws.base import DatabaseWrapper
from ledger.db.retry import Failure, failure_of
from ledger.settings.aws import DRIVER_OPTIONS, _login_options
from tests.ledger.db.aws.guarded import (
    REGION,
    SECRET_ID,
    TELLER,
    GuardedServer,
    Rotation,
    SecretsManager,
    let_driver_go,
    who,
)
from tests.ledger.processes import wait_until
from tests.pooler import own_pool

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
OF_RDS = "bank.cluster-1.eu-west-1.rds.amazonaws.com"  # tokens are for such names alone
POOLED = pytest.mark.parametrize(
    "pool", [None, {"min_size": 1, "max_size": 2, "timeout": 20}], ids=["not pooled", "pooled"]
)


@pytest.fixture
def database(
    guarded: GuardedServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[..., Any]]:
    """Makes wrappers for the guarded server, which the driver takes for a server without others."""
    made: list[Any] = []

    def database(login: dict[str, str], pool: dict[str, Any] | None = None) -> Any:
        plugins, options = _login_options({"region": REGION, **login})
        driver = {**DRIVER_OPTIONS, **options, "wrapper_dialect": "pg", "iam_host": OF_RDS}
        driver["plugins"] = ",".join(["host_monitoring_v2", *plugins])
        found = DatabaseWrapper(
            {
                "NAME": "ledger", "USER": "" if login else TELLER, "PASSWORD": "",
                "HOST": guarded.host, "PORT": str(guarded.port), "CONN_MAX_AGE": 0,
                "CONN_HEALTH_CHECKS": True, "TIME_ZONE": None, "AUTOCOMMIT": True,
                "LEDGER_DRIVER": driver, "OPTIONS": {"pool": pool} if pool else {},
            },
            alias="default",
        )  # fmt: skip
        made.append(found)
        return found

    with own_pool(), django_db_blocker.unblock():  # for no other pool of this alias
        yield database
        for each in made:
            each.close()
            each.close_pool()
    let_driver_go()


@pytest.fixture
def tokens(guarded: GuardedServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that were signed; the server takes each for a second."""
    signed: list[str] = []

    def sign(_service: Any, user: str, host: str, port: int, region: str, _session: Any) -> str:
        assert (user, host, int(port), region) == (TELLER, OF_RDS, guarded.port, REGION)
        signed.append(f"signed-{len(signed)}")
        guarded.set_password(signed[-1], seconds=1)
        return signed[-1]

    monkeypatch.setattr(IamAuthUtils, "generate_authentication_token", staticmethod(sign))
    return signed


@POOLED
def test_the_driver_signs_in_with_a_token_of_its_time(
    pool: Any, database: Callable[..., Any], guarded: GuardedServer, tokens: list[str]
) -> None:
    found = database({}, pool)
    assert who(found) == TELLER
    wait_until(lambda: not guarded.lets_in(tokens[-1]))
    guarded.end_sessions()
    if pool:
        wait_until(lambda: not sessions(guarded))

    assert who(found) == TELLER
    assert len(tokens) >= 2


def sessions(server: GuardedServer) -> bool:
    """Whether the teller has any."""
    count = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{TELLER}'"
    return bool(server.value(count))


@POOLED
def test_the_driver_reads_a_rotated_secret_under_load(
    pool: Any, database: Callable[..., Any], guarded: GuardedServer, manager: SecretsManager
) -> None:
    pool = {**pool, "max_lifetime": 0.01} if pool else None
    done, errors, over = [0] * 3, list[Exception](), threading.Event()

    def work(number: int, found: Any) -> None:
        try:
            while not over.is_set():
                assert who(found).startswith(TELLER)
                done[number] += 1
        except Exception as error:
            errors.append(error)
            raise
        finally:
            found.close()

    wrappers = [database({"secret": SECRET_ID}, pool) for _ in done]
    for each in wrappers:
        each.inc_thread_sharing()
    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(wrappers)]
    for thread in threads:
        thread.start()
    for round in range(1, 5):
        before = list(done)
        Rotation(guarded, manager).of_two_users(round)
        wait_until(lambda: errors != [] or min(map(sub, done, before)) > 3)  # noqa: B023
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_login_that_is_refused_twice_is_told_and_nothing_was_done(
    database: Callable[..., Any], guarded: GuardedServer, manager: SecretsManager
) -> None:
    guarded.set_password("changed by hand")

    with pytest.raises(OperationalError) as refused:
        who(database({"secret": SECRET_ID}))
    assert failure_of(refused.value) is Failure.NOT_STARTED
