"""Checks of the database: whether it is prepared, which rights the roles have, whether commits are
durable, and when scheduled jobs and backups last ran.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections

from ledger.checks.explorer_role import explorer_role
from ledger.checks.extensions import extensions
from ledger.checks.messages import weak, wrong
from ledger.checks.worker_role import auditor_role, worker_role
from ledger.db.apps import is_of_ledger
from ledger.db.history import signed_facts
from ledger.db.outages.probe import short_connection, unapplied_migrations
from ledger.db.rights import row_security
from ledger.db.server import pooler, zones
from ledger.db.server.embedded import embedded_server
from ledger.jobs import records
from ledger.jobs.schedule import BACKUP

SECONDS = 5
SECONDS_OF_A_PLAIN_CHECK = 2  # the shortest connection timeout of psycopg
VERSIONS = range(15, 19)  # docs/versions.md
Connection = psycopg.Connection[Any]
# Settings that may lose committed rows after a power cut, or after a failover to a standby. If the
# wait for the standby is cancelled, Postgres only sends a warning. Therefore a setting that hides
# this warning is included.
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
# Settings with which the server writes SQL statements or values of rows into its log
# (docs/security.md).
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
# Tables with disabled triggers. An erasure disables some triggers inside its transaction, which is
# not visible here.
LIFTED = """
    SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE tgenabled IN ('D', 'R') AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
# Shows whether WAL segments are archived, and whether the last segment was archived within a day.
ARCHIVE = """
    SELECT to_regproc('aurora_version') IS NOT NULL,
           current_setting('archive_mode') <> 'off',
           coalesce(last_archived_time > now() - interval '1 day', false),
           coalesce(last_failed_time > last_archived_time, false)
    FROM pg_stat_archiver
"""


def check_database(**_options: Any) -> list[CheckMessage]:
    """Returns the messages of all database checks. If the database cannot be reached, or if
    migrations are missing, returns only one message about this problem.
    """
    try:
        with short_connection(SECONDS) as found:
            if missing := unapplied_migrations(found):
                return [_unmigrated(missing)]
            messages = [message for check in CHECKS for message in check(found)]
        return [*messages, *late_jobs(), *backups()]
    except (OperationalError, DatabaseError) as error:
        return [_away(error)]


