"""A bank is restored with the extensions that it requires, without those of the server."""

from pathlib import Path

import psycopg

from ledger.backups.contents import bank_entries
from ledger.db.extensions import REQUIRED, SCHEMA
from ledger.embedded import postmaster, roles
from tests.ledger.databases import own_databases
from tests.ledger.debian import NEEDS_PG_STAT_STATEMENTS, DebianServer, database_of

EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"
SCHEMAS = "SELECT DISTINCT extnamespace::regnamespace FROM pg_extension WHERE extname <> 'plpgsql'"
LISTED = """;
; Archive created at 2026-11-22 13:00:00 UTC
;
2; 3079 16385 EXTENSION - pg_cron
3; 3079 16386 EXTENSION - pg_trgm
4; 2615 16387 SCHEMA - extensions ledger
4320; 0 0 COMMENT - EXTENSION pg_trgm
4321; 0 0 COMMENT - EXTENSION pg_cron
215; 1259 16391 TABLE public accounts ledger
216; 1259 16395 SEQUENCE public seals_number_seq ledger
4000; 0 16391 TABLE DATA public accounts ledger
4001; 0 16400 TABLE DATA cron job postgres
4002; 0 0 SEQUENCE SET public seals_number_seq ledger
4003; 0 0 SEQUENCE SET cron jobid_seq postgres
4004; 0 0 COMMENT public TABLE accounts ledger
4005; 6104 16500 PUBLICATION - every_table ledger
4006; 6106 16501 PUBLICATION TABLE public every_table accounts ledger
4007; 3466 16502 EVENT TRIGGER - log_ddl postgres
"""


def test_extensions_of_the_server_and_the_rows_of_their_tables_are_left_out() -> None:
    numbers = [line.partition(";")[0] for line in bank_entries(LISTED).splitlines()]
    assert numbers == ["3", "4", "215", "216", "4000", "4002", "4004"]


def test_a_bank_is_restored_without_an_extension_that_was_beside_it(tmp_path: Path) -> None:
    file = str(tmp_path / "bank.backup")
    with own_databases() as databases:
        bank, restored = databases.new("people"), databases.new("nothing")
        running = postmaster.read(databases.server.data)
        assert running is not None
        with roles.as_superuser(running, bank.name) as superuser:
            superuser.execute("CREATE EXTENSION vector")
        bank.run("backup", file)
        restored.run("createdb")

        assert "every seal holds" in restored.run("restore", file)

        assert bank.values(EXTENSIONS) == [*REQUIRED, "vector"]
        assert restored.values(EXTENSIONS) == [*REQUIRED]
        assert restored.values(SCHEMAS) == [SCHEMA]


@NEEDS_PG_STAT_STATEMENTS
def test_a_server_with_every_extension_gives_a_backup_that_the_owner_restores(
    debian: DebianServer, tmp_path: Path
) -> None:
    file, bank = str(tmp_path / "bank.backup"), database_of(debian, roles.DATABASE)
    bank.run("prepare")
    with psycopg.connect(
        host=str(debian.folder), user="postgres", dbname=bank.name, autocommit=True
    ) as superuser:
        superuser.execute("CREATE EXTENSION pg_stat_statements")
    restored = database_of(debian, "restored")
    restored.run("createdb")

    assert "every seal holds" in bank.run("backup", "--prove", file)
    assert "every seal holds" in restored.run("restore", file)

    assert set(bank.values(EXTENSIONS)) == {*REQUIRED, "pg_stat_statements"}
    assert restored.values(EXTENSIONS) == [*REQUIRED]
