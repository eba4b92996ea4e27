"""Writes and restores backups. A backup consists of the file that pg_dump wrote, and a manifest
that describes the contents of this file.

The manifest contains the file's digest, so that a damaged file is refused before anything is
restored from it. It also contains facts about the bank at the time of the backup, so that a
restored bank can be compared with them.
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

from ledger.backups.contents import bank_entries
from ledger.db.migrating.older import HOW_TO_MOVE, is_older
from ledger.db.outages.probe import known_migrations
from ledger.db.outages.refused_logins import not_by_this_login
from ledger.db.rights.table_owner import problem_with_login
from ledger.db.server import pooler, tools
from ledger.db.snapshot import snapshot
from transactions.models import Seal, Transaction

FORMAT = 1
PIECE = 1 << 20  # bytes
# Schemas that a backup does not contain, because `manage.py prepare` creates them again: the
# practice bank of the cookbook, and the views that filter the tables for row-level security.
LEFT_OUT = ("--exclude-schema=practice*", "--exclude-schema=ledger_web")
# The role that runs the restore becomes the owner of the tables, and `migrate` grants the rights.
WITHOUT_OWNER = ("--no-owner", "--no-acl")
ITS_OWNERS = 0o600  # only the file's owner may read a backup, because it contains everything
EXISTS = "{file} exists; a backup never overwrites one."
NEWER = (
    "{file} was made by another version of Ledger, probably a newer one, and nothing was restored."
    " This version lacks {names}. Install the version that made the backup, or a later one, with"
    " the same added apps, and restore with that version."
)
OLDER = (
    "{file} was made by older code, and nothing was restored. Restore it with the code that made"
    f" it, into a separate database; {HOW_TO_MOVE}."
)
EMPTY = "{file} is empty: the backup stopped before it was complete."


class BackupRefused(Exception):
    """An error that is raised when a backup or restore was refused and changed nothing. The message
    contains the reason.
    """


@dataclass(frozen=True)
class Manifest:
    """The contents of the manifest of a backup. `seal` is the digest of the newest seal, or "" if
    there are no seals.
    """

    sha256: str
    transactions: int
    seal: str
    migrations: list[str]
    postgres: int
    format: int = FORMAT

    @classmethod
    def of(cls, file: Path) -> Self:
        """Returns the manifest of the backup `file`.

        Raises BackupRefused if the manifest is missing, damaged or of another format.
        """
        manifest_file = path_of(file)
        try:
            found = json.loads(manifest_file.read_text())
            manifest = cls(**{field.name: found[field.name] for field in fields(cls)})
        except FileNotFoundError:
            raise BackupRefused(
                f"{manifest_file} is missing, so nobody can check whether {file} is complete."
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise BackupRefused(f"{manifest_file} cannot be read: it is damaged.") from None
        if manifest.format != FORMAT:
            raise BackupRefused(
                f"{manifest_file} has another format, probably that of a newer Ledger."
            )
        return manifest


def path_of(file: Path) -> Path:
    """Returns the path of the manifest for the backup `file`."""
    return file.with_name(file.name + ".manifest")


def _check_session() -> None:
    """Raises BackupRefused if there is a pooler between Ledger and the server."""
    if not pooler.keeps_sessions():
        raise BackupRefused(
            "There is a pooler in front of the server, which would pass the settings of pg_dump"
            " and pg_restore on to other clients. Connect to the server directly."
        )


def _check_login() -> None:
    """Raises BackupRefused if the current login is the web role or the worker's role. These roles
    cannot read every table.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (login,) = cursor.fetchone()
    if login in (settings.LEDGER_WEB_ROLE, settings.LEDGER_WORKER_ROLE):
        raise BackupRefused(not_by_this_login())


