"""The settings of the database: what a connection gets, and what stops the start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PARTS = {"DB_NAME": "books", "DB_USER": "me", "DB_PASSWORD": "secret"}
URL = "postgresql://me:secret@"


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    file = tmp_path / "authority.pem"
    file.write_text("-")
    return str(file)


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": f"{URL}127.0.0.1:5433/books?sslmode=require&connect_timeout=3"},
        {
            **PARTS,
            "DB_HOST": "127.0.0.1",
            "DB_PORT": "5433",
            "DB_SSLMODE": "require",
            "DB_OPTIONS": "connect_timeout=3",
        },
    ],
)
def test_options_come_by_url_or_in_parts(
    given: dict[str, str], default: Callable[..., dict[str, Any]]
) -> None:
    found = default(**given)

    assert [found[name] for name in ("NAME", "USER", "PASSWORD", "HOST")] == [
        "books",
        "me",
        "secret",
        "127.0.0.1",
    ]
    assert str(found["PORT"]) == "5433"
    assert found["OPTIONS"]["sslmode"] == "require"
    assert str(found["OPTIONS"]["connect_timeout"]) == "3"


def test_the_host_of_a_database_in_parts_is_this_computer(
    default: Callable[..., dict[str, Any]],
) -> None:
    assert (found := default(DB_NAME="books"))["HOST"] == "localhost"
    assert found["PORT"] == "5432"


@pytest.mark.parametrize("given", [{}, {"DATABASE_URL": f"{URL}127.0.0.1/books"}, PARTS])
def test_each_connection_waits_five_seconds_for_its_server(
    given: dict[str, str], default: Callable[..., dict[str, Any]]
) -> None:
    assert default(**given)["OPTIONS"]["connect_timeout"] == 5
    assert default(LEDGER_CONNECT_TIMEOUT="9", **given)["OPTIONS"]["connect_timeout"] == 9


@pytest.mark.parametrize("given", [{"DATABASE_URL": f"{URL}127.0.0.1/books"}, PARTS])
def test_each_connection_notices_a_server_that_vanished(
    given: dict[str, str], default: Callable[..., dict[str, Any]]
) -> None:
    options = default(**given)["OPTIONS"]

    probes = options["keepalives_interval"] * options["keepalives_count"]
    assert 0 < options["keepalives_idle"] + probes <= 15  # seconds
    assert 0 < options["tcp_user_timeout"] <= 15_000  # milliseconds


def test_what_the_url_says_goes_first(default: Callable[..., dict[str, Any]]) -> None:
    options = default(
        DATABASE_URL=f"{URL}127.0.0.1,[::1]/books?tcp_user_timeout=7&target_session_attrs=primary"
    )["OPTIONS"]

    assert options["tcp_user_timeout"] == 7
    assert options["target_session_attrs"] == "primary"


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ({"DATABASE_URL": f"{URL}127.0.0.1:5433,127.0.0.2:5434/books"}, "5433,5434"),
        ({"DATABASE_URL": f"{URL}127.0.0.1,127.0.0.2/books"}, ""),
        ({"DATABASE_URL": f"{URL}[::1]:5433,127.0.0.2:5434/books"}, "5433,5434"),
        ({**PARTS, "DB_HOST": "127.0.0.1, 127.0.0.2", "DB_PORT": "5433,5434"}, "5433,5434"),
        ({**PARTS, "DB_HOST": "127.0.0.1,127.0.0.2", "DB_PORT": "5433"}, "5433"),
    ],
)
def test_of_several_hosts_the_one_that_accepts_writes_is_taken(
    given: dict[str, str], ports: str, default: Callable[..., dict[str, Any]]
) -> None:
    found = default(**given)

    assert (found["HOST"].replace("::1", "127.0.0.1"), found["PORT"]) == (
        "127.0.0.1,127.0.0.2",
        ports,
    )
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"


@pytest.mark.parametrize("given", [PARTS, {"DATABASE_URL": f"{URL}127.0.0.1/books"}])
def test_one_host_has_to_accept_writes_too(
    given: dict[str, str], default: Callable[..., dict[str, Any]]
) -> None:
    """Its name may lead to a primary that has become a standby."""
    assert default(**given)["OPTIONS"]["target_session_attrs"] == "read-write"


def test_one_host_may_be_a_standby_where_the_url_says_so(
    default: Callable[..., dict[str, Any]],
) -> None:
    found = default(DATABASE_URL=f"{URL}127.0.0.1/books?target_session_attrs=any")
    assert found["OPTIONS"]["target_session_attrs"] == "any"


def test_a_pooler_is_not_asked_whether_its_server_accepts_writes(
    default: Callable[..., dict[str, Any]],
) -> None:
    """It repeats what its server said once: tests/ledger/db/server/test_pooler.py sees it."""
    found = default(DATABASE_URL=f"{URL}127.0.0.1/books", DB_POOLER="transaction")
    assert "target_session_attrs" not in found["OPTIONS"]


@pytest.mark.parametrize(
    ("hosts", "value"),
    [
        ("127.0.0.1", "standby"),
        ("127.0.0.1", "read-only"),
        ("127.0.0.1", "prefer-standby"),
        ("127.0.0.1,127.0.0.2", "any"),
        ("127.0.0.1,127.0.0.2", "prefer-standby"),
    ],
)
def test_money_is_not_read_from_a_standby_by_a_setting(
    hosts: str, value: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(DATABASE_URL=f"{URL}{hosts}/books?target_session_attrs={value}")

    assert "The setting DATABASE_URL is wrong" in sentence
    assert "read-write" in sentence


WRONG = {
    "a host with a port and one without": (
        "DATABASE_URL",
        {"DATABASE_URL": f"{URL}127.0.0.1:5433,127.0.0.2/books"},
    ),
    "an option that nobody knows": (
        "DATABASE_URL",
        {"DATABASE_URL": f"{URL}127.0.0.1/books?ssl_mode=require"},
    ),
    "an option in parts that nobody knows": ("DB_OPTIONS", {**PARTS, "DB_OPTIONS": "pace=3"}),
    "options that cannot be read": ("DB_OPTIONS", {**PARTS, "DB_OPTIONS": "fast"}),
    "fewer ports than hosts": (
        "DB_PORT",
        {**PARTS, "DB_HOST": "127.0.0.1,::1,::1", "DB_PORT": "1,2"},
    ),
    "a port that is none": ("DB_PORT", {**PARTS, "DB_PORT": "5432,99999"}),
    "an authority that cannot be read": (
        "DB_SSLROOTCERT",
        {**PARTS, "DB_SSLMODE": "verify-full", "DB_SSLROOTCERT": "/nowhere/authority.pem"},
    ),
    "a password with a sign of addresses": (
        "DATABASE_URL",
        {"DATABASE_URL": "postgresql://me:secret#secret@db.example/books?sslmode=require"},
    ),
    "a certificate that nobody can check": (
        "DATABASE_URL",
        {"DATABASE_URL": f"{URL}db.example/books?sslmode=verify-full"},
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_work_stops_the_start(case: str, refusal: Callable[..., str]) -> None:
    name, values = WRONG[case]
    sentence = refusal(**values)

    assert f"The setting {name} is wrong" in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    "places", ["localhost:99999", "localhost:0", "localhost:x", "localhost:5432,[::1]:99999"]
)
def test_a_port_in_a_url_that_is_none_is_called_a_port(
    places: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(DATABASE_URL=f"{URL}{places}/books")

    assert "The setting DATABASE_URL is wrong: the port" in sentence
    assert "secret" not in sentence


def test_a_part_of_a_password_is_not_printed_as_a_port(refusal: Callable[..., str]) -> None:
    sentence = refusal(DATABASE_URL="postgresql://me:78787878/more@localhost/books")

    assert "password" in sentence
    assert "7878" not in sentence


def test_a_url_goes_before_the_database_in_parts(default: Callable[..., dict[str, Any]]) -> None:
    """Such as one for an administrator, on a machine whose .env has the parts."""
    url = "postgresql://you@127.0.0.1/ledger"
    found = default(DATABASE_URL=url, **PARTS, DB_HOST="127.0.0.2", DB_OPTIONS="connect_timeout=9")

    assert [found[name] for name in ("NAME", "USER", "PASSWORD", "HOST")] == [
        "ledger",
        "you",
        "",
        "127.0.0.1",
    ]
    assert found["OPTIONS"]["connect_timeout"] == 5


PLAIN = {
    "a name": {"DATABASE_URL": f"{URL}db.example/books"},
    "an address": {"DATABASE_URL": f"{URL}10.0.0.7/books"},
    "one of two": {"DATABASE_URL": f"{URL}127.0.0.1,db.example/books"},
    "a mode that may fall back": {"DATABASE_URL": f"{URL}db.example/books?sslmode=prefer"},
    "a mode without encryption": {"DATABASE_URL": f"{URL}db.example/books?sslmode=disable"},
    "an address behind a name": {"DATABASE_URL": f"{URL}localhost/books?hostaddr=10.0.0.7"},
    "a service": {"DATABASE_URL": "postgresql:///books?service=bank"},
    "parts": {**PARTS, "DB_HOST": "db.example"},
    "a host among the options": {"DATABASE_URL": "postgresql:///books?host=db.example"},
    "a host of the environment": {"DATABASE_URL": "postgresql:///books", "PGHOST": "db.example"},
    "an address of the environment": {
        "DATABASE_URL": "postgresql://localhost/books", "PGHOSTADDR": "10.1.1.1",
    },
    "a service of the environment": {"DATABASE_URL": "postgresql:///books", "PGSERVICE": "bank"},
    "a service without a name": {"DATABASE_URL": "postgresql:///books", "PGSERVICE": ""},
    "a service beside a host": {**PARTS, "PGSERVICE": "bank"},
    "one of two without an address": {
        "DATABASE_URL": "postgresql://localhost,db.example/books?hostaddr=127.0.0.1,",
    },
    "one without an address by the environment": {
        "DATABASE_URL": "postgresql://localhost,db.example/books", "PGHOSTADDR": "127.0.0.1,",
    },
    "fewer addresses than hosts": {
        "DATABASE_URL": "postgresql://localhost,db.example/books?hostaddr=127.0.0.1",
    },
    "a host of the URL beside one among the options": {
        "DATABASE_URL": f"{URL}db.example/books?host=localhost",
    },
}  # fmt: skip


@pytest.mark.parametrize("url", [
    "sqlite:///db.sqlite3", "sqlite://:memory:", "mysql2://a@b/c", "postgis://a@b/c",
    "cockroachdb://a@b/c", "redshift://a@b/c",
])  # fmt: skip
def test_another_kind_of_database_is_refused_by_its_name(
    url: str, refusal: Callable[..., str]
) -> None:
    assert "PostgreSQL is Ledger's only database" in refusal(DATABASE_URL=url)


@pytest.mark.parametrize("case", PLAIN)
def test_a_connection_in_plain_text_to_another_computer_stops_the_start(
    case: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(**PLAIN[case])

    assert "sslmode" in sentence
    assert "secret" not in sentence
    names_settings = "DB_SSLMODE=verify-full and DB_SSLROOTCERT=FILE" in sentence
    assert names_settings is ("DATABASE_URL" not in PLAIN[case]), "as they are written there"


@pytest.mark.parametrize("case", PLAIN)
def test_a_network_of_ones_own_may_be_plain(
    case: str, default: Callable[..., dict[str, Any]]
) -> None:
    assert default(DB_PLAINTEXT="True", **PLAIN[case])["NAME"] == "books"


@pytest.mark.parametrize("service", ["bank", ""])
def test_a_replica_is_not_named_by_a_service_in_plain_text(
    service: str, refusal: Callable[..., str]
) -> None:
    given = {"DATABASE_URL": f"{URL}127.0.0.1/books?sslmode=require", "PGSERVICE": service}
    sentence = refusal(**given, DATABASE_REPLICA_URLS="postgresql:///books")

    assert sentence.startswith("The setting DATABASE_REPLICA_URLS is wrong: ")
    assert "sslmode" in sentence


@pytest.mark.parametrize(
    "query", ["hostaddr=127.0.0.1,", "hostaddr=,127.0.0.1", "hostaddr=127.0.0.1,127.0.0.2"]
)
def test_each_host_is_taken_with_its_own_address(
    query: str, default: Callable[..., dict[str, Any]]
) -> None:
    assert default(DATABASE_URL=f"postgresql://localhost,localhost/books?{query}")


@pytest.mark.parametrize(
    "place", ["", "localhost", "127.0.0.1", "127.8.8.8", "[::1]", "%2Fvar%2Frun%2Fpostgresql"]
)
def test_this_computer_may_be_plain(place: str, default: Callable[..., dict[str, Any]]) -> None:
    assert default(DATABASE_URL=f"postgresql://me@{place}/books")["NAME"] == "books"


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_another_computer_is_reached_encrypted(
    mode: str, certificate: str, default: Callable[..., dict[str, Any]]
) -> None:
    options = default(
        DATABASE_URL=f"{URL}db.example/books?sslmode={mode}&sslrootcert={certificate}"
    )["OPTIONS"]

    assert (options["sslmode"], options["sslrootcert"]) == (mode, certificate)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_the_environment_may_say_how_another_computer_is_reached(
    mode: str, certificate: str, settings_of: Callable[..., dict[str, Any]]
) -> None:
    """As libpq takes it from there. Replicas too."""
    databases = settings_of(
        DATABASE_URL=f"{URL}db.example/books", DATABASE_REPLICA_URLS=f"{URL}replica.example/books",
        PGSSLMODE=mode, PGSSLROOTCERT=certificate, LEDGER_ROLE="web", DEBUG="True",
    )["DATABASES"]  # fmt: skip

    for found in (databases["default"]["OPTIONS"], databases["replica1"]["OPTIONS"]):
        assert (found["sslmode"], found["sslrootcert"]) == (mode, certificate)


def test_an_option_goes_before_the_environment(default: Callable[..., dict[str, Any]]) -> None:
    url = f"{URL}db.example/books?sslmode=require"
    assert default(DATABASE_URL=url, PGSSLMODE="disable")["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("url", "setting", "values"),
    [
        ("db.example/books", "DATABASE_URL", {"PGSSLMODE": "disable"}),
        ("db.example/books?sslmode=prefer", "DATABASE_URL", {"PGSSLMODE": "require"}),
        ("db.example/books", "PGSSLMODE", {"PGSSLMODE": "required"}),
        ("db.example/books", "DATABASE_URL", {"PGSSLMODE": "verify-full"}),
        (
            "db.example/books?sslmode=verify-full",
            "DATABASE_URL",
            {"PGSSLROOTCERT": "/nowhere/authority.pem"},
        ),
    ],
)
def test_an_environment_that_does_not_encrypt_stops_the_start(
    url: str, setting: str, values: dict[str, str], refusal: Callable[..., str]
) -> None:
    sentence = refusal(DATABASE_URL=f"{URL}{url}", **values)

    assert sentence.startswith(f"The setting {setting} is wrong: ")
    assert "secret" not in sentence


def test_public_certificates_are_checked_by_those_of_the_system(
    default: Callable[..., dict[str, Any]],
) -> None:
    found = default(
        **PARTS, DB_HOST="db.example", DB_SSLMODE="verify-full", DB_SSLROOTCERT="system"
    )
    assert found["OPTIONS"]["sslrootcert"] == "system"


def test_the_folder_of_a_socket_stands_in_the_url_with_escapes(
    default: Callable[..., dict[str, Any]],
) -> None:
    found = default(DATABASE_URL="postgresql://me@%2FVar%2Frun%2Fdb:5433/books")
    assert (found["HOST"], found["PORT"]) == ("/Var/run/db", 5433)
