"""What the database tells: whether it is prepared, who may do what, whether commits stay, and when
scheduled work and backups were last done. One connection, as the login of the settings.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DatabaseError, OperationalError

from ledger.checks.explorer_role import explorer_role
from ledger.checks.extensions import extensions
from ledger.checks.messages import weak, wrong
from ledger.checks.worker_role import auditor_role, worker_role
from ledger.db.history import signed_facts
from ledger.db.outages.probe import short_connection, unapplied_migrations
from ledger.db.rights import row_security
from ledger.db.server import pooler, zones
from ledger.db.server.embedded import embedded_server
from ledger.jobs import records
from ledger.jobs.schedule import BACKUP

SECONDS = 5
SECONDS_OF_A_PLAIN_CHECK = 2  # the least that psycopg waits
VERSIONS = range(15, 19)  # docs/versions.md
Connection = psycopg.Connection[Any]
# By these, what was committed may be gone after a power cut, or, where a standby should have it
# first, after a failover: a wait for it that was cancelled is known by its warning alone.
LOSING = """
    SELECT name || ' is ' || setting FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
        OR (name = 'synchronous_commit' AND setting NOT IN ('on', 'remote_apply')
            OR name = 'client_min_messages' AND setting IN ('error', 'fatal', 'panic'))
        AND EXISTS (
            SELECT FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting <> '')
    ORDER BY name
"""
ROLE = """
    SELECT rolsuper, rolbypassrls, rolcreaterole,
           pg_has_role(oid, (SELECT relowner FROM pg_class WHERE oid = 'transactions'::regclass),
                       'MEMBER'),
           has_table_privilege(oid, 'transactions', 'DELETE, TRUNCATE')
             OR has_column_privilege(oid, 'accounts', 'balance', 'UPDATE')
    FROM pg_roles WHERE rolname = %s
"""
# What writes statements or values of rows into the server's log (docs/security.md).
TALKATIVE = """
    SELECT name || ' is ' || setting FROM pg_settings
    WHERE CASE name
        WHEN 'log_error_verbosity' THEN setting <> 'terse'
        WHEN 'log_min_error_statement' THEN setting <> 'panic'
        WHEN 'log_parameter_max_length' THEN setting <> '0'
        WHEN 'log_parameter_max_length_on_error' THEN setting <> '0'
        WHEN 'log_statement' THEN setting NOT IN ('none', 'ddl')
        WHEN 'log_min_duration_statement' THEN setting <> '-1'
        WHEN 'log_min_duration_sample' THEN setting <> '-1'
        WHEN 'log_transaction_sample_rate' THEN setting <> '0'
        WHEN 'auto_explain.log_min_duration' THEN setting <> '-1'
        ELSE false END
    ORDER BY name
"""
# Tables with triggers that do not run. An erasure lifts some within its transaction, unseen.
LIFTED = """
    SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE tgenabled IN ('D', 'R') AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
# Whether segments of the WAL are copied away, the last of them within a day.
ARCHIVE = """
    SELECT to_regproc('aurora_version') IS NOT NULL,
           current_setting('archive_mode') <> 'off',
           coalesce(last_archived_time > now() - interval '1 day', false),
           coalesce(last_failed_time > last_archived_time, false)
    FROM pg_stat_archiver
"""


def check_database(**_options: Any) -> list[CheckMessage]:
    """Everything that the database tells, in one go; one message if it cannot be reached."""
    try:
        with short_connection(SECONDS) as found:
            if missing := unapplied_migrations(found):
                return [_unmigrated(missing)]
            told = [message for check in CHECKS for message in check(found)]
        return [*told, *late_jobs(), *backups()]
    except (OperationalError, DatabaseError) as error:
        return [
            wrong(
                "database_away",
                str(error).strip().partition("\n")[0],
                "Start it, or mend DATABASE_URL; what the database tells was not checked.",
            )
        ]


def check_running_database(**_options: Any) -> list[CheckMessage]:
    """Extensions and time zone for a plain `check`, which does not start the embedded server.
    Nothing of a database that cannot be reached, because the command that needs it will tell.
    """
    if (server := embedded_server()) and not server.is_running():
        return []
    try:
        with short_connection(SECONDS_OF_A_PLAIN_CHECK) as found:
            return [*extensions(found), *time_zone(found)]
    except OperationalError:
        return []


def _unmigrated(missing: list[str]) -> CheckMessage:
    return wrong(
        "migrations",
        f"Migrations are not applied ({len(missing)}), the first is {missing[0]}.",
        "Run manage.py prepare as the owner of the tables, then this again.",
    )


def prepared(found: Connection) -> Iterator[CheckMessage]:
    """What `/readyz` would refuse."""
    for problem_with in (
        row_security.problem_with,
        signed_facts.problem_with,
        pooler.problem_with,
    ):
        if problem := problem_with(found):
            yield wrong("not_ready", problem, "Until then, /readyz answers 503.")


