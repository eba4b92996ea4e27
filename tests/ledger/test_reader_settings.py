"""The alias `read` of DATABASES, and the setting that has Django's ORM read there."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.backups import proof
from ledger.db.read_router import PLUGINS_WITH_READER

URL = "postgresql://me:secret@127.0.0.1"
WRITER = {"DATABASE_URL": f"{URL}:5432/books", "DEBUG": "True"}
ONE = {"DATABASE_REPLICA_URLS": f"{URL}:5433/books"}
AURORA = {
    "DATABASE_URL": "postgresql://me@bank.cluster-1.eu-west-1.rds.amazonaws.com/books?sslmode=require",
    "DB_DRIVER": "aws",
}
SPLITTING = {**AURORA, "DB_AWS_PLUGINS": "read_write_splitting,failover_v2"}
Settings = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("given", [WRITER, AURORA, {}], ids=["server", "driver", "embedded"])
def test_without_a_reader_there_is_no_alias_and_no_router(
    given: dict[str, str], settings_of: Settings
) -> None:
    found = settings_of(**given)

    assert list(found["DATABASES"]) == ["default"]
    assert found["DATABASE_ROUTERS"] == []


@pytest.mark.parametrize("role", ["owner", "web"])
def test_a_replica_is_read_by_pages_and_by_commands(role: str, settings_of: Settings) -> None:
    found = settings_of(**WRITER, **ONE, LEDGER_ROLE=role)
    reader = found["DATABASES"]["read"]

    assert (reader["HOST"], reader["PORT"]) == ("127.0.0.1", "5433")
    assert reader["OPTIONS"]["target_session_attrs"] == "standby"
    assert "default_transaction_read_only=on" in reader["OPTIONS"]["options"]
    assert reader["LEDGER_TIMEOUTS"] == found["DATABASES"]["default"]["LEDGER_TIMEOUTS"]
    assert not reader.get("LEDGER_REPLICA"), "pages already know the replica by another alias"
    assert reader["CONN_HEALTH_CHECKS"], "nothing repeats a query on the writer"
    assert reader["TEST"] == {"MIRROR": "default"}
    assert found["DATABASE_ROUTERS"] == [], "until it is switched on"


def test_replicas_with_one_login_are_hosts_of_which_the_first_that_answers_is_read(
    settings_of: Settings,
) -> None:
    others = f"{URL}:5433/books postgresql://me:secret@localhost:5434/books {URL}:5435/other"
    reader = settings_of(**WRITER, DATABASE_REPLICA_URLS=others)["DATABASES"]["read"]

    assert (reader["HOST"], reader["PORT"]) == ("127.0.0.1,localhost", "5433,5434")
    assert reader["NAME"] == "books"


def test_the_standby_of_the_embedded_server_is_read(settings_of: Settings) -> None:
    found = settings_of(DATABASE_REPLICA_URLS="standby", DEBUG="True")["DATABASES"]

    assert found["read"]["LEDGER_EMBEDDED"]
    assert found["read"]["OPTIONS"]["target_session_attrs"] == "standby"
    assert "target_session_attrs" not in found["default"]["OPTIONS"]


def test_a_reader_waits_for_its_pool_as_long_as_the_writer(settings_of: Settings) -> None:
    found = settings_of(**WRITER, **ONE, LEDGER_ROLE="web", DB_POOL="2")["DATABASES"]

    assert found["read"]["OPTIONS"]["pool"] == found["default"]["OPTIONS"]["pool"]
    assert found["replica1"]["OPTIONS"]["pool"]["timeout"] == 1


@pytest.mark.parametrize("plugin", ["read_write_splitting", "srw", "gdb_rw"])
def test_a_reader_that_the_driver_of_aws_finds_is_read(plugin: str, settings_of: Settings) -> None:
    given = {**AURORA, "DB_AWS_PLUGINS": f"{plugin},failover_v2"}
    if plugin == "srw":
        given["DB_AWS_OPTIONS"] = "srw_read_endpoint=b.example&srw_write_endpoint=a.example"
    found = settings_of(**given)["DATABASES"]

    assert found["read"]["ENGINE"] == "ledger.db.aws"
    assert found["read"]["OPTIONS"]["read_only"]
    assert "default_transaction_read_only=on" in found["read"]["OPTIONS"]["options"]
    assert found["read"]["LEDGER_DRIVER"] == found["default"]["LEDGER_DRIVER"]
    assert "read_only" not in found["default"]["OPTIONS"]


def test_the_drivers_reader_is_read_before_replicas(settings_of: Settings) -> None:
    found = settings_of(**SPLITTING, **ONE)["DATABASES"]

    assert found["read"]["ENGINE"] == "ledger.db.aws"


@pytest.mark.parametrize("given", [{**WRITER, **ONE}, SPLITTING], ids=["replica", "driver"])
def test_the_router_is_switched_on(given: dict[str, str], settings_of: Settings) -> None:
    found = settings_of(**given, DATABASE_READ_ROUTER="True")

    assert found["DATABASE_ROUTERS"] == ["ledger.db.read_router.ReadRouter"]


@pytest.mark.parametrize("given", [WRITER, AURORA, {}], ids=["server", "driver", "embedded"])
def test_the_router_without_a_reader_stops_the_start(
    given: dict[str, str], refusal: Callable[..., str]
) -> None:
    said = refusal(**given, DATABASE_READ_ROUTER="True")

    assert "The setting DATABASE_READ_ROUTER is wrong" in said
    assert "DATABASE_REPLICA_URLS" in said
    assert PLUGINS_WITH_READER in said, "the setting replaces the plugins of failover"


def test_the_proof_of_a_backup_starts_without_the_reader_that_the_router_needs(
    settings_of: Settings,
) -> None:
    given = {**WRITER, **ONE, "DATABASE_READ_ROUTER": "True"}

    found = settings_of(**given | dict.fromkeys(proof.SERVER_SETTINGS, ""))
    assert list(found["DATABASES"]) == ["default"]
