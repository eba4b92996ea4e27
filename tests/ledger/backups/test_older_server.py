"""What moves a whole bank works on the oldest server that Ledger takes, not on the embedded one."""

from pathlib import Path

from ledger.embedded import roles
from tests.ledger.debian import NEEDS_PG_STAT_STATEMENTS, DebianServer, database_of

pytestmark = NEEDS_PG_STAT_STATEMENTS


def test_a_demo_bank_goes_out_by_dumpdata_and_in_by_loaddata(
    debian: DebianServer, tmp_path: Path
) -> None:
    file = str(tmp_path / "bank.json")
    bank, other = database_of(debian, roles.DATABASE), database_of(debian, "other")
    bank.run("prepare", "--demo")
    bank.run("dumpdata", "-o", file)
    other.run("createdb")
    other.run("prepare")

    assert "clean" in other.run("loaddata", file)

    count = "SELECT count(*) FROM transactions"
    assert other.values(count) == bank.values(count)
    assert "clean" in other.run("audit_ledger")


def test_migrations_go_back_and_come_again(debian: DebianServer) -> None:
    bank = database_of(debian, roles.DATABASE)
    bank.run("prepare")
    before = bank.schema()
    bank.run("migrate", "transactions", "zero", "-v0")
    assert "transactions" not in bank.values("SELECT tablename FROM pg_tables")
    bank.run("migrate", "-v0")
    assert bank.schema() == before
