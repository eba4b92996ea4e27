"""Databases of the embedded server that exist for one block."""

import time
from typing import Any

import psycopg
import pytest
from django.db import connection

from ledger.db.server.embedded import EmbeddedServerError, embedded_server
from ledger.embedded import throwaway
from ledger.embedded.pair import Pair
from ledger.embedded.server import EmbeddedServer

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not hasattr(connection, "is_embedded"), reason="needs the embedded server"),
]


def databases() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


def test_it_is_empty_and_ends_with_the_block_although_sessions_use_it() -> None:
    with embedded_server().throwaway_database() as place:
        there = {"host": place["HOST"], "port": place["PORT"], "user": place["USER"]}
        session = psycopg.connect(dbname=place["NAME"], **there)
        tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert session.execute(tables).fetchone() == (0,)
        assert session.execute("SHOW is_superuser").fetchone() == ("on",)
        libraries = session.execute("SHOW shared_preload_libraries").fetchone()
        assert libraries == ("pg_stat_statements",)
        assert place["NAME"] in databases()
    assert place["NAME"] not in databases()
    session.close()


def test_it_ends_with_an_error_too() -> None:
    names = []

    def fail() -> None:
        with embedded_server().throwaway_database() as place:
            names.append(place["NAME"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert databases().isdisjoint(names)


def test_what_a_killed_process_left_is_dropped_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    server = embedded_server()
    with monkeypatch.context() as killed:
        killed.setattr(throwaway, "_drop", lambda *_: None)
        killed.setattr(time, "time", lambda: 1)
        with server.throwaway_database() as old:
            pass
    assert old["NAME"] in databases()
    with server.throwaway_database() as new:
        assert old["NAME"] not in databases()
        with server.throwaway_database():
            assert new["NAME"] in databases()


@pytest.mark.parametrize("kind", [EmbeddedServer, Pair])
def test_a_server_that_does_not_run_has_none(kind: Any, tmp_path: Any) -> None:
    server = kind(tmp_path)
    if kind is Pair:
        server.note.write_text("first")
    with pytest.raises(EmbeddedServerError), server.throwaway_database():
        pass
