"""A backup restores into an empty server, proved; a damaged one is refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger.backups import files
from ledger.backups.proof import place_of_proof
from ledger.db.server.embedded import MAJOR
from ledger.embedded import postmaster
from ledger.embedded.removal import removal_blocked
from ledger.embedded.server import EmbeddedServer
from tests.ledger.own_bank import OwnBank, load
from tests.ledger.processes import assert_one_sentence, manage
from tests.ledger.servers import query

NewFolder = Callable[[], Path]


def server(folder: Path) -> EmbeddedServer:
    return EmbeddedServer(folder)


def tables(folder: Path) -> str:
    return query(server(folder), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")


def test_a_backup_taken_under_load_restores_with_clean_books_and_every_seal(
    bank: OwnBank, new_folder: NewFolder, tmp_path: Path
) -> None:
    file, folder = tmp_path / "bank.backup", new_folder()
    with load(bank, 2) as paying:
        paying.wait_for(20)
        before = set(paying.ids("done"))
        bank.manage("backup", str(file))
        paying.wait_for(20)

    done = manage(folder, "restore", str(file))

    assert done.returncode == 0, done.stderr
    assert "SECRET_KEY" in done.stderr, "the new folder has a key of its own"
    manifest = json.loads(Path(f"{file}.manifest").read_text())
    assert query(server(folder), "SELECT count(*) FROM transactions") == str(
        manifest["transactions"]
    )
    assert (
        query(server(folder), "SELECT encode(digest, 'hex') FROM seals ORDER BY number")
        == (manifest["seal"])
    )
    there = query(server(folder), "SELECT string_agg(id::text, ' ') FROM transactions")
    assert before <= set(there.split())
    assert "clean" in manage(folder, "audit_ledger").stdout


def test_a_backup_is_proved_in_a_server_that_is_deleted_again(
    bank: OwnBank, tmp_path: Path
) -> None:
    assert "every seal holds" in bank.manage("backup", "--prove", str(tmp_path / "bank.backup"))


def test_the_server_of_a_proof_ends_although_a_site_runs_from_this_folder() -> None:
    with removal_blocked(), place_of_proof() as place:
        proved_in = EmbeddedServer(Path(place.settings["LEDGER_DATA_DIR"]))
        proved_in.ensure_started()
        process = postmaster.read(proved_in.data)
        assert process
        assert process.is_alive()
    assert not process.data.exists()
    with pytest.raises(FileNotFoundError):  # nor has a zombie, which still has its number, a folder
        Path(f"/proc/{process.pid}/cwd").readlink()


@pytest.mark.parametrize(
    ("other", "says"),
    [({"transactions": 7}, "7 transactions"), ({"seal": "00" * 32}, "newest seal")],
    ids=["other transactions", "another seal"],
)
def test_a_restored_bank_is_compared_with_its_manifest(
    backup: Path, new_folder: NewFolder, tmp_path: Path, other: dict[str, object], says: str
) -> None:
    file = copy(backup, tmp_path)
    manifest = Path(f"{file}.manifest")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | other))

    done = manage(new_folder(), "restore", str(file))

    assert done.returncode == 1
    assert says in done.stderr


# Who may do what with schemas, tables, columns and functions, row by row.
RIGHTS = """
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
    SELECT concat_ws(' ', what, grantee::regrole, privilege_type, is_grantable) AS line FROM (
        SELECT nspname::text AS what, nspacl AS acl FROM pg_namespace
        UNION ALL SELECT relname, relacl FROM pg_class WHERE relkind IN ('r', 'v')
        UNION ALL SELECT concat(attrelid::regclass, '.', attname), attacl FROM pg_attribute
        UNION ALL SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
            FROM pg_proc WHERE prosecdef
        UNION ALL SELECT 'database', datacl FROM pg_database WHERE datname = current_database()
    ) AS things, aclexplode(acl)
    WHERE what !~ '^(pg_|practice|information_schema)'
) AS lines"""


def test_a_restored_bank_has_the_rights_and_policies_of_its_original(
    bank: OwnBank, new_folder: NewFolder, tmp_path: Path
) -> None:
    """A dump has no rights: the web role would read nothing, and everybody run what the owner may.

    With row-level security, so that views, policies and the functions below them count too.
    """
    file, folder, with_policies = (
        tmp_path / "bank.backup",
        new_folder(),
        {"LEDGER_ROW_SECURITY": "True"},
    )
    assert manage(bank.data_dir, "prepare", **with_policies).returncode == 0
    bank.manage("backup", str(file))
    before = query(bank.database, RIGHTS)
    bank.manage("prepare")

    key = {"SECRET_KEY": (bank.data_dir / "secret_key").read_text().strip()}
    done = manage(folder, "restore", str(file), **with_policies, **key)

    assert done.returncode == 0, done.stderr
    assert "SECRET_KEY" not in done.stderr
    assert query(server(folder), RIGHTS).splitlines() == before.splitlines()
    assert "ledger_web" in before


def copy(backup: Path, folder: Path) -> Path:
    for found in (backup, Path(f"{backup}.manifest")):
        shutil.copy(found, folder)
    return folder / backup.name


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def lose_manifest(file: Path) -> None:
    Path(f"{file}.manifest").unlink()


def cut_manifest(file: Path) -> None:
    Path(f"{file}.manifest").write_text("{")


LATER = ["transactions.9998_later", "transactions.9999_later_still"]


def come_from_a_newer_ledger(file: Path) -> None:
    manifest = Path(f"{file}.manifest")
    found = json.loads(manifest.read_text())
    found["migrations"] += LATER
    manifest.write_text(json.dumps(found))


def come_from_older_code(file: Path) -> None:
    manifest = Path(f"{file}.manifest")
    manifest.write_text(manifest.read_text().replace("accounts.0001_tables", "accounts.0001_old"))


@pytest.mark.parametrize(
    "damage",
    [flip, cut, lose_manifest, cut_manifest, come_from_a_newer_ledger, come_from_older_code],
)
def test_a_file_that_cannot_be_trusted_is_named_and_refused(
    damage: Callable[[Path], None], backup: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    file, folder = copy(backup, tmp_path), new_folder()
    damage(file)

    assert_one_sentence(manage(folder, "restore", str(file)), file.name)
    assert tables(folder) == "0"


def test_a_backup_of_a_newer_ledger_is_refused_with_the_migrations_that_are_missing(
    backup: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    file, folder = copy(backup, tmp_path), new_folder()
    come_from_a_newer_ledger(file)

    assert_one_sentence(manage(folder, "restore", str(file)), *LATER)
    assert not (folder / f"pg{MAJOR}").exists(), "no server was started"


def test_a_backup_of_older_code_is_refused_with_the_way_to_move_it(
    backup: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    file, folder = copy(backup, tmp_path), new_folder()
    come_from_older_code(file)
    assert_one_sentence(manage(folder, "restore", str(file)), "adopt_migrations")


def test_a_restore_that_fails_half_way_leaves_nothing(
    backup: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    file, folder = copy(backup, tmp_path), new_folder()
    query(server(folder), "CREATE TYPE audit_runs AS (id int)")  # in the way of a table

    assert_one_sentence(manage(folder, "restore", str(file)), file.name, "audit_runs")
    assert tables(folder) == "0"


def test_a_bank_is_never_restored_over_another(bank: OwnBank, backup: Path) -> None:
    before = bank.transfers()

    done = manage(bank.data_dir, "restore", str(backup))

    assert_one_sentence(done, "not empty")
    assert bank.transfers() == before


def test_a_backup_is_taken_of_the_host_that_answers(bank: OwnBank, tmp_path: Path) -> None:
    """Of several, the first of which is gone."""
    file, there = tmp_path / "bank.backup", bank.database.ensure_started()
    hosts = f"{quote(str(tmp_path), safe='')},{quote(str(there.host), safe='')}"
    url = f"postgresql://ledger@{hosts}/ledger?connect_timeout=2"

    done = manage(tmp_path, "backup", str(file), DATABASE_URL=url)

    assert done.returncode == 0, done.stderr
    assert files.check(file).transactions > 0


def test_a_backup_never_overwrites_a_file(bank: OwnBank, tmp_path: Path) -> None:
    for name in ("bank.backup", "bank.backup.manifest"):
        (tmp_path / name).write_text("mine")
        done = manage(bank.data_dir, "backup", str(tmp_path / "bank.backup"))
        assert_one_sentence(done, name, "exists")
        assert (tmp_path / name).read_text() == "mine"
        failed = "SELECT failed_at FROM job_records WHERE name = 'backup'"
        assert query(bank.database, failed) in ("", "None"), "no job has failed"
        (tmp_path / name).unlink()


def test_a_backup_that_fails_leaves_nothing(bank: OwnBank, tmp_path: Path) -> None:
    assert_one_sentence(
        manage(bank.data_dir, "backup", str(tmp_path / "nowhere" / "bank.backup")), "nowhere"
    )
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_reads_a_backup(backup: Path) -> None:
    for file in (backup, Path(f"{backup}.manifest")):
        assert file.stat().st_mode & 0o077 == 0
