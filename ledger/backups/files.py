"""A backup: the file that pg_dump wrote, and beside it a manifest that says what is in it.

The manifest has the file's digest, so that a damaged file is refused before anything is read from
it, and what the bank held at that moment, so that a restored bank can be compared with it.
"""

import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, Self

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from ledger.backups.contents import of_the_bank
from ledger.db.migrating.older import HOW_TO_MOVE, is_older
from ledger.db.outages.probe import known_migrations
from ledger.db.outages.refused_logins import not_by_this_login
from ledger.db.server import pooler, tools
from ledger.db.snapshot import snapshot
from transactions.models import Seal, Transaction

FORMAT = 1
PIECE = 1 << 20  # bytes
# The practice bank of the cookbook is built anew by `manage.py prepare`, as are the views that
# row-level security puts in front of the tables.
LEFT_OUT = ("--exclude-schema=practice*", "--exclude-schema=ledger_web")
# Owner and rights come from whoever restores it, and from `migrate`.
OF_NOBODY = ("--no-owner", "--no-acl")
ITS_OWNERS = 0o600  # whoever reads a backup reads everything
EXISTS = "{file} exists; a backup never overwrites one."
NEWER = (
    "{file} was made by another Ledger, most likely a newer one, and nothing was restored. This one"
    " lacks {names}. Install the version that made it, or a later one, with the apps that were"
    " added to it, and restore with that."
)
OLDER = (
    "{file} was made by older code, and nothing was restored. Restore it with the code that made"
    f" it, into a database of its own; {HOW_TO_MOVE}."
)
EMPTY = "{file} is empty: the backup ended before it was whole."


class BackupRefused(Exception):
    """Nothing was written or restored; the message is one sentence that says why."""


