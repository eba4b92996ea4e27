"""The settings of replicas: what a connection gets, and what stops the start."""

from collections.abc import Callable
from typing import Any

import pytest

URL = "postgresql://me:secret@127.0.0.1"
WRITER = {"DATABASE_URL": f"{URL}:5432/books?sslmode=require", "DEBUG": "True"}
WEB = {**WRITER, "LEDGER_ROLE": "web"}
TWO = f"{URL}:5433/books, {URL}:5434/books?application_name=second"


@pytest.fixture
def databases(settings_of: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """DATABASES with these settings."""

    def databases(**values: str) -> dict[str, Any]:
        found: dict[str, Any] = settings_of(**values)["DATABASES"]
        return found

    return databases


@pytest.mark.parametrize("given", [TWO, TWO.replace(",", " "), TWO.replace(", ", ","), f"{TWO},"])
def test_each_url_is_a_replica_of_web_processes(
    given: str, databases: Callable[..., dict[str, Any]]
) -> None:
    found = databases(DATABASE_REPLICA_URLS=given, **WEB)

    assert list(found) == ["default", "replica1", "replica2", "read"]
    assert [str(each["PORT"]) for each in found.values()][:3] == ["5432", "5433", "5434"]
    assert found["replica2"]["OPTIONS"]["application_name"] == "second"
    assert {each["ENGINE"] for each in found.values()} == {"ledger.db.backend"}


def test_replicas_are_reached_by_libpq_beside_the_driver_of_aws(
    databases: Callable[..., dict[str, Any]],
) -> None:
    found = databases(DATABASE_REPLICA_URLS=TWO, DB_DRIVER="aws", **WEB)

    assert found["default"]["ENGINE"] == "ledger.db.aws"
    assert found["replica1"]["ENGINE"] == "ledger.db.backend"
    assert "LEDGER_DRIVER" not in found["replica1"]


def test_commands_have_no_replicas_but_read(databases: Callable[..., dict[str, Any]]) -> None:
    assert list(databases(DATABASE_REPLICA_URLS=TWO, **WRITER)) == ["default", "read"]


def test_a_replica_reads_only_from_a_standby_with_the_timeouts_of_the_writer(
    databases: Callable[..., dict[str, Any]],
) -> None:
    found = databases(DATABASE_REPLICA_URLS=TWO, LEDGER_CONNECT_TIMEOUT="3", **WEB)
    replica = found["replica1"]

    assert replica["LEDGER_TIMEOUTS"] == found["default"]["LEDGER_TIMEOUTS"]
    assert replica["OPTIONS"]["connect_timeout"] == 3
    assert replica["OPTIONS"]["target_session_attrs"] == "standby"
    assert "default_transaction_read_only=on" in replica["OPTIONS"]["options"]
    assert "sslmode" not in replica["OPTIONS"], "its own URL says how it is encrypted"
    assert int(replica["OPTIONS"]["tcp_user_timeout"]) <= 5_000


def test_a_read_does_not_wait_long_for_a_replica_or_for_its_pool(
    databases: Callable[..., dict[str, Any]],
) -> None:
    """The writer answers instead."""
    found = databases(DATABASE_REPLICA_URLS=f"{TWO}&connect_timeout=8", DB_POOL="2", **WEB)

    assert found["default"]["OPTIONS"]["connect_timeout"] == 5
    assert found["replica1"]["OPTIONS"]["connect_timeout"] == 3
    assert int(found["replica2"]["OPTIONS"]["connect_timeout"]) == 8, "as its URL says"
    pools = [each["OPTIONS"]["pool"] for name, each in found.items() if name != "read"]
    assert [each["timeout"] for each in pools] == [5, 1, 1]
    assert {each["max_size"] for each in pools} == {2}


def test_the_standby_of_the_embedded_server_is_a_replica(
    databases: Callable[..., dict[str, Any]],
) -> None:
    found = databases(DATABASE_REPLICA_URLS="standby", LEDGER_ROLE="web", DEBUG="True")
    assert found["replica1"]["LEDGER_EMBEDDED"]
    assert found["replica1"]["OPTIONS"]["target_session_attrs"] == "standby"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"DATABASE_REPLICA_URLS": "postgresql://me@db.example/books"}, ["sslmode"]),
        (
            {"DATABASE_REPLICA_URLS": "mysql://me@localhost/books"},
            ["PostgreSQL is", "postgresql://"],
        ),
        ({"DATABASE_REPLICA_URLS": "stanby"}, ["word standby", "postgresql://"]),
        ({"DATABASE_REPLICA_URLS": "postgresql://me:secret@a,b/books"}, ["one server", "space"]),
        ({"DATABASE_REPLICA_URLS": f"{URL}/"}, ["names no database"]),
        ({"DATABASE_REPLICA_URLS": f"{URL}/books?nonsense=1"}, ["nonsense"]),
        (
            {"DATABASE_REPLICA_URLS": "postgresql://a:1%2Cb:2/books", "DB_PLAINTEXT": "True"},
            ["DATABASE_REPLICA_URLS"],
        ),
        (
            {
                "DATABASE_URL": "postgresql://me@db.example/books?sslmode=require",
                "DATABASE_REPLICA_URLS": "postgresql://me@replica.example/books",
                "DB_IAM_REGION": "eu-west-1",
                "DB_PLAINTEXT": "True",
            },
            ["token"],
        ),
        (
            {
                "DATABASE_URL": "postgresql://me@db.example/books?sslmode=require",
                "DATABASE_REPLICA_URLS": "postgresql://replica.example/books?sslmode=require",
                "DB_IAM_REGION": "eu-west-1",
            },
            ["DATABASE_REPLICA_URLS", "user"],
        ),
        *(
            (
                {
                    "DATABASE_REPLICA_URLS": f"{URL}/books?{query}",
                    "DB_POOLER": "transaction",
                    **WRITER,
                },
                [word],
            )
            for query, word in {
                "options=-c%20jit%3Doff": "start-up",
                "prepare_threshold=3": "prepare",
                "assume_role=bank": "assume_role",
                "disable_server_side_cursors=False": "server-side cursor",
            }.items()
        ),
        ({"DATABASE_REPLICA_URLS": f"{URL}/books?conn_max_age=9", "DB_POOL": "8", **WEB}, ["pool"]),
        *(
            ({"DATABASE_REPLICA_URLS": f"{URL}/books?target_session_attrs={value}"}, ["standby"])
            for value in ("read-write", "primary")
        ),
        (
            {"DATABASE_REPLICA_URLS": "postgresql:///books?host=a%2Cb", "DB_PLAINTEXT": "True"},
            ["one server"],
        ),
        ({"DATABASE_REPLICA_URLS": "standby", **WRITER}, ["embedded"]),
        ({"DATABASE_REPLICA_CHOICE": "fastest"}, ["DATABASE_REPLICA_CHOICE", "round_robin"]),
        ({"DATABASE_REPLICA_MAX_LAG": "0"}, ["DATABASE_REPLICA_MAX_LAG"]),
    ],
)
def test_a_wrong_value_stops_the_start_with_a_sentence(
    given: dict[str, str], words: list[str], refusal: Callable[..., str]
) -> None:
    said = refusal(**given)

    assert "DATABASE_REPLICA" in said
    assert all(word in said for word in words)
    assert "secret" not in said
