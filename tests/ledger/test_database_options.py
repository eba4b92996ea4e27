"""The options of a database, wherever they stand: their types, and what is refused."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn

from ledger.settings.database_options import CHOICES
from tests.pooler import beside

URL = "postgresql://me:secret@127.0.0.1/books"
WEB = {"LEDGER_ROLE": "web", "DEBUG": "True"}
PLACES: dict[str, Callable[[str], dict[str, str]]] = {
    "DATABASE_URL": lambda query: {"DATABASE_URL": f"{URL}?{query}"},
    "DB_OPTIONS": lambda query: {"DB_NAME": "books", "DB_OPTIONS": query},
    "DATABASE_REPLICA_URLS": lambda query: {
        "DATABASE_URL": URL, "DATABASE_REPLICA_URLS": f"{URL}?{query}"
    },
}  # fmt: skip
TYPED = {
    "prepare_threshold": ("0", 0),
    "server_side_binding": ("True", True),
    "connect_timeout": ("3", 3),
    "tcp_user_timeout": ("900", 900),
    "application_name": ("7", "7"),
    "sslpassword": ("1e3", "1e3"),
}


@pytest.mark.parametrize("option", TYPED)
@pytest.mark.parametrize("place", PLACES)
def test_a_value_has_the_same_type_wherever_it_stands(
    place: str, option: str, settings_of: Callable[..., dict[str, Any]]
) -> None:
    given, expected = TYPED[option]
    databases = settings_of(**PLACES[place](f"{option}={given}"), **WEB)["DATABASES"]

    found = databases["replica1" if "replica1" in databases else "default"]
    value = found["OPTIONS"][option]
    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize("place", PLACES)
def test_settings_of_django_may_stand_among_the_options(
    place: str, settings_of: Callable[..., dict[str, Any]]
) -> None:
    query = "conn_max_age=7&disable_server_side_cursors=true"
    databases = settings_of(**PLACES[place](query), **WEB)["DATABASES"]

    found = databases["replica1" if "replica1" in databases else "default"]
    assert (found["CONN_MAX_AGE"], found["DISABLE_SERVER_SIDE_CURSORS"]) == (7, True)


WRONG = {
    "prepare_threshold": ["None", "-1", "many"],
    "isolation_level": ["1", "3", "4", "serializable"],
    "server_side_binding": ["1", "maybe"],
    "connect_timeout": ["0", "abc", "-1", "3.5"],
    "keepalives": ["on"],
    "keepalives_idle": ["5s"],
    "tcp_user_timeout": ["10s"],
    "sslmode": ["required"],
    "target_session_attrs": ["writer"],
    "ssl_min_protocol_version": ["1.3"],
    "require_auth": ["nothing"],
    "sslcert": ["/nowhere/certificate.pem"],
    "application_name": [""],
    "conn_max_age": ["None", "long"],
    "disable_server_side_cursors": ["0"],
    "atomic_requests": ["True"],
    "autocommit": ["False"],
    "replication": ["database"],
    "dbname": ["elsewhere"],
    "client_encoding": ["LATIN1"],
    "pace": ["3"],
}
SERIALIZABLE = [
    "-c default_transaction_isolation=serializable",
    "-cdefault_transaction_isolation=serializable",
    "--default-transaction-isolation=serializable",
    "-c jit=off -c\tDefault_Transaction-isolation=serializable",
    "-ec default_transaction_isolation=serializable",
    "-c default_transaction_\\isolation=serializable",
]
WRONG["options"] = [
    *SERIALIZABLE,
    "-c default_transaction_read_only=on",
    "-c transaction_isolation=serializable",
    "-c transaction_read_only=on",
    "-c session_replication_role=replica",
    "-c row_security=off",
    "-c synchronous_commit=off",
    "-c client_encoding=LATIN1",
    "-c client_min_messages=error",
]
CASES = [(option, value) for option, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("option", "value"), CASES)
@pytest.mark.parametrize("place", PLACES)
def test_a_value_that_cannot_work_stops_the_start_naming_setting_and_option(
    place: str, option: str, value: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(**PLACES[place](urlencode({option: value})))

    assert sentence.startswith(f"The setting {place} is wrong: ")
    assert option in sentence or value in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ("pool", "DB_POOL"), ("connection_limit", "DB_POOL"), ("pgbouncer", "DB_POOLER"),
        ("schema", "public"), ("currentSchema", "public"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", PLACES)
def test_an_option_of_another_library_is_refused_with_what_to_set(
    place: str, option: str, instead: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(**PLACES[place](urlencode({option: "5"})))

    assert instead in sentence.partition(repr(option))[2]


HARMLESS = [
    ("client_encoding", "UTF8"),
    ("client_encoding", "utf-8"),
    ("isolation_level", "2"),
    ("isolation_level", "READ COMMITTED"),
    ("isolation_level", "read_committed"),
    ("atomic_requests", "False"),
    ("autocommit", "True"),
    ("replication", "false"),
]


@pytest.mark.parametrize(("option", "value"), HARMLESS)
@pytest.mark.parametrize("place", PLACES)
def test_an_option_that_says_what_holds_anyway_is_taken(
    place: str, option: str, value: str, settings_of: Callable[..., dict[str, Any]]
) -> None:
    query = urlencode({option: value})
    databases = settings_of(**PLACES[place](query), **WEB)["DATABASES"]

    plain = settings_of(**PLACES[place](""), **WEB)["DATABASES"]
    assert databases == plain, "and changes nothing"


def test_it_is_not_taken_twice(refusal: Callable[..., str]) -> None:
    sentence = refusal(DATABASE_URL=f"{URL}?client_encoding=UTF8&client_encoding=LATIN1")
    assert "client_encoding" in sentence


HARMLESS_SETTINGS = [
    "-c client_encoding=UTF8",
    "-c client_encoding=utf-8",
    "-c client_min_messages=Warning",
    "-c client_min_messages=debug1",
    "-c default_transaction_isolation=read\\ committed",
    "--default-transaction-isolation=Read\\ Committed",
    "-c default_transaction_read_only=off",
    "-c default_transaction_read_only=FALSE",
    "-c row_security=on",
    "-c transaction_read_only=0",
    "-c transaction_isolation=read\\ committed",
    "-c synchronous_commit=on",
    "-c synchronous_commit=remote_apply",
    "-c synchronous_commit=local",
]


@pytest.mark.django_db
@pytest.mark.parametrize("given", HARMLESS_SETTINGS)
def test_start_up_options_that_say_what_holds_anyway_are_taken(
    given: str, default: Callable[..., dict[str, Any]]
) -> None:
    assert default(DATABASE_URL=URL, PGOPTIONS=given)
    assert default(DATABASE_URL=f"{URL}?{urlencode({'options': given})}")
    with beside(options=given) as found:
        for name, holds in (
            ("transaction_isolation", "read committed"),
            ("transaction_read_only", "off"),
            ("client_encoding", "UTF8"),
        ):
            assert found.execute(f"SHOW {name}").fetchone() == (holds,)


@pytest.mark.parametrize("given", SERIALIZABLE)
def test_start_up_options_of_the_environment_are_read_alike(
    given: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(DATABASE_URL=URL, PGOPTIONS=given)
    assert sentence.startswith("The setting PGOPTIONS is wrong: ")


@pytest.mark.django_db
@pytest.mark.parametrize("given", SERIALIZABLE)
def test_the_server_reads_start_up_options_so(given: str) -> None:
    with beside(options=given) as found:
        (level,) = found.execute("SHOW default_transaction_isolation").fetchone() or ("",)
    assert level == "serializable"


@pytest.mark.parametrize(
    "given",
    [
        "-c jit=off -c statement_timeout=5s",
        "-c application_name=default_transaction_isolation",
        "-c application_name=--default_transaction_isolation=serializable",
    ],
)
@pytest.mark.parametrize("place", PLACES)
def test_other_start_up_options_are_taken(
    place: str, given: str, settings_of: Callable[..., dict[str, Any]]
) -> None:
    databases = settings_of(**PLACES[place](urlencode({"options": given})), **WEB)["DATABASES"]

    found = databases["replica1" if "replica1" in databases else "default"]
    assert given in found["OPTIONS"]["options"]


@pytest.mark.parametrize("place", PLACES)
def test_an_option_given_twice_stops_the_start(place: str, refusal: Callable[..., str]) -> None:
    sentence = refusal(**PLACES[place]("connect_timeout=3&connect_timeout=4"))
    assert sentence.startswith(f"The setting {place} is wrong: ")


def test_a_wrong_mode_in_parts_names_its_own_setting(refusal: Callable[..., str]) -> None:
    sentence = refusal(DB_NAME="books", DB_SSLMODE="required")
    assert sentence.startswith("The setting DB_SSLMODE is wrong: ")


@pytest.mark.parametrize(("option", "value"), [(o, v) for o in CHOICES for v in CHOICES[o]])
def test_libpq_takes_each_value_that_the_sentences_offer(option: str, value: str) -> None:
    further = {"sslmode": "require"} if value == "direct" else {}
    assert not said_by_libpq(**{option: value}, **further).startswith("invalid")


def said_by_libpq(**options: str) -> str:
    """Its message on connecting to a socket that does not exist."""
    try:
        conninfo = make_conninfo("", host="/nowhere", **options)
    except psycopg.ProgrammingError as error:
        return f"invalid: {error}"
    found = PGconn.connect_start(conninfo.encode())
    message = found.error_message.decode()
    found.finish()
    return message


@pytest.mark.parametrize("option", ["ssl=true", "ssl_require=True", "ssl_mode=x", "useSSL=true"])
def test_encryption_by_another_name_leads_to_that_of_libpq(
    option: str, refusal: Callable[..., str]
) -> None:
    assert "sslmode=verify-full" in refusal(DATABASE_URL=f"{URL}?{option}")
    assert "verify-full" not in refusal(DATABASE_URL=f"{URL}?pace=3")


@pytest.mark.parametrize("option", ["plugins=failover", "wrapper_dialect=pg", "failover_mode=x"])
def test_an_option_of_the_driver_of_aws_leads_to_its_settings(
    option: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(DATABASE_URL=f"{URL}?{option}")
    assert "DB_AWS_PLUGINS" in sentence
    assert "DB_AWS_OPTIONS" in sentence
    assert "DB_AWS" not in refusal(DATABASE_URL=f"{URL}?sslmod=require")