def write(file: Path) -> Manifest:
    """Writes a backup of the whole bank and its manifest, and returns the manifest. The bank can be
    used at the same time. The backup and the manifest contain the same state of the bank.

    Raises BackupRefused if one of the two files exists, if a pooler is in front of the server, if
    the login cannot read every table, or if pg_dump fails. In these cases, nothing is written.
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
    except FileExistsError as error:  # somebody created the file after the check
        raise BackupRefused(EXISTS.format(file=error.filename)) from error
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written: {error.strerror}.") from error


def _write(file: Path, own: Path) -> Manifest:
    """Writes the backup and its manifest into the folder `own`, which only this run uses. When both
    are complete, moves them to their final paths.
    """
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
    """Moves the complete file `draft` to its final name in one step. Uses a hard link, because
    renaming would overwrite an existing file. If the file system has no hard links, `file` is empty
    for a moment.

    Raises FileExistsError if `file` exists.
    """
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    try:
        file.hardlink_to(draft)
    except OSError:  # also if the name exists
        file.touch(mode=ITS_OWNERS, exist_ok=False)
        undo.callback(file.unlink, missing_ok=True)
        draft.rename(file)
    else:
        undo.callback(file.unlink, missing_ok=True)


def check_free(file: Path) -> None:
    """Raises BackupRefused if the backup or its manifest exists already, or if the folder does not
    exist.
    """
    try:
        for there in (file, path_of(file)):
            if there.exists():
                raise BackupRefused(EXISTS.format(file=there))
        if not file.parent.is_dir():
            raise BackupRefused(f"There is no folder {file.parent}.")
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written: {error.strerror}.") from error


def _dump(draft: Path) -> dict[str, Any]:
    """Runs pg_dump in the snapshot of an open transaction. Returns the values for the manifest,
    read from the same snapshot.
    """
    draft.touch(mode=ITS_OWNERS)
    with snapshot(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (exported,) = cursor.fetchone()
        facts = held()
        tools.run(
            "pg_dump",
            "--format=custom",
            *WITHOUT_OWNER,
            f"--snapshot={exported}",
            f"--file={draft}",
            *LEFT_OUT,
        )
    return facts


def held() -> dict[str, Any]:
    """Returns the values about this bank for the manifest of a backup, such as the number of
    transactions.
    """
    newest = Seal.objects.order_by("-pk").first()
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "transactions": Transaction.objects.count(),
        "seal": bytes(newest.digest).hex() if newest else "",
        "migrations": sorted(f"{app}.{name}" for app, name in applied),
        "postgres": tools.server_major(),
    }


def check(file: Path) -> Manifest:
    """Returns the manifest of the backup, after comparing the file with the digest in the manifest.

    Raises BackupRefused, with the file's name, if the file is missing or damaged.
    """
    try:
        if not file.is_file():
            raise BackupRefused(f"There is no file {file}.")
        if not file.stat().st_size:
            raise BackupRefused(EMPTY.format(file=file))
        digest = digest_of(file)
    except OSError as error:
        raise BackupRefused(
            f"{file} cannot be read: {error.strerror}. Put it where the account that runs this"
            " command may read it."
        ) from error
    manifest = Manifest.of(file)
    if digest != manifest.sha256:
        raise BackupRefused(f"{file} is damaged: its contents have changed since it was written.")
    return manifest


def load(file: Path) -> Manifest:
    """Restores a checked backup into an empty database and returns its manifest. If there is an
    error, the database stays empty.

    Raises BackupRefused in these cases:

    - The file is damaged, or pg_restore fails.
    - The backup is from newer code, or from code before the current migrations.
    - A pooler is in front of the server.
    - The database has tables, or this login must not create the tables.
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
            f" {tables[0]}. A restore needs a new database. Name one in DB_NAME or DATABASE_URL,"
            " or the folder of a new embedded server in LEDGER_DATA_DIR."
        )
    if problem := problem_with_login(connection):
        raise BackupRefused(problem)
    try:
        _restore(file)
    except (tools.ProgramFailed, tools.NoProgram) as error:
        raise BackupRefused(
            f"{file} was not restored, and the database is still empty: {error}"
        ) from error
    return manifest


def _restore(file: Path) -> None:
    """Restores with pg_restore the entries of the file that `bank_entries` selects.

    Raises ProgramFailed or NoProgram.
    """
    with NamedTemporaryFile("w", prefix="ledger-restore-", encoding="utf-8") as entries:
        entries.write(bank_entries(tools.contents(file)))
        entries.flush()
        tools.run(
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            f"--use-list={entries.name}",
            *WITHOUT_OWNER,
            str(file),
        )


def differences(manifest: Manifest) -> list[str]:
    """Returns messages that describe how this bank differs from the bank that was backed up.
    Returns an empty list if there are no differences.
    """
    now = held()
    found = []
    if now["transactions"] != manifest.transactions:
        found.append(
            f"The backup had {manifest.transactions} transactions; this bank has"
            f" {now['transactions']}."
        )
    if now["seal"] != manifest.seal:
        found.append("The newest seal differs from that of the bank that was backed up.")
    return found


def digest_of(file: Path) -> str:
    """Returns the SHA-256 digest of the file in hexadecimal digits, as sha256sum prints it."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            found.update(piece)
    return found.hexdigest()