def check_reachable(
    *, databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """Returns a message for each database in `databases` that cannot be reached."""
    messages = []
    for alias in databases or ():
        database = connections[alias]
        try:
            if not is_of_ledger(database.settings_dict):
                database.ensure_connection()
                continue
            with short_connection(SECONDS, alias):
                pass
        except OperationalError as error:
            messages.append(_away(error, alias))
    return messages


def _away(error: DatabaseError, alias: str = DEFAULT_DB_ALIAS) -> CheckMessage:
    setting = "DATABASE_URL" if alias == DEFAULT_DB_ALIAS else "DATABASE_REPLICA_URLS"
    if not is_of_ledger(connections[alias].settings_dict):
        setting = f'DATABASES["{alias}"]'
    return wrong(
        "database_away",
        str(error).strip().partition("\n")[0],
        f"Start it, or correct {setting} (reasons: docs/databases.md)."
        " The checks of the database did not run.",
    )


def check_running_database(**_options: Any) -> list[CheckMessage]:
    """Checks the extensions and the time zone of the database for `manage.py check` without
    options. Does not start the embedded server.

    Returns no message if the database cannot be reached, because other commands report this
    problem.
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
        "Run manage.py prepare as the owner of the tables, then this command again.",
    )


def prepared(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message for each problem that makes `/readyz` fail."""
    for problem_with in (
        row_security.problem_with,
        signed_facts.problem_with,
        pooler.problem_with,
    ):
        if problem := problem_with(found):
            yield wrong("not_ready", problem, "Until then, /readyz answers 503.")


def roles(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message for each right that the web role must not have. Yields one message if the
    role does not exist.
    """
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
        (bypasses and not is_super, "bypasses row-level security"),
        (makes_roles and not is_super, "can create roles"),
        (writes and not (owns or is_super), "can delete payments or write balances"),
    ]
    for applies, what in may:
        if applies:
            yield wrong(
                "web_role",
                f"The role {name} of web processes {what}. Injected SQL would have the same power.",
                "Let them sign in as a role with the rights of docs/rights.md: manage.py"
                " create_roles makes it, and migrate grants its rights.",
            )


def triggers(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message if triggers are switched off, for example by an attacker who controls a
    worker.
    """
    lifted = [table for (table,) in found.execute(LIFTED).fetchall()]
    if lifted:
        yield wrong(
            "triggers",
            f"Triggers of {', '.join(lifted)} are off, so nothing protects their rows.",
            "Find out who switched them off, then switch them on again as the owner:"
            " ALTER TABLE ... ENABLE TRIGGER ALL. migrate does this for those that an"
            " erasure switches off.",
        )


def durability(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message if settings of the server could lose committed payments."""
    losing = [what for (what,) in found.execute(LOSING).fetchall()]
    if losing:
        yield wrong(
            "durability",
            f"{', '.join(losing)}: acknowledged payments may be lost after a crash or failover.",
            "Turn each on in the server's configuration, and on the roles; set"
            " client_min_messages to warning or lower.",
        )


def server_log(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message if Postgres logs names, texts and amounts of customers."""
    talkative = [what for (what,) in found.execute(TALKATIVE).fetchall()]
    if talkative:
        yield wrong(
            "server_log",
            f"{', '.join(talkative)}: Postgres writes statements and values of rows into its own"
            " log, with names, addresses and amounts.",
            "Set them in the server's configuration (docs/security.md#postgress-own-log).",
        )


def version(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message if Ledger was not tested with this version of Postgres."""
    major = found.info.server_version // 10_000
    if major not in VERSIONS:
        yield weak(
            "postgres_version",
            f"The server is Postgres {major}; Ledger is tested with {VERSIONS[0]} to"
            f" {VERSIONS[-1]}.",
            "Use one of these (docs/versions.md).",
        )


def time_zone(found: Connection) -> Iterator[CheckMessage]:
    """Yields a message if this computer and the server have different rules for the bank's time
    zone.
    """
    if settings.DATABASES[DEFAULT_DB_ALIAS].get("TIME_ZONE"):
        return  # check_options reports this; the rules cannot be compared
    if problem := zones.problem_with_zone(found):
        yield wrong("time_zone", problem, "On Debian, apt upgrade brings the newest tzdata.")


def late_jobs() -> Iterator[CheckMessage]:
    """Yields a message for each scheduled job that is late. A job that failed but is not late has
    no message, because it will run again.
    """
    for job in records.status_of():
        if not job.is_late:
            continue
        state = f"was last done at {_minute(job.done_at)}" if job.done_at else "was never done"
        do = "Run manage.py work, or cron, with the worker's login (docs/running.md)."
        if _failed_since(job):
            state += f", and failed at {_minute(job.failed_at)} ({job.error})"
            do = "The log of manage.py work contains the reason."
        yield weak(f"job.{job.name}", f"The scheduled job {job.name} {state}.", do)


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def backups() -> Iterator[CheckMessage]:
    """Yields a message if archiving the WAL fails. Also yields a message if there is neither a WAL
    archive nor a recent `manage.py backup`. Yields nothing on Aurora, because its storage keeps the
    log.
    """
    with short_connection(SECONDS) as found:
        row = found.execute(ARCHIVE).fetchone()
    is_aurora, archives, is_recent, fails = row or (False, False, False, False)
    if is_aurora:  # Aurora's storage keeps the log, and SQL cannot show this
        return
    if archives and fails:
        yield wrong(
            "archive",
            "The server cannot archive its WAL: its last try failed.",
            "Its log contains the reason. Until this is corrected, the server cannot be restored to"
            " a point in time, and its disk fills up.",
        )
    (backup,) = records.status_of([BACKUP])
    if backup.is_late and not (archives and is_recent and not fails):
        yield weak(
            "backup",
            "No backup is known: the server does not archive its WAL, and manage.py backup has not"
            f" run for {BACKUP.every / timedelta(hours=1):.0f} hours.",
            "Set up one of them (docs/backups.md).",
        )


def _failed_since(job: records.JobStatus) -> bool:
    return job.failed_at is not None and (job.done_at is None or job.failed_at > job.done_at)


CHECKS = (
    prepared, extensions, roles, worker_role, auditor_role, explorer_role, triggers, durability,
    server_log, version, time_zone,
)  # fmt: skip
