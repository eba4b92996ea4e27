"""Logins of IAM and Secrets Manager: fresh for each new connection, and asked for once more when
the server refuses one.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from operator import sub
from socket import SOCK_STREAM
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from botocore.stub import Stubber
from django.db import OperationalError, connection
from pytest_django import DjangoDbBlocker

from ledger.db.backend.base import DatabaseWrapper
from ledger.db.outages.reasons import in_words
from ledger.db.retry import Failure, failure_of, run_with_retry
from ledger.db.server import credentials
from ledger.db.server.credentials import IamTokens, Login, NoCredentials, NoLogin, Place, Secret
from ledger.env import BASE_DIR
from tests.ledger.db.aws.guarded import (
    HOST,
    PLACE,
    REGION,
    SECRET_ID,
    TELLER,
    GuardedServer,
    HandClock,
    Rotation,
    SecretsManager,
    who,
)
from tests.ledger.processes import wait_until
from tests.pooler import own_pool

# A name, and an address of this computer at which nothing listens.
BANK, DEAD = "bank.example", "127.0.0.2"


class ShortTokens(IamTokens):
    """Tokens that the server takes for a second, counted."""

    def __init__(self, server: GuardedServer, **options: Any) -> None:
        super().__init__(REGION, **options)
        self.server, self.asked = server, 0

    def _ask(self, place: Place) -> Login:
        self.asked += 1
        token = f"token-{self.asked}"
        self.server.set_password(token, seconds=1)
        return Login(place.user, token)


def secret_with(*answers: dict[str, str]) -> tuple[Secret, Stubber]:
    found = Secret(SECRET_ID, REGION)
    stub = Stubber(found.client)
    for answer in answers:
        stub.add_response(
            "get_secret_value", {"SecretString": json.dumps(answer)}, {"SecretId": SECRET_ID}
        )
    stub.activate()
    return found, stub


def test_a_token_is_signed_for_host_port_and_user() -> None:
    login = IamTokens(REGION).login(PLACE)

    signed = urlsplit(f"https://{login.password}")
    assert (signed.hostname, signed.port, login.user) == (PLACE.host, 5433, TELLER)
    asked = parse_qs(signed.query)
    assert (asked["Action"], asked["DBUser"]) == (["connect"], [TELLER])
    assert asked["X-Amz-Expires"] == ["900"]
    assert f"/{REGION}/rds-db/" in asked["X-Amz-Credential"][0]


def test_a_token_is_kept_for_less_than_its_life(guarded: GuardedServer) -> None:
    clock = HandClock()
    tokens = ShortTokens(guarded, keep=600, clock=clock)
    first = tokens.login(PLACE)
    clock.now = 599
    assert tokens.login(PLACE) == first
    clock.now = 600
    assert tokens.login(PLACE) != first


def test_a_login_does_not_print_its_password() -> None:
    assert "secret" not in repr(Login("me", "secret"))


def test_a_dead_token_is_replaced_once_and_then_taken(guarded: GuardedServer) -> None:
    tokens = ShortTokens(guarded)
    parameters = {**guarded.parameters, "user": TELLER}
    tokens.connect(psycopg.connect, parameters).close()
    wait_until(lambda: not guarded.lets_in("token-1"))

    tokens.connect(psycopg.connect, parameters).close()
    assert tokens.asked == 2


def test_a_rotated_secret_is_read_again_once(guarded: GuardedServer) -> None:
    secret, stub = secret_with(
        {"username": TELLER, "password": "old"}, {"username": TELLER, "password": "new"}
    )
    guarded.set_password("old")
    secret.connect(psycopg.connect, guarded.parameters).close()
    guarded.set_password("new")

    secret.connect(psycopg.connect, guarded.parameters).close()
    stub.assert_no_pending_responses()


def test_a_login_that_is_refused_twice_is_the_callers_error(guarded: GuardedServer) -> None:
    secret, stub = secret_with(
        {"username": TELLER, "password": "wrong"}, {"username": TELLER, "password": "wrong again"}
    )
    guarded.set_password("right")

    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        secret.connect(psycopg.connect, guarded.parameters)
    stub.assert_no_pending_responses()


def test_a_server_that_is_away_does_not_make_aws_be_asked_again(guarded: GuardedServer) -> None:
    tokens = ShortTokens(guarded)
    tokens.login(Place(guarded.host, 1, TELLER))

    with pytest.raises(psycopg.OperationalError):
        tokens.connect(psycopg.connect, {**guarded.parameters, "user": TELLER, "port": 1})
    assert tokens.asked == 1


def test_threads_that_are_refused_together_ask_once() -> None:
    asked, gate = [], threading.Barrier(8, timeout=60)

    class Counted(IamTokens):
        def _ask(self, place: Place) -> Login:
            asked.append(place)
            return Login(place.user, f"token-{len(asked)}")

    tokens = Counted(REGION)
    old = tokens.login(PLACE)

    def ask() -> None:
        gate.wait()
        tokens.login(PLACE, refused=old)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 2


def test_each_of_several_hosts_gets_a_token_of_its_own() -> None:
    seen: list[tuple[str, str, str]] = []

    class ByHost(IamTokens):
        def _ask(self, place: Place) -> Login:
            return Login(place.user, f"for {place.host}:{place.port}")

    def connect(**given: Any) -> str:
        seen.append((given["host"], given["port"], given["password"]))
        if given["host"] == "::1":
            raise psycopg.OperationalError("down")
        return "connected"

    parameters = {"host": "::1,::2", "port": "1,2", "user": TELLER}
    assert ByHost(REGION).connect(connect, parameters) == "connected"
    assert seen == [("::1", "1", "for ::1:1"), ("::2", "2", "for ::2:2")]


@pytest.fixture
def leads_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the name BANK lead to these addresses, in their order, and others ending in `.example`
    nowhere.
    """
    usual = socket.getaddrinfo

    def leads_to(*addresses: str) -> None:
        def lookup(host: Any, port: Any, *arguments: Any, **options: Any) -> list[Any]:
            if host == BANK:
                return [one for each in addresses for one in usual(each, port, 0, SOCK_STREAM)]
            if str(host).endswith(".example"):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return usual(host, port, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", lookup)

    return leads_to


TWO_ADDRESSES = pytest.mark.parametrize(
    "addresses", [(HOST, DEAD), (DEAD, HOST)], ids=["dead last", "dead first"]
)


@TWO_ADDRESSES
def test_a_refusal_at_one_address_of_a_name_is_seen_beside_a_dead_one(
    addresses: tuple[str, str], guarded: GuardedServer, leads_to: Callable[..., None]
) -> None:
    secret, stub = secret_with(
        {"username": TELLER, "password": "old"}, {"username": TELLER, "password": "new"}
    )
    guarded.set_password("new")
    leads_to(*addresses)

    secret.connect(psycopg.connect, {**guarded.parameters, "host": BANK}).close()
    stub.assert_no_pending_responses()


def test_addresses_of_one_name_that_refuse_make_aws_be_asked_once_more(
    guarded: GuardedServer, leads_to: Callable[..., None]
) -> None:
    secret, stub = secret_with(
        {"username": TELLER, "password": "wrong"}, {"username": TELLER, "password": "wrong again"}
    )
    guarded.set_password("right")
    leads_to(HOST, HOST)

    with pytest.raises(psycopg.OperationalError, match="authentication failed") as refused:
        secret.connect(psycopg.connect, {**guarded.parameters, "host": BANK})
    stub.assert_no_pending_responses()
    assert in_words(refused.value) == f"{BANK}:{guarded.port} password refused"


def test_where_aws_gives_no_login_it_is_asked_once_for_all_addresses(
    leads_to: Callable[..., None],
) -> None:
    asked = []

    class Away(IamTokens):
        def _ask(self, place: Place) -> Login:
            asked.append(place)
            raise NoLogin("AWS is away")

    leads_to(HOST, DEAD)
    with pytest.raises(NoLogin):
        Away(REGION).connect(psycopg.connect, {"host": BANK, "user": TELLER})
    assert len(asked) == 1


def test_a_name_that_leads_nowhere_is_passed_over(leads_to: Callable[..., None]) -> None:
    def refuse(**_: Any) -> None:
        raise psycopg.OperationalError("connection refused")

    leads_to(HOST)
    hosts = f"no.example,{BANK},none.example"
    with pytest.raises(psycopg.OperationalError) as failed:
        IamTokens(REGION).connect(refuse, {"host": hosts, "user": TELLER})
    assert in_words(failed.value) == (
        f"no.example:5432 name not found, {BANK}:5432 refused, none.example:5432 name not found"
    )


def test_while_secrets_manager_is_away_the_last_secret_is_used() -> None:
    clock = HandClock()
    secret = Secret(SECRET_ID, REGION, keep=300, clock=clock)
    with Stubber(secret.client) as stub:
        stub.add_response(
            "get_secret_value",
            {"SecretString": json.dumps({"username": TELLER, "password": "first"})},
        )
        stub.add_client_error("get_secret_value", "InternalServiceError")
        before = secret.login(PLACE)
        clock.now = 301
        assert secret.login(PLACE) == before


@pytest.mark.parametrize("text", ["", "none", "[]", '{"username": "me"}'])
def test_a_secret_without_a_login_is_named_and_not_shown(text: str) -> None:
    secret = Secret(SECRET_ID, REGION)
    with Stubber(secret.client) as stub:
        stub.add_response("get_secret_value", {"SecretString": text} if text else {})
        with pytest.raises(NoLogin, match=SECRET_ID):
            secret.login(PLACE)


def test_without_credentials_of_aws_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(NoCredentials, match=f"no token for {TELLER}: .*credentials"):
        IamTokens(REGION).login(PLACE)


def test_credentials_that_come_later_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata service of an instance may answer only after the process has started."""
    key = os.environ["AWS_ACCESS_KEY_ID"]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    tokens = IamTokens(REGION)
    with pytest.raises(NoCredentials):
        tokens.login(PLACE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    assert tokens.login(PLACE).user == PLACE.user


# --- Through Django ---------------------------------------------------------------------------


@pytest.fixture
def database(
    guarded: GuardedServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[..., Any]]:
    """Makes wrappers for the guarded server."""
    made: list[Any] = []

    def database(login: dict[str, str], pool: dict[str, Any] | None = None) -> DatabaseWrapper:
        found = DatabaseWrapper(
            {
                "ENGINE": "ledger.db.backend", "NAME": "ledger", "USER": "", "PASSWORD": "",
                "HOST": guarded.host, "PORT": str(guarded.port), "CONN_MAX_AGE": 0,
                "CONN_HEALTH_CHECKS": True, "TIME_ZONE": None, "AUTOCOMMIT": True,
                "LEDGER_CREDENTIALS": login, "OPTIONS": {"pool": pool} if pool else {},
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


POOLED = pytest.mark.parametrize(
    "pool", [None, {"min_size": 1, "max_size": 2, "timeout": 20}], ids=["not pooled", "pooled"]
)


@POOLED
def test_each_new_connection_signs_in_with_the_secret_of_its_time(
    pool: Any, database: Callable[..., Any], guarded: GuardedServer, manager: SecretsManager
) -> None:
    found = database({"secret": SECRET_ID, "region": REGION}, pool)
    assert who(found) == TELLER
    guarded.set_password("second")
    manager.login["password"] = "second"
    guarded.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{TELLER}'"
    )

    assert who(found) == TELLER
    assert manager.asked == 2


@POOLED
@TWO_ADDRESSES
def test_a_rotated_secret_is_read_again_where_a_name_has_a_dead_address(
    addresses: tuple[str, str],
    pool: Any,
    database: Callable[..., Any],
    guarded: GuardedServer,
    manager: SecretsManager,
    leads_to: Callable[..., None],
) -> None:
    found = database({"secret": SECRET_ID, "region": REGION}, pool)
    found.settings_dict["HOST"] = BANK
    leads_to(HOST)
    assert who(found) == TELLER
    guarded.set_password("second")
    manager.login["password"] = "second"
    leads_to(*addresses)
    guarded.end_sessions()

    assert who(found) == TELLER
    assert manager.asked == 2


@POOLED
def test_each_new_connection_signs_in_with_a_token_of_its_time(
    pool: Any,
    database: Callable[..., Any],
    guarded: GuardedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = ShortTokens(guarded)
    monkeypatch.setitem(credentials._sources, (REGION, ""), tokens)
    found = database({"region": REGION}, pool)
    found.settings_dict["USER"] = TELLER
    for round in (1, 2):
        assert who(found) == TELLER
        wait_until(lambda: not guarded.lets_in(f"token-{tokens.asked}"))
        guarded.end_sessions()
        assert tokens.asked == round


def directly(work: Callable[[], str]) -> str:
    return work()


@POOLED
@pytest.mark.parametrize(
    ("rotate", "run"),
    [
        pytest.param(Rotation.of_one_user, run_with_retry, id="one user"),
        pytest.param(Rotation.of_two_users, directly, id="two users"),
    ],
)
def test_nobody_notices_a_secret_that_rotates_under_load(
    rotate: Callable[[Rotation, int], None],
    run: Callable[[Callable[[], str]], str],
    pool: Any,
    database: Callable[..., Any],
    guarded: GuardedServer,
    manager: SecretsManager,
) -> None:
    """Four threads with connections that live for one query, while the secret changes six times.

    With one user, services meet the moment between AWS's two steps by trying again; with two,
    there is no such moment.
    """
    pool = {**pool, "max_lifetime": 0.01} if pool else None
    done, errors, over = [0] * 4, list[Exception](), threading.Event()

    def work(number: int, found: Any) -> None:
        try:
            while not over.is_set():
                assert run(lambda: who(found)).startswith(TELLER)
                done[number] += 1
        except Exception as error:
            errors.append(error)
            raise
        finally:
            found.close()
            connection.close()  # by which the first wrapper of an alias asks for types of Postgres

    wrappers = [database({"secret": SECRET_ID, "region": REGION}, pool) for _ in done]
    for each in wrappers:
        each.inc_thread_sharing()
    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(wrappers)]
    for thread in threads:
        thread.start()
    for round in range(1, 7):
        before = list(done)
        rotate(Rotation(guarded, manager), round)
        wait_until(lambda: errors != [] or min(map(sub, done, before)) > 3)  # noqa: B023
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_no_login_means_that_nothing_was_done(
    database: Callable[..., Any], manager: SecretsManager
) -> None:
    manager.is_away = True
    found = database({"secret": SECRET_ID, "region": REGION})

    with pytest.raises(OperationalError, match="cannot be read") as refused:
        found.ensure_connection()
    assert failure_of(refused.value) is Failure.NOT_STARTED


def test_a_name_that_is_not_found_means_that_nothing_was_done(
    database: Callable[..., Any], no_names: None
) -> None:
    found = database({"region": REGION})
    found.settings_dict |= {"HOST": "bank.example", "USER": TELLER}

    with pytest.raises(OperationalError, match="resolve") as failed:
        found.ensure_connection()
    assert failure_of(failed.value) is Failure.NOT_STARTED


FORK = """
import os
from ledger.db.server.credentials import source_of
named = {"LEDGER_CREDENTIALS": {"region": "eu-west-1"}}
before = source_of(named)
assert before is source_of(named)
if (child := os.fork()) == 0:
    os._exit(int(source_of(named) is before))
raise SystemExit(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_asks_by_a_client_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORK], cwd=BASE_DIR, check=True)
