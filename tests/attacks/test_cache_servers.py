"""Redis in place of the cache table: limits also apply when Redis stops in between."""

import logging
import pickle
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from allauth.core.internal import ratelimit
from django.conf import LazySettings
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client

from ledger.db.cache import redis
from ledger.db.cache.redis import RedisOrTable
from tests.cache_servers import CacheServer, missing
from tests.factories import AccountFactory
from tests.reviews import send
from tests.sign_in import sign_ins_by_one_code
from transactions import services

pytestmark = pytest.mark.django_db
RESET = "/account/password/reset/"
MOST = 20  # RESET forms from one client in a minute
RAN: list[str] = []


@pytest.fixture(scope="module")
def server() -> Iterator[CacheServer]:
    if reason := missing():
        pytest.skip(reason)
    with CacheServer() as found:
        yield found


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The clock for retrying a server that failed, in a list with one time."""
    now = [1000.0]
    monkeypatch.setattr(redis, "time", SimpleNamespace(monotonic=lambda: now[0]))
    yield now
    redis.AWAY_UNTIL.clear()


@pytest.fixture(autouse=True)
def outside(server: CacheServer, settings: LazySettings) -> Iterator[RedisOrTable]:
    """The cache of the settings, on an empty server that works."""
    if server.process is None or server.process.poll() is not None:
        server.start()
    settings.CACHES = {"default": settings_of(server)}
    cache.clear()
    found: Any = caches["default"]
    assert not found.is_away
    with hung_up():
        yield found


def settings_of(server: CacheServer) -> dict[str, Any]:
    return {"BACKEND": "ledger.db.cache.redis.RedisOrTable", "LOCATION": server.url}


def ask(address: str) -> int:
    form = {"email": "nobody@example.com"}
    return Client(REMOTE_ADDR=address).post(RESET, form).status_code


@contextmanager
def hung_up() -> Iterator[None]:
    """Closes this thread's connections at the end."""
    yield
    found: Any = caches["default"]
    found.close()
    for pool in getattr(found._redis._cache, "_pools", {}).values():
        pool.disconnect()


def keys_of_the_table() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cache")
        return int(cursor.fetchone()[0])


def test_it_does_what_a_cache_does() -> None:
    cache.set_many({"one": 1, "two": {"a": (1, 2)}}, 60)
    assert cache.get_many(["one", "two", "three"]) == {"one": 1, "two": {"a": (1, 2)}}
    assert cache.add("three", 3, 60)
    assert not cache.add("three", 4, 60)
    assert cache.incr("three") == 4
    assert cache.touch("one", 60)
    assert not cache.touch("nothing", 60)
    assert cache.delete("one")
    assert cache.get("one", "gone") == "gone"
    cache.set("five", 5, 0)
    assert cache.get("five") is None
    cache.set("six", None, None)
    assert cache.get("six", "gone") is None
    assert "six" in cache
    assert keys_of_the_table() == 0


def test_a_limit_is_counted_there() -> None:
    assert {ask("1.1.1.1") for _ in range(MOST)} == {302}
    assert ask("1.1.1.1") == 429
    assert ask("9.9.9.9") == 302
    assert keys_of_the_table() == 0


def test_many_at_once_never_pass_a_limit(outside: RedisOrTable) -> None:
    """The lock for reading and writing a count works across connections."""
    del outside

    def count(_number: int) -> bool:
        with hung_up(), ratelimit.cache_lock("a limit") as is_locked:
            if not is_locked:
                return False
            found = cache.get("a limit", 0)
            if found < MOST:
                cache.set("a limit", found + 1, 60)
            return bool(found < MOST)

    with ThreadPoolExecutor(8) as threads:
        passed = sum(threads.map(count, range(2 * MOST)))
    assert passed == cache.get("a limit") <= MOST


def test_a_limit_holds_when_the_server_dies(
    server: CacheServer, outside: RedisOrTable, caplog: pytest.LogCaptureFixture
) -> None:
    """The limit may be used up once more, in the table, but not a third time."""
    assert {ask("1.1.1.1") for _ in range(MOST)} == {302}
    assert ask("1.1.1.1") == 429
    server.kill()
    with caplog.at_level(logging.WARNING, "ledger.cache"):
        answers = [ask("1.1.1.1") for _ in range(MOST + 5)]
    assert answers == [302] * MOST + [429] * 5
    assert outside.is_away
    (line,) = [each.getMessage() for each in caplog.records if each.name == "ledger.cache"]
    assert "counted in the database" in line


def test_a_server_that_comes_back_is_used_again(
    server: CacheServer, outside: RedisOrTable, clock: list[float]
) -> None:
    server.kill()
    assert ask("1.1.1.1") == 302
    server.start()
    assert ask("1.1.1.1") == 302
    assert outside.is_away
    clock[0] += redis.TRY_AGAIN + 1
    before = keys_of_the_table()
    assert ask("2.2.2.2") == 302
    assert not outside.is_away
    assert keys_of_the_table() == before


def test_a_server_that_only_reads_is_no_server(
    server: CacheServer, outside: RedisOrTable, clock: list[float]
) -> None:
    """A limit that is read from a read-only server would never increase."""
    assert ask("1.1.1.1") == 302
    redis_command(server, "REPLICAOF", "127.0.0.1", "1")
    try:
        answers = []
        for _ in range(MOST + 5):
            answers.append(ask("1.1.1.1"))
            clock[0] += redis.TRY_AGAIN + 1
        assert answers.count(302) <= MOST
        assert answers[-1] == 429
        assert outside.is_away
    finally:
        redis_command(server, "REPLICAOF", "NO", "ONE")


