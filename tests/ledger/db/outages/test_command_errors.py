"""Commands end with one message where the database cannot be reached or used."""

from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection
from django.db import transaction as db_transaction
from psycopg.errors import ConnectionTimeout, InsufficientPrivilege, QueryCanceled

from ledger.db.outages.command_errors import message_for, why_no_work
from ledger.db.server import failed_servers
from ledger.db.server.credentials import NoLogin
from tests.ledger.processes import assert_one_sentence, free_port, manage
from tests.optional import missing

NOWHERE = "postgresql://u:hidden@bank.invalid/books?sslmode=require"
PLACE = {"host": "bank.example", "port": "5433"}


def error_of_django(cause: psycopg.Error) -> OperationalError:
    """What Django raises, without text, as the settings of Ledger have it."""
    error = OperationalError("(no SQLSTATE)")
    error.__cause__ = cause
    return error


def not_connected(cause: psycopg.Error) -> OperationalError:
    failed_servers.note_connecting(cause, PLACE)
    failed_servers.note_not_opened(cause)
    return error_of_django(cause)


@pytest.mark.parametrize("command", ["migrate", "createdb", "dbshell"])
def test_a_mistyped_host_is_named(command: str, tmp_path: Path) -> None:
    done = manage(tmp_path, command, DATABASE_URL=NOWHERE)
    assert_one_sentence(done, "bank.invalid")
    assert "hidden" not in done.stderr


@pytest.mark.parametrize("driver", ["libpq", "aws"])
def test_missing_credentials_of_aws_are_named(driver: str, tmp_path: Path) -> None:
    if reason := missing("boto3"):
        pytest.skip(reason)
    secret = {"DB_SECRET_ID": "bank", "DB_SECRET_REGION": "eu-west-1", "DB_DRIVER": driver}
    nobody = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    url = f"postgresql://127.0.0.1:{free_port()}/books"
    done = manage(tmp_path, "migrate", DATABASE_URL=url, **secret, **nobody)
    assert_one_sentence(done, "credentials", "127.0.0.1")


@pytest.mark.parametrize(
    ("cause", "remedy"),
    [
        (psycopg.OperationalError("failed to resolve host 'bank.example'"), "host"),
        (psycopg.OperationalError("connection failed: Connection refused"), "server runs"),
        (ConnectionTimeout("connection timeout expired"), "security group"),
        (psycopg.OperationalError("SSL error: certificate verify failed"), "sslrootcert"),
        (psycopg.OperationalError('password authentication failed for user "u"'), "DB_PASSWORD"),
        (psycopg.OperationalError('Peer authentication failed for user "u"'), "DB_HOST=localhost"),
        (psycopg.OperationalError('FATAL:  database "books" does not exist'), "create_roles"),
        (psycopg.OperationalError("server is not in hot standby mode"), "DATABASE_REPLICA_URLS"),
        (psycopg.OperationalError("no pg_hba.conf entry, no encryption"), "sslmode=verify-full"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "DB_POOL"),
        (NoLogin("AWS signs no token for u: Unable to locate credentials"), "AWS_PROFILE"),
    ],
)
def test_each_cause_comes_with_its_server_and_what_to_do(cause: psycopg.Error, remedy: str) -> None:
    message = message_for(not_connected(cause)) or ""
    assert "bank.example" in message
    assert remedy in message.partition(str(cause))[2]


@pytest.mark.parametrize("role", ["owner", "worker"])
@pytest.mark.parametrize(
    ("login", "remedies"),
    [
        (
            {"region": "eu-west-1"},
            ["GRANT rds_iam TO ledger_web", "rds-db:connect", "DB_IAM_REGION", "endpoint"],
        ),
        ({"region": "eu-west-1", "secret": "bank/web"}, ["DB_SECRET_ID"]),
    ],
)
def test_a_refused_login_of_aws_names_no_password_of_the_settings(
    login: dict[str, str], remedies: list[str], role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = {"HOST": "bank.example", "PORT": "5433", "USER": "ledger_web"}
    own = {**database, "HOST": "own.example"}
    databases = {"default": {**database, "LEDGER_CREDENTIALS": login}, "replica1": own}
    monkeypatch.setattr(settings, "DATABASES", databases)
    monkeypatch.setattr(settings, "LEDGER_ROLE", role)
    refusal = 'FATAL:  PAM authentication failed for user "ledger_web"'
    error = not_connected(psycopg.OperationalError(refusal))

    for message in (str(message_for(error)), why_no_work(error)):
        assert "DB_PASSWORD" not in message
        assert all(remedy in message for remedy in remedies), message

    cause = psycopg.OperationalError(refusal)
    failed_servers.note_connecting(cause, {"host": "own.example", "port": "5433"})
    by_password = why_no_work(error_of_django(cause))
    assert not any(remedy in by_password for remedy in remedies)


@pytest.mark.parametrize("is_embedded", [True, False])
@pytest.mark.parametrize(
    "cause",
    [
        psycopg.OperationalError('FATAL:  role "ledger_worker" does not exist'),
        psycopg.OperationalError('password authentication failed for user "ledger_worker"'),
        InsufficientPrivilege("permission denied for table job_records"),
    ],
)
def test_a_worker_that_nothing_was_prepared_for_names_prepare(
    cause: psycopg.Error, is_embedded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = error_of_django(cause)
    monkeypatch.setattr(settings, "LEDGER_EMBEDDED", is_embedded)
    assert "manage.py prepare" not in why_no_work(error)  # the owner prepares
    monkeypatch.setattr(settings, "LEDGER_ROLE", "worker")
    assert "manage.py prepare" in why_no_work(error)
    assert ("create_roles" in why_no_work(error)) == (
        not is_embedded and isinstance(cause, psycopg.OperationalError)
    )


def test_a_login_that_a_program_lacks_is_an_error_of_psycopg() -> None:
    assert "credentials" in (message_for(NoLogin("AWS signs no token for u")) or "")


def test_a_statement_that_takes_too_long_keeps_its_traceback() -> None:
    assert message_for(error_of_django(QueryCanceled("statement timeout"))) is None


@pytest.mark.django_db
def test_a_table_that_somebody_mistyped_is_named() -> None:
    """The tables of this version are there, so migrate would not help."""
    with pytest.raises(ProgrammingError) as refused, db_transaction.atomic():
        connection.cursor().execute("SELECT * FROM accounts_user")
    assert "accounts_user" in str(message_for(refused.value))
    assert "docs/columns.md" in str(message_for(refused.value))


def test_the_setting_of_a_replica_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader = {"HOST": "writer", "PORT": "5432"}, {"HOST": "bank.example", "PORT": "5433"}
    monkeypatch.setattr(settings, "DATABASES", {"default": writer, "read": reader})
    error = not_connected(psycopg.OperationalError("connection failed: Connection refused"))
    assert "DATABASE_REPLICA_URLS" in str(message_for(error))
    monkeypatch.setattr(settings, "DATABASES", {"default": reader, "read": reader})
    assert "DATABASE_REPLICA_URLS" not in str(message_for(error))
