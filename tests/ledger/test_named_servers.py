"""Settings that name a server in other words are used or refused, never ignored."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from ledger import env
from ledger.checks.names import check_names
from ledger.db.server import libpq_variables
from ledger.settings import databases

# Elastic Beanstalk's, on this computer, where no TLS is needed.
RDS = {
    "RDS_DB_NAME": "ebdb", "RDS_USERNAME": "eb", "RDS_PASSWORD": "p@ss/w%",
    "RDS_HOSTNAME": "127.0.0.1", "RDS_PORT": "5433",
}  # fmt: skip
ALL = {
    "DATABASE_URL", "DB_NAME", *RDS, *databases.SERVER_VARIABLES, *libpq_variables.names(),
}  # fmt: skip
Named = Callable[..., None]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Named:
    """Sets these of all variables that may name a server, and removes the others."""

    def named(**values: str) -> None:
        for name in ALL:
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return named


def test_the_variables_of_elastic_beanstalk_name_the_database(named: Named) -> None:
    named(**RDS)
    found = databases.database()
    parts = [found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert parts == list(RDS.values())


def test_a_server_of_rds_needs_tls_too(named: Named, capsys: pytest.CaptureFixture[str]) -> None:
    named(**RDS | {"RDS_HOSTNAME": "mydb.eu-west-1.rds.amazonaws.com"})
    with pytest.raises(SystemExit):
        databases.database()
    printed = capsys.readouterr().err
    assert "sslmode" in printed
    assert RDS["RDS_PASSWORD"] not in printed


@pytest.mark.parametrize("name", ["RDS_HOST", "RDS_ENDPOINT", "DB_HOST", "POSTGRES_HOST"])
def test_a_server_of_rds_by_another_name_is_refused(
    name: str, named: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its login would be tried on this computer."""
    named(**RDS | {"RDS_HOSTNAME": "", name: "mydb.eu-west-1.rds.amazonaws.com"})
    with pytest.raises(SystemExit):
        databases.database()
    printed = capsys.readouterr().err
    assert f"The setting {name} is wrong" in printed
    assert "RDS_HOSTNAME" in printed


@pytest.mark.parametrize(
    ("values", "is_named"),
    [
        ({}, True),
        ({"DB_NAME": ""}, False),
        ({"DB_NAME": "books"}, False),
        ({"DATABASE_URL": "postgresql:///books"}, False),
    ],
)
def test_a_server_of_libpq_that_is_not_used_is_a_warning(
    values: dict[str, str], is_named: bool, named: Named
) -> None:
    """Whoever has PGHOST might think that the bank is on this server."""
    named(PGHOST="127.0.0.1", PGDATABASE="bank", PGUSER="me", **values)
    databases.database()
    warnings = [message.msg for message in check_names() if "PGHOST, PGDATABASE" in message.msg]
    assert len(warnings) == is_named

    named()
    databases.database()
    assert "PG" not in str(check_names())