@dataclass(frozen=True)
class Manifest:
    """What stands beside a backup. `seal` is the newest seal's digest, "" without one."""

    sha256: str
    transactions: int
    seal: str
    migrations: list[str]
    postgres: int
    format: int = FORMAT

    @classmethod
    def of(cls, file: Path) -> Self:
        """Reads the one beside `file`. Raises BackupRefused."""
        beside = path_of(file)
        try:
            found = json.loads(beside.read_text())
            manifest = cls(**{field.name: found[field.name] for field in fields(cls)})
        except FileNotFoundError:
            raise BackupRefused(
                f"{beside} is missing: without it nobody can tell whether {file} is whole."
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise BackupRefused(f"{beside} cannot be read: it is damaged.") from None
        if manifest.format != FORMAT:
            raise BackupRefused(f"{beside} is in another format, most likely of a newer Ledger.")
        return manifest


def path_of(file: Path) -> Path:
    """The manifest of a backup."""
    return file.with_name(file.name + ".manifest")


def _check_session() -> None:
    """Raises BackupRefused behind a pooler."""
    if not pooler.keeps_sessions():
        raise BackupRefused(
            "A pooler stands before the server, which would give the settings of pg_dump and"
            " pg_restore to other clients; connect to the server itself."
        )


def _check_login() -> None:
    """Raises BackupRefused for those that do not read every table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (login,) = cursor.fetchone()
    if login in (settings.LEDGER_WEB_ROLE, settings.LEDGER_WORKER_ROLE):
        raise BackupRefused(not_by_this_login())


def write(file: Path) -> Manifest:
    """Writes a backup of the whole bank and its manifest, while the bank works on.

    Both are of one instant. Raises BackupRefused where a file exists, with nothing written.
    """
    check_free(file)
    _check_session()
    _check_login()
    try:
        with TemporaryDirectory(
            prefix=f"{file.name}.", suffix=".part", dir=file.parent, ignore_cleanup_errors=True
        ) as own:
            return _write(file, Path(own))
    except (tools.ProgramFailed, tools.NoProgram) as error:
        raise BackupRefused(f"The backup failed: {error}") from error
    except FileExistsError as error:  # made since the check
        raise BackupRefused(EXISTS.format(file=error.filename)) from error
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written: {error.strerror}.") from error


def _write(file: Path, own: Path) -> Manifest:
    """Writes both in this run's own folder, and moves them when they are whole."""
    draft, manifest_draft = own / "dump", own / "manifest"
    facts = _dump(draft)
    manifest = Manifest(sha256=digest_of(draft), **facts)
    manifest_draft.touch(mode=ITS_OWNERS)
    manifest_draft.write_text(json.dumps(asdict(manifest), indent=1) + "\n")
    with ExitStack() as undo:
        _move(manifest_draft, path_of(file), undo)
        _move(draft, file, undo)
        undo.pop_all()
    return manifest


def _move(draft: Path, file: Path, undo: ExitStack) -> None:
    """Gives a draft its name at once, by a hard link, because renaming overwrites. A file system
    without links has the name empty for a moment. Raises FileExistsError where the name is taken.
    """
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    try:
        file.hardlink_to(draft)
    except OSError:  # also where the name is taken
        file.touch(mode=ITS_OWNERS, exist_ok=False)
        undo.callback(file.unlink, missing_ok=True)
        draft.rename(file)
    else:
        undo.callback(file.unlink, missing_ok=True)


def check_free(file: Path) -> None:
    """Raises BackupRefused where a file exists, or no folder."""
    try:
        for there in (file, path_of(file)):
            if there.exists():
                raise BackupRefused(EXISTS.format(file=there))
        if not file.parent.is_dir():
            raise BackupRefused(f"There is no folder {file.parent}.")
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written: {error.strerror}.") from error


def _dump(draft: Path) -> dict[str, Any]:
    """Runs pg_dump in the snapshot of an open transaction, and tells what that snapshot holds."""
    draft.touch(mode=ITS_OWNERS)
    with snapshot(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (exported,) = cursor.fetchone()
        facts = held()
        tools.run(
            "pg_dump",
            "--format=custom",
            *OF_NOBODY,
            f"--snapshot={exported}",
            f"--file={draft}",
            *LEFT_OUT,
        )
    return facts


def held() -> dict[str, Any]:
    """What the bank holds, as a manifest tells it."""
    newest = Seal.objects.order_by("-pk").first()
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "transactions": Transaction.objects.count(),
        "seal": bytes(newest.digest).hex() if newest else "",
        "migrations": sorted(f"{app}.{name}" for app, name in applied),
        "postgres": tools.server_major(),
    }


def check(file: Path) -> Manifest:
    """Reads the manifest and compares the file with it. Raises BackupRefused, naming the file."""
    try:
        if not file.is_file():
            raise BackupRefused(f"There is no file {file}.")
        if not file.stat().st_size:
            raise BackupRefused(EMPTY.format(file=file))
        digest = digest_of(file)
    except OSError as error:
        raise BackupRefused(
            f"{file} cannot be read: {error.strerror}. Put it where the account that runs this may"
            " read it."
        ) from error
    manifest = Manifest.of(file)
    if digest != manifest.sha256:
        raise BackupRefused(f"{file} is damaged: its bytes are not those that were written.")
    return manifest


def load(file: Path) -> Manifest:
    """Restores a checked backup into an empty database, all of it or nothing.

    Raises BackupRefused for a damaged file, one of a newer Ledger or of older code, and a database
    that has tables.
    """
    manifest = check(file)
    if is_older(manifest.migrations):
        raise BackupRefused(OLDER.format(file=file))
    known = set(known_migrations())
    if newer := [name for name in manifest.migrations if name not in known]:
        raise BackupRefused(NEWER.format(file=file, names=", ".join(newer)))
    _check_session()
    if tables := connection.introspection.table_names():
        raise BackupRefused(
            f"The database {connection.settings_dict['NAME']} is not empty: it has the table"
            f" {tables[0]}. A restore goes into a new database alone: DB_NAME or DATABASE_URL names"
            " one, LEDGER_DATA_DIR the folder of a new embedded server."
        )
    try:
        _restore(file)
    except (tools.ProgramFailed, tools.NoProgram) as error:
        raise BackupRefused(
            f"{file} was not restored, and nothing is left of it: {error}"
        ) from error
    return manifest


def _restore(file: Path) -> None:
    """Runs pg_restore with what is the bank's own in the file. Raises ProgramFailed, NoProgram."""
    with NamedTemporaryFile("w", prefix="ledger-restore-", encoding="utf-8") as entries:
        entries.write(of_the_bank(tools.contents(file)))
        entries.flush()
        tools.run(
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            f"--use-list={entries.name}",
            *OF_NOBODY,
            str(file),
        )


def differences(manifest: Manifest) -> list[str]:
    """Sentences about what this bank holds otherwise than the one that was backed up."""
    now = held()
    found = []
    if now["transactions"] != manifest.transactions:
        found.append(
            f"The backup was of {manifest.transactions} transactions; here are"
            f" {now['transactions']}."
        )
    if now["seal"] != manifest.seal:
        found.append("The newest seal is not that of the bank that was backed up.")
    return found


def digest_of(file: Path) -> str:
    """SHA-256, as sha256sum prints it."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            found.update(piece)
    return found.hexdigest()
