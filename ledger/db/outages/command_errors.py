"""Converts a database error that ends a command to one message. The message contains the host, the
cause and what to do.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    connection,
)
from django.db.migrations.exceptions import MigrationSchemaMissing

from ledger.db.outages.probe import short_connection, unapplied_migrations
from ledger.db.outages.reasons import Reason, error_of_psycopg, for_people, in_words, reason_of
from ledger.db.outages.refused_logins import NO_RIGHT, message_for_refusal
from ledger.db.outages.waiting import without_tables
from ledger.db.retry import sqlstate
from ledger.db.server.credentials import NoLogin
from ledger.db.server.embedded import EmbeddedServerError
from ledger.db.server.failed_servers import (
    FailedServer,
    failed_servers_of,
    is_not_opened,
    names_of,
)

NO_TABLE = "42P01"
SECONDS = 5  # time limit in seconds for the search for missing migrations
REPLICAS = "DATABASE_REPLICA_URLS"
CHECK_LOGIN = "Correct user and password in DATABASE_URL, or in DB_USER and DB_PASSWORD."
CHECK_IAM = (
    "The server refuses the token of IAM. Run manage.py create_roles if the role is missing, and"
    " GRANT rds_iam TO {user} as the administrator. Turn on IAM authentication of the instance."
    " Allow rds-db:connect to the AWS identity of this process. DB_IAM_REGION must be the region of"
    " the instance, and the host in DATABASE_URL or DB_HOST its endpoint."
)
CHECK_ROTATION = (
    "The secret of DB_SECRET_ID does not contain the current password of its role. Rotate the"
    " secret, or give the role the password of the secret."
)
CHECK_NETWORK = (
    "Check host and port in DATABASE_URL or DB_HOST, and whether the firewall or the security"
    " group admits this computer."
)
CHECK_SERVER = "Check host and port in DATABASE_URL or DB_HOST, and whether the server runs."
REMEDIES = {
    Reason.NAME: "Correct the host in DATABASE_URL or DB_HOST.",
    Reason.REFUSED: CHECK_SERVER,
    Reason.NO_SOCKET: CHECK_SERVER,
    Reason.TIMEOUT: CHECK_NETWORK,
    Reason.UNREACHABLE: CHECK_NETWORK,
    Reason.PASSWORD: CHECK_LOGIN,
    Reason.NO_ROLE: CHECK_LOGIN,
    Reason.NOT_ADMITTED: (
        "The server does not admit this login: see its pg_hba.conf and CONNECT on the database; if"
        " it asks for TLS, write sslmode=verify-full and sslrootcert=FILE."
    ),
    Reason.OS_USER: (
        "The pg_hba.conf of the server admits this role only to the user of the operating system"
        " with the same name. Run the command as this user; or set DB_HOST=localhost and"
        " DB_PASSWORD, and allow scram-sha-256 for this host in pg_hba.conf."
    ),
    Reason.NO_DATABASE: (
        "manage.py create_roles, run as an administrator, creates the database for the owner of the"
        " tables; manage.py createdb creates the database for this login."
    ),
    Reason.TOO_MANY: (
        "The server has no free connection for this login. Stop programs that keep connections, use"
        " a pool for web processes (DB_POOL), or raise max_connections, the CONNECTION LIMIT of the"
        " role or database, or a pooler's max_client_conn (docs/runbook.md,"
        " LedgerConnectionsNearlyUsedUp)."
    ),
    Reason.STANDBY: "Name the primary in DATABASE_URL or DB_HOST.",
    Reason.NO_REPLICA: (
        "This server takes writes. Name a standby in DATABASE_REPLICA_URLS, or add"
        " target_session_attrs=any to its URL if it is a pooler in front of the standby."
    ),
    Reason.TLS: "docs/databases.md describes sslmode and sslrootcert.",
    Reason.NO_LOGIN: (
        "Provide credentials of AWS, such as AWS_PROFILE or the role of the machine"
        " (docs/databases.md)."
    ),
}
# Reasons for a failure that can be solved by `manage.py prepare`, if the login is not the owner: it
# creates the roles, rights and tables. A server that requires a password also reports a wrong
# password if the role does not exist.
LOGIN_LACKS = frozenset({Reason.NO_ROLE, Reason.PASSWORD})
RIGHTS_LACK = frozenset({Reason.NO_RIGHT, Reason.NO_TABLE})
MAKE_LOGIN = (
    "Correct DB_USER and DB_PASSWORD; if the role is missing, run manage.py create_roles as an"
    " administrator, then manage.py prepare as the owner of the tables (docs/rights.md)."
)
PREPARE = "Run manage.py prepare first, as the owner of the tables."
PREPARE_EMBEDDED = "Run manage.py prepare first, which creates roles, tables and rights."
NOT_OWNED = (
    "The login {user} may not create tables in the database {name}: {cause}. The database must"
    " belong to the login; its owner or a superuser runs ALTER DATABASE {name} OWNER TO {user}"
    " (docs/running.md)."
)


def message_for(error: Exception) -> str | None:
    """Returns the message with which the command ends, or None if the error is a bug in the
    command.
    """
    if isinstance(error.__cause__, EmbeddedServerError):
        return str(error)
    if isinstance(error, MigrationSchemaMissing):
        return _without_right_to_create(error)
    cause = error_of_psycopg(error)
    if isinstance(cause, psycopg.OperationalError):
        return _unreachable(error, cause)
    if not isinstance(cause, psycopg.ProgrammingError | psycopg.IntegrityError):
        return None
    return _without_table(error) if sqlstate(error) == NO_TABLE else message_for_refusal(error)


def why_no_work(error: BaseException) -> str:
    """Returns the reason why the database cannot be used. If a role, right or table is missing, the
    text also contains the command that creates it.
    """
    cause = error_of_psycopg(error)
    failed = failed_servers_of(cause) if cause else ()
    found = (_about_login_of_aws(each) or _to_prepare(reason_of(each)) for each in failed)
    return ". ".join([in_words(error), *filter(None, dict.fromkeys(found))])


def _about_login_of_aws(failed: FailedServer) -> str:
    """Returns what to do if the server refused a login that AWS provided. Otherwise returns ""."""
    if reason_of(failed) is not Reason.PASSWORD:
        return ""
    databases = settings.DATABASES
    found = next(
        (each for each in databases.values() if failed.server in _servers_of(each)),
        databases[DEFAULT_DB_ALIAS],
    )
    if not (login := found.get("LEDGER_CREDENTIALS")):
        return ""
    return CHECK_ROTATION if "secret" in login else CHECK_IAM.format(user=found["USER"])


def _to_prepare(reason: Reason) -> str:
    if settings.LEDGER_ROLE == "owner" or reason not in LOGIN_LACKS | RIGHTS_LACK:
        return ""
    if settings.LEDGER_EMBEDDED:
        return PREPARE_EMBEDDED
    return MAKE_LOGIN if reason in LOGIN_LACKS else PREPARE


def _without_table(error: Exception) -> str:
    """Returns the message for an unknown table. Either migrations are missing, or the user typed a
    wrong table name.
    """
    with suppress(DatabaseError, psycopg.Error), short_connection(SECONDS) as found:
        if not unapplied_migrations(found):
            cause = str(error_of_psycopg(error) or error).partition("\n")[0]
            return f"{cause[:1].upper()}{cause[1:]}. docs/columns.md lists the tables and columns."
    return without_tables()


def _without_right_to_create(error: MigrationSchemaMissing) -> str | None:
    """Returns the message for a MigrationSchemaMissing, or None if the error is a bug. Django
    raises this exception for every error of the first CREATE TABLE, so the real error is its
    `__context__`.
    """
    refusal = error.__context__
    if not isinstance(refusal, DatabaseError):
        return None
    if sqlstate(refusal) != NO_RIGHT:
        return message_for(refusal)
    server = connection.settings_dict
    cause = str(refusal.__cause__).partition("\n")[0]
    user = server["USER"] or "of the settings"
    return NOT_OWNED.format(user=user, name=server["NAME"], cause=cause)


def _unreachable(error: Exception, cause: psycopg.OperationalError) -> str | None:
    if cause.sqlstate is not None and not is_not_opened(cause) and not isinstance(cause, NoLogin):
        return None
    failed, text = failed_servers_of(cause), for_people(error).rstrip(".")
    server = failed[0].server
    if server and server.rpartition(":")[0] not in text:
        text = f"{server}: {text}"
    found = (_about_login_of_aws(each) or _remedy(reason_of(each)) for each in failed)
    if server in _servers_of_replicas():
        found = (remedy.replace("DATABASE_URL or DB_HOST", REPLICAS) for remedy in found)
    remedies = filter(None, dict.fromkeys(found))
    return " ".join([f"The database cannot be reached: {text}.", *remedies])


def _remedy(reason: Reason) -> str:
    return _to_prepare(reason) or REMEDIES.get(reason, "")


def _servers_of_replicas() -> set[str]:
    """Returns the servers of the replicas, except servers of the default database."""
    servers = {alias: _servers_of(found) for alias, found in settings.DATABASES.items()}
    own = servers.pop(DEFAULT_DB_ALIAS, set())
    return set[str]().union(*servers.values()) - own


def _servers_of(database: Mapping[str, Any]) -> set[str]:
    """Returns the names of the servers of a database in DATABASES."""
    hosts = str(database.get("HOST") or "")
    return set(names_of(hosts.split(","), database["PORT"])) if hosts else set()