@pytest.mark.parametrize(
    ("name", "ours"),
    [("DB_USERNAME", "DB_USER"), ("DB_PASS", "DB_PASSWORD"), ("DB_SERVER", "DB_HOST")],
)
def test_a_part_of_the_server_by_another_name_is_refused(
    name: str, ours: str, named: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {"DB_HOST": "127.0.0.1", "DB_USER": "me", "DB_PASSWORD": "lanterns"}
    named(DB_NAME="books", **parts, **{name: "other"})
    assert databases.database()["NAME"] == "books"  # beside ours it does no harm
    parts.pop(ours)
    named(DB_NAME="books", **parts, **{name: "other"})
    with pytest.raises(SystemExit):
        databases.database()
    printed = capsys.readouterr().err
    assert f"The setting {name} is wrong" in printed
    assert f"calls it {ours}." in printed


@pytest.mark.parametrize("name", ["DB_URL", "DATABASE_URI", "POSTGRES_URL"])
def test_a_url_by_another_name_is_refused(
    name: str, named: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    named(DB_NAME="books", **{name: "postgresql://me@db.example/books"})
    with pytest.raises(SystemExit):
        databases.database()
    assert "calls it DATABASE_URL." in capsys.readouterr().err


def test_what_is_written_beside_other_services_is_no_name_of_ours(named: Named) -> None:
    """By Kubernetes, and in the .env of a container of Postgres."""
    named(POSTGRES_PORT="tcp://10.0.0.1:5432", DB_PORT="tcp://10.0.0.1:5432")
    assert databases.database() == {}
    named(DB_NAME="books", DB_USER="me", POSTGRES_PASSWORD="lanterns", POSTGRES_USER="postgres")
    assert databases.database()["NAME"] == "books"


def test_a_name_of_django_has_the_same_sentence(
    named: Named, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named()
    monkeypatch.setenv("DJANGO_DB_USERNAME", "me")
    with pytest.raises(SystemExit):
        databases.database()
    printed = capsys.readouterr().err
    assert "DJANGO_DB_USERNAME" in printed
    assert "calls it DB_USERNAME" not in printed


@pytest.mark.parametrize("source", [{"DB_NAME": "books"}, {"DATABASE_URL": "postgres:///books"}])
def test_the_names_of_ledger_go_first(source: dict[str, str], named: Named) -> None:
    named(**RDS, **source)
    assert databases.database()["NAME"] == "books"
    assert databases.source_name() in source


# Plain text may be allowed for replicas of the embedded server too.
@pytest.mark.parametrize(
    "name", sorted({*databases.SERVER_VARIABLES, *env.SERVER_SETTINGS} - {"DB_PLAINTEXT"})
)
def test_no_command_takes_the_embedded_server_by_mistake(
    name: str, named: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    named(**{name: "lanterns"})
    with pytest.raises(SystemExit) as stopped:
        databases.database()
    assert stopped.value.code == env.GUNICORN_BOOT_ERROR
    printed = capsys.readouterr().err
    assert f"{name} " in printed
    assert "lanterns" not in printed


def test_an_empty_name_in_the_environment_means_the_embedded_server(named: Named) -> None:
    named(**RDS, DB_HOST="db.example", DB_NAME="")
    assert databases.database() == {}
    assert databases.source_name() == ""


def test_the_replicas_may_be_named_in_the_singular(
    settings_of: Callable[..., dict[str, Any]], refusal: Callable[..., str]
) -> None:
    url = {"DATABASE_URL": "postgres://me@127.0.0.1/books"}
    one = {"DATABASE_REPLICA_URL": "postgres://me@127.0.0.2/books"}
    assert settings_of(LEDGER_ROLE="web", LEDGER_URL="http://localhost", **url, **one)["DATABASES"][
        "replica1"
    ]
    both = {"DATABASE_REPLICA_URLS": one["DATABASE_REPLICA_URL"], "LEDGER_ROLE": "web"}
    assert "DATABASE_REPLICA_URLS" in refusal(**url, **one, **both)


@pytest.mark.parametrize(
    "password",
    ["quay@loft/mint", "quay/loft@mint", "quay@loft?mi/nt", "quay#loft@mint", "quay[loft]mint"],
)
def test_a_password_without_escapes_stays_out_of_the_refusal(
    password: str, refusal: Callable[..., str]
) -> None:
    printed = refusal(DATABASE_URL=f"postgres://u:{password}@nothere.example:5432/books")
    assert not any(piece in printed for piece in ("quay", "loft", "mint"))
    assert "%5B" in printed
    assert "DB_PASSWORD" in printed


def test_a_password_in_parts_needs_no_escapes(default: Callable[..., dict[str, Any]]) -> None:
    assert default(DB_NAME="books", DB_PASSWORD="p@ss/:w%")["PASSWORD"] == "p@ss/:w%"


@pytest.mark.parametrize(
    ("engine", "fits"),
    [
        ("django.db.backends.postgresql", True),
        ("PostgreSQL", True),
        ("django.db.backends.postgresql_psycopg2", True),
        ("django.contrib.gis.db.backends.postgis", False),
        ("django_tenants.postgresql_backend", False),
        ("django.db.backends.mysql", False),
        ("django.db.backends.sqlite3", False),
    ],
)
def test_an_engine_of_another_database_is_refused(engine: str, fits: bool, named: Named) -> None:
    named(DB_NAME="books", DB_ENGINE=engine)
    with nullcontext() if fits else pytest.raises(SystemExit):
        assert databases.database()["NAME"] == "books"


@pytest.mark.parametrize(
    ("engine", "instead"),
    [
        ("ledger.db.aws", "DB_DRIVER=aws"),
        ("aws_advanced_python_wrapper.django.backends.mysql_connector", "DB_DRIVER=aws"),
        ("aws_advanced_python_wrapper.django.backends.postgresql", "DB_DRIVER=aws"),
        ("django_iam_dbauth.aws.postgresql", "DB_IAM_REGION"),
        ("dj_db_conn_pool.backends.postgresql", "DB_POOL"),
    ],
)
def test_an_engine_that_a_setting_replaces_is_refused_with_this_setting(
    engine: str, instead: str, named: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    named(DB_NAME="books", DB_ENGINE=engine)
    with pytest.raises(SystemExit):
        databases.database()
    assert f"set {instead} " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["DB_HOSTNAME", "POSTGRES_HOST", "SQL_HOST"])
def test_another_name_of_a_host_is_refused_beside_the_name_of_the_database(
    name: str, named: Named
) -> None:
    named(**{"DB_NAME": "books", name: "127.0.0.2"})
    with pytest.raises(SystemExit):
        databases.database()
    named(**{"DB_NAME": "books", "DB_HOST": "127.0.0.1", name: "127.0.0.2"})
    assert databases.database()["HOST"] == "127.0.0.1"