def roles(found: Connection) -> Iterator[CheckMessage]:
    """What the role of web processes could do that it must not."""
    is_web = settings.LEDGER_ROLE == "web"
    name = found.info.user if is_web else settings.LEDGER_WEB_ROLE
    row = found.execute(ROLE, [name]).fetchone()
    if row is None:
        yield weak(
            "web_role",
            f"There is no role {name}, so web processes are the owner of the tables and could"
            " change every balance.",
            "Run manage.py create_roles and migrate, and let web processes sign in as that role"
            " (docs/rights.md).",
        )
        return
    is_super, bypasses, makes_roles, owns, writes = row
    may = [
        (is_super, "is a superuser"),
        (owns and not is_super, "owns the tables"),
        (bypasses and not is_super, "passes row-level security"),
        (makes_roles and not is_super, "makes roles"),
        (writes and not (owns or is_super), "deletes payments or writes balances"),
    ]
    for is_so, what in may:
        if is_so:
            yield wrong(
                "web_role",
                f"The role {name} of web processes {what}, so injected SQL could, too.",
                "Let them sign in as a role with the rights of docs/rights.md: manage.py"
                " create_roles makes it, and migrate grants its rights.",
            )


def triggers(found: Connection) -> Iterator[CheckMessage]:
    """Tables whose rules somebody has switched off, such as whoever took over a worker."""
    lifted = [table for (table,) in found.execute(LIFTED).fetchall()]
    if lifted:
        yield wrong(
            "triggers",
            f"Triggers of {', '.join(lifted)} are off, so their rows can be changed unseen.",
            "Find out who switched them off, then switch them on again as the owner:"
            " ALTER TABLE ... ENABLE TRIGGER ALL. migrate does it for those that an erasure lifts.",
        )


def durability(found: Connection) -> Iterator[CheckMessage]:
    """Settings of the server that let committed payments go."""
    losing = [what for (what,) in found.execute(LOSING).fetchall()]
    if losing:
        yield wrong(
            "durability",
            f"{', '.join(losing)}: payments that were acknowledged may be gone after a crash or"
            " failover.",
            "Turn each on in the server's configuration, and on the roles; the level of"
            " client_min_messages has to be warning or lower.",
        )


def server_log(found: Connection) -> Iterator[CheckMessage]:
    """Settings by which Postgres's own log keeps what people are called, typed and own."""
    talkative = [what for (what,) in found.execute(TALKATIVE).fetchall()]
    if talkative:
        yield wrong(
            "server_log",
            f"{', '.join(talkative)}: Postgres writes statements and values of rows into its own"
            " log, with names, addresses and amounts.",
            "Set them in the server's configuration (docs/security.md#postgress-own-log).",
        )


def version(found: Connection) -> Iterator[CheckMessage]:
    """A version of Postgres that Ledger is not tested with."""
    major = found.info.server_version // 10_000
    if major not in VERSIONS:
        yield weak(
            "postgres_version",
            f"The server is Postgres {major}; Ledger is tested with {VERSIONS[0]} to"
            f" {VERSIONS[-1]}.",
            "Take one of these (docs/versions.md).",
        )


def time_zone(found: Connection) -> Iterator[CheckMessage]:
    """A zone whose rules differ between this machine and the server."""
    if problem := zones.problem_with_zone(found):
        yield wrong("time_zone", problem, "On Debian, apt upgrade brings the newest tzdata.")


def late_jobs() -> Iterator[CheckMessage]:
    """Jobs that nobody does. Those that fail in time are tried again."""
    for job in records.status_of():
        if not job.is_late:
            continue
        said = f"was last done at {_minute(job.done_at)}" if job.done_at else "was never done"
        do = "Run manage.py work, or cron, as the owner of the tables (docs/running.md)."
        if _failed_since(job):
            said += f", and failed at {_minute(job.failed_at)} ({job.error})"
            do = "The log of manage.py work says why."
        yield weak(f"job.{job.name}", f"The scheduled job {job.name} {said}.", do)


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def backups() -> Iterator[CheckMessage]:
    """No WAL archive that works, and no backup of `manage.py backup` within its time."""
    with short_connection(SECONDS) as found:
        row = found.execute(ARCHIVE).fetchone()
    is_aurora, archives, is_recent, fails = row or (False, False, False, False)
    if is_aurora:  # its storage keeps what is needed, and tells nothing of it in SQL
        return
    if archives and fails:
        yield wrong(
            "archive",
            "The server cannot archive its WAL: its last try failed.",
            "Its log says why. Until then it cannot be brought back to any moment, and its disk"
            " fills.",
        )
    (backup,) = records.status_of([BACKUP])
    if backup.is_late and not (archives and is_recent and not fails):
        yield weak(
            "backup",
            "No backup is known: the server archives no WAL, and manage.py backup was not run for"
            f" {BACKUP.every / timedelta(hours=1):.0f} hours.",
            "Set up one of them (docs/backups.md).",
        )


def _failed_since(job: records.JobStatus) -> bool:
    return job.failed_at is not None and (job.done_at is None or job.failed_at > job.done_at)


CHECKS = (
    prepared, extensions, roles, worker_role, auditor_role, explorer_role, triggers, durability,
    server_log, version, time_zone,
)  # fmt: skip