def test_what_a_server_that_only_reads_still_has_is_not_believed(
    server: CacheServer, clock: list[float]
) -> None:
    cache.set("count", 1, 60)
    redis_command(server, "REPLICAOF", "127.0.0.1", "1")
    try:
        cache.set("count", 2, 60)
        clock[0] += redis.TRY_AGAIN + 1
        assert cache.get("count") == 2
    finally:
        redis_command(server, "REPLICAOF", "NO", "ONE")


def test_a_server_that_returns_something_else_is_not_used_again(
    server: CacheServer, outside: RedisOrTable, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside._note("ConnectionError")
    clock[0] += redis.TRY_AGAIN + 1
    monkeypatch.setattr(outside._redis, "get", lambda *_: "another value")
    assert outside.get("key", "nothing") == "nothing"
    assert outside.is_away


def test_a_full_server_is_no_server(server: CacheServer, outside: RedisOrTable) -> None:
    redis_command(server, "CONFIG", "SET", "maxmemory", "1")
    try:
        answers = [ask("1.1.1.1") for _ in range(MOST + 5)]
        assert answers == [302] * MOST + [429] * 5
        assert outside.is_away
    finally:
        redis_command(server, "CONFIG", "SET", "maxmemory", "0")


def test_nobody_waits_for_a_server_that_says_nothing(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, server: CacheServer
) -> None:
    monkeypatch.setattr(redis, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        location = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        settings.CACHES = {"default": {**settings_of(server), "LOCATION": location}}
        found: Any = caches["default"]
        assert found.get("a", "nothing") == "nothing"
        assert found.is_away
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()  # Ledger does not try again, which would take as long again
        used = found._redis._cache.get_client().connection_pool.make_connection()
        assert (used.socket_connect_timeout, used.socket_timeout) == (0.05, 0.05)


def test_a_connection_that_the_server_closed_is_opened_again(
    server: CacheServer, outside: RedisOrTable
) -> None:
    outside.set("key", "value", 60)
    assert redis_command(server, "CLIENT", "KILL", "TYPE", "normal") != b":0\r\n"
    assert outside.get("key") == "value"
    assert not outside.is_away


def test_a_code_of_an_app_stays_used_when_the_server_dies(
    server: CacheServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign_ins_by_one_code(monkeypatch, after_each=server.kill) == [True, False]


@pytest.mark.parametrize("key", ["allauth.mfa.totp.used?user=1", "jwt:1"])
def test_what_is_accepted_only_once_is_never_on_the_server(
    key: str, server: CacheServer, outside: RedisOrTable
) -> None:
    assert outside.add(key, "y", 60)
    server.kill()
    assert not outside.add(key, "y", 60)


def test_a_value_of_another_key_is_no_entry(server: CacheServer, outside: RedisOrTable) -> None:
    outside.set("mine", 1, 60)
    outside.set("another", 2, 60)
    mine, another = (outside._redis.make_key(key) for key in ("mine", "another"))
    assert redis_command(server, "COPY", another, mine, "REPLACE").startswith(b":1")
    assert (outside.get("mine"), outside.get("another")) == (None, 2)


def test_a_payment_needs_no_cache(server: CacheServer, client: Client) -> None:
    sender, recipient = AccountFactory(currency="EUR"), AccountFactory(currency="EUR")
    services.deposit(to_account=sender, amount=Decimal(100))
    client.force_login(sender.user)
    server.kill()
    form = {
        "id": str(uuid.uuid4()), "from_account": sender.pk, "number": recipient.number,
        "amount": "7.00", "description": "", "reference": "",
    }  # fmt: skip
    answer = send(client, form)
    assert answer.status_code == 302
    assert "/transactions/" in answer.headers["Location"]


def run(what: str) -> None:
    RAN.append(what)


class Planted:
    """An object that calls `run` when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (run, ("code of the cache server",))


def test_code_on_the_server_is_not_run(outside: RedisOrTable) -> None:
    cache.set("mine", ["a value"], 60)
    raw: Any = outside._redis
    raw._cache.get_client(write=True).set(raw.make_key("mine"), pickle.dumps(Planted()))
    assert cache.get("mine", "nothing") == "nothing"
    assert RAN == []
    assert not outside.is_away


@pytest.mark.parametrize("error", [AttributeError, ValueError, RecursionError])
def test_an_answer_that_nobody_understands_is_none(
    outside: RedisOrTable, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests responses such as those of another program on the port."""
    monkeypatch.setattr(outside._redis, "get", Mock(side_effect=error))
    assert cache.get("mine", "nothing") == "nothing"
    assert outside.is_away


def test_the_server_hears_no_address(server: CacheServer) -> None:
    ask("1.1.1.1")
    keys = redis_command(server, "KEYS", "*")
    assert b"*1\r\n" in keys
    assert b"1.1.1.1" not in keys


def redis_command(server: CacheServer, *words: str) -> bytes:
    """Returns the response to a command, like `redis-cli`."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as found:
        found.sendall((" ".join(words) + "\r\n").encode())
        return found.recv(65536)
