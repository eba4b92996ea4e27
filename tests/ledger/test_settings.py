"""A wrong setting stops the start with one sentence that says which and why."""

import re
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from ledger import env
from ledger.checks.names import check_api_settings, check_names
from ledger.env import BASE_DIR
from ledger.settings import cache, databases, provider
from tests.ledger.processes import assert_one_sentence, environment, manage
from tests.settings import SETTING_NAMES

SettingsOf = Callable[..., dict[str, Any]]
WRONG = {
    "DEBUG": ("maybe", "neither True nor False"),
    "DATABASE_URL": ("mysql://me:secret@host/ledger", "postgresql://"),
    "DB_PORT": ("seven", "whole number"),
    "DB_PLAINTEXT": ("perhaps", "neither True nor False"),
    "CONN_MAX_AGE": ("-1", "whole number"),
    "LEDGER_CONNECT_TIMEOUT": ("0", "1 to 600"),
    "LEDGER_JOB_STATEMENT_TIMEOUT": ("-1", "0 to 86400"),
    "PORT": ("99999", "1 to 65535"),
    "LEDGER_WORKERS": ("0", "1 to 64"),
    "LEDGER_THREADS": ("4", "8 to 128"),
    "LEDGER_KEEP_ALIVE": ("0", "1 to 600"),
    "LEDGER_WORKER_TIMEOUT": ("1", "5 to 600"),
    "LEDGER_GRACE": ("-1", "1 to 600"),
    "LEDGER_PROBE_PORT": ("70000", "0 to 65535"),
    "LEDGER_STEP_UP_OVER": ("1000,JPY:1", "JPY=1"),
    "LEDGER_URL": ("bank.example/secret", "https://bank.example"),
    "LEDGER_CONTACT": ("call us", "telephone"),
    "LEDGER_FOUR_EYES_OVER": ("10.000", "thousands"),
    "LEDGER_COOKBOOK": ("perhaps", "neither True nor False"),
    "LEDGER_EXPLORER": ("customers", "/explorer/browse/"),
    "LEDGER_METRICS_TOKEN": ("secret", "32 random characters"),
    "LEDGER_SECURITY_CONTACT": ("http://me:secret@host", "https://"),
    "LEDGER_OPERATOR_MAIL": ("operator.example", "email"),
    "CSRF_TRUSTED_ORIGINS": ("bank.example", "https://"),
    "OIDC": ("maybe", "'maybe' is not mock"),
    "OIDC_MOCK_PORT": ("0", "1 to 65535"),
    "LEDGER_HTTPS": ("perhaps", "neither True nor False"),
    "LEDGER_HSTS_SECONDS": ("1e6", "whole number"),
    "LEDGER_HSTS_SUBDOMAINS": ("perhaps", "neither True nor False"),
    "LEDGER_BEHIND_PROXY": ("perhaps", "neither True nor False"),
    "LEDGER_SESSION_IDLE": ("0", "1 to 1440"),
    "LEDGER_STAFF_SESSION_ABSOLUTE": ("25", "1 to 24"),
    "LEDGER_PROXY_COUNT": ("0", "1 to 5"),
    "LEDGER_WRONG_ATTEMPTS": ("many", "whole number"),
    "LEDGER_PLACES": ("/nowhere/places.mmdb", "cannot be read"),
    "EMAIL_URL": ("pigeon://me:secret@host", "smtp://"),
    "CACHE_URL": ("paper://me:secret@host", "redis://"),
    "TIME_ZONE": ("Mars/Olympus", "time zone"),
    "LOG_LEVEL": ("LOUD", "WARNING"),
    "LOG_FORMAT": ("xml", "text, json"),
    "LEDGER_PROXY_REQUEST_ID": ("True", "LEDGER_BEHIND_PROXY"),
    "LEDGER_WEB_ROLE": ("riverside_web", "LEDGER_ROLE_PREFIX"),
    "LEDGER_EXPLORER_ROLE": ("riverside_explorer", "LEDGER_ROLE_PREFIX"),
    "ALLOWED_HOSTS": ("localhost 127.0.0.1 [::1]", "commas"),
    "EMAIL_HOST": ("smtp.secret.example", "EMAIL_URL"),
    "READ_DB_HOST": ("reader.secret.example", "DATABASE_REPLICA_URLS"),
    "DATABASE_READ_URL": ("postgres://secret@reader/books", "DATABASE_REPLICA_URLS"),
    "READ_REPLICA_URL": ("postgres://secret@reader/books", "DATABASE_REPLICA_URLS"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_in_one_sentence(name: str, refusal: Callable[..., str]) -> None:
    value, why = WRONG[name]
    needed = {"DB_NAME": "ledger", "DB_HOST": "db"} if name.startswith("DB_") else {}
    if "READ_" in name:  # of a server; the tests' empty DB_NAME means the embedded one
        needed = {"DB_NAME": "ledger", "DB_HOST": "127.0.0.1"}

    sentence = refusal(**needed, **{name: value})

    assert f"The setting {name} is wrong" in sentence
    assert why in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize("name", ["LEDGER_FOUR_EYES_OVER", "LEDGER_STEP_UP_OVER"])
@pytest.mark.parametrize(
    "amount", ["10.000", "10,000", "10,000.00", "10.000,00", "10 000", "10'000", "10,JPY=1,500,000"]
)
def test_an_amount_with_a_separator_of_thousands_is_refused(
    amount: str, name: str, refusal: Callable[..., str]
) -> None:
    assert f"The setting {name} is wrong" in refusal(**{name: amount})


@pytest.mark.parametrize("name", ["SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL", "PORT"])
def test_a_setting_by_its_name_in_other_projects_is_refused(
    name: str, refusal: Callable[..., str]
) -> None:
    sentence = refusal(**{f"DJANGO_{name}": "secret"})
    assert f"The setting DJANGO_{name} is wrong" in sentence
    assert f"calls it {name}." in sentence


def test_a_setting_of_another_project_counts_for_nothing_beside_ours(
    settings_of: SettingsOf,
) -> None:
    assert settings_of(DJANGO_DEBUG="True", DEBUG="False")["DEBUG"] is False


OWN_SERVER = {"DATABASE_URL": "postgresql://me@host/ledger?sslmode=require"}
KEY = "0123456789abcdefghijklmnopqrstuvwxyz" * 2
MAIL = {"EMAIL_URL": "consolemail://"}
HTTPS = {"LEDGER_HTTPS": "True", "LEDGER_URL": "https://bank.example", **MAIL}
UNSAFE = {
    "a short key": ("SECRET_KEY", {"SECRET_KEY": "a" * 20 + "bcdef"}),
    "a key that startproject wrote": ("SECRET_KEY", {"SECRET_KEY": f"django-insecure-{KEY}"}),
    "a key of few letters": ("SECRET_KEY", {"SECRET_KEY": "abcd" * 20}),
    "an old key that can be guessed": (
        "SECRET_KEY_FALLBACKS",
        {"SECRET_KEY_FALLBACKS": f"{KEY},short"},
    ),
    "DEBUG with HTTPS": ("DEBUG", {**HTTPS, "DEBUG": "True"}),
    "HTTPS without an address": ("LEDGER_URL", {"LEDGER_HTTPS": "True"}),
    "a web process on an own server without an address": (
        "LEDGER_URL",
        {**OWN_SERVER, "LEDGER_ROLE": "web"},
    ),
    "every host": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "*"}),
    "a demo that others reach": ("LEDGER_DEMO", {**HTTPS, "LEDGER_DEMO": "True"}),
    "a demo that others reach over HTTP": (
        "LEDGER_DEMO",
        {"LEDGER_URL": "http://bank.example", "LEDGER_DEMO": "True"},
    ),
    "a demo of an own server that others reach": (
        "LEDGER_DEMO",
        {**HTTPS, **OWN_SERVER, "LEDGER_DEMO": "True"},
    ),
    "an address with HTTPS, and cookies without": (
        "LEDGER_HTTPS",
        {"LEDGER_URL": "https://bank.example", **OWN_SERVER},
    ),
    "HTTPS, and mail in the log": ("EMAIL_URL", {**HTTPS, "EMAIL_URL": ""}),
    "DEBUG at an address that others reach": (
        "DEBUG",
        {**OWN_SERVER, "DEBUG": "True", "LEDGER_URL": "http://bank.example"},
    ),
    "DEBUG with a host that others reach": (
        "DEBUG",
        {**OWN_SERVER, "DEBUG": "True", "ALLOWED_HOSTS": "localhost,bank.example"},
    ),
    "DEBUG with every host": ("DEBUG", {**OWN_SERVER, "DEBUG": "True", "ALLOWED_HOSTS": "*"}),
    "a demo with a host that others reach": (
        "LEDGER_DEMO",
        {"LEDGER_DEMO": "True", "ALLOWED_HOSTS": "localhost,bank.example"},
    ),
    "an address that others reach over HTTP": (
        "LEDGER_URL",
        {**OWN_SERVER, "LEDGER_URL": "http://bank.example"},
    ),
    "the forms of every site": ("CSRF_TRUSTED_ORIGINS", {"CSRF_TRUSTED_ORIGINS": "https://*"}),
    "the forms of every site of a top domain": (
        "CSRF_TRUSTED_ORIGINS",
        {"CSRF_TRUSTED_ORIGINS": "https://*.com"},
    ),
    "limits that each process counts": ("CACHE_URL", {"CACHE_URL": "locmemcache://"}),
    "limits on several servers": ("CACHE_URL", {"CACHE_URL": "redis://a:1,b:1"}),
    "a cache without a host": ("CACHE_URL", {"CACHE_URL": "redis://"}),
    "a cache that others reach, in plain text": (
        "CACHE_URL",
        {"CACHE_URL": "redis://cache.bank.example:6379/0"},
    ),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_an_unsafe_mix_stops_the_start(case: str, refusal: Callable[..., str]) -> None:
    name, values = UNSAFE[case]
    assert re.match(f"The setting {name} is (wrong|missing): ", refusal(**values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("LEDGER_URL", {"LEDGER_HTTPS": "True"}),
        ("LEDGER_URL", {**OWN_SERVER, "LEDGER_ROLE": "web"}),
        ("EMAIL_URL", {**HTTPS, "EMAIL_URL": ""}),
    ],
)
def test_a_setting_that_is_not_set_is_missing_and_not_wrong(
    name: str, values: dict[str, str], refusal: Callable[..., str]
) -> None:
    assert f"The setting {name} is missing: " in refusal(**values)


@pytest.fixture(autouse=True)
def _client_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts as installed: the settings do not import it."""
    monkeypatch.setattr(cache, "find_spec", lambda _name: object())


def test_a_redis_whose_client_is_missing_stops_the_start(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package itself is named: pip would take another project by the name of this one."""
    monkeypatch.setattr(cache, "find_spec", lambda _name: None)
    sentence = refusal(CACHE_URL="redis://:secret@cache:1")
    assert "redis of the extra cache" in sentence
    assert sentence.endswith(": make install-extras, or pip install redis.\n")
    assert "secret" not in sentence


# A password where {} is.
URLS = {
    "DATABASE_URL": "postgresql://me:{}@db.example/books",
    "DATABASE_REPLICA_URLS": "postgresql://me:{}@db.example/books",
    "CACHE_URL": "redis://:{}@cache:6379/0",
    "EMAIL_URL": "smtp+tls://me:{}@mail.example:587",
}
# A parser would take a piece of each for a host, an option, a port or a second URL.
UNESCAPED = [
    "alpha@bravo#charlie", "alpha@bravo?charlie", "alpha@bravo/charlie", "alpha@bravo/x charlie",
    "alpha@5432/bravo?charlie", "alpha@5432/bravo#charlie", "5432/alpha", "alpha/bravo@charlie",
    "alpha[bravo", "alpha@bravo[charlie", "alpha?bravo=charlie", "alpha\u2100bravo",
]  # fmt: skip


@pytest.mark.parametrize("password", UNESCAPED)
@pytest.mark.parametrize("name", URLS)
def test_no_piece_of_a_password_is_printed(
    name: str, password: str, refusal: Callable[..., str]
) -> None:
    writer = {"DATABASE_URL": "postgresql://me@localhost/books"} if "REPLICA" in name else {}

    sentence = refusal(**writer, **{name: URLS[name].format(password)})

    assert f"The setting {name} is wrong" in sentence
    assert not [piece for piece in ("alpha", "bravo", "charlie", "5432/") if piece in sentence]


def test_a_url_in_place_of_a_host_is_not_printed(refusal: Callable[..., str]) -> None:
    url = "postgresql://me:alpha@bravo@db.example/books"
    for host in (url, "me:alpha@bravo@db.example"):
        sentence = refusal(DB_NAME="books", DB_HOST=host)
        assert "The setting DB_HOST is wrong" in sentence
        assert not [piece for piece in ("alpha", "bravo") if piece in sentence]


@pytest.mark.parametrize("name", ["CACHE_URL", "EMAIL_URL"])
def test_a_port_that_is_no_number_stops_the_start(name: str, refusal: Callable[..., str]) -> None:
    scheme = URLS[name].partition(":")[0]
    assert f"The setting {name} is wrong: the port" in refusal(**{name: f"{scheme}://host:many"})


def test_an_at_sign_in_a_password_needs_no_escape(settings_of: SettingsOf) -> None:
    given = {name: URLS[name].format("alpha@bravo") for name in ("CACHE_URL", "EMAIL_URL")}
    found = settings_of(**given, DATABASE_URL="postgresql://me:alpha@bravo@localhost/books")
    assert found["DATABASES"]["default"]["PASSWORD"] == "alpha@bravo"
    assert found["EMAIL_HOST_PASSWORD"] == "alpha@bravo"
    assert found["CACHES"]["default"]["LOCATION"] == given["CACHE_URL"]


def test_gunicorn_refuses_a_wrong_value(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import ledger.server.gunicorn_settings"],
        env=environment(tmp_path, LEDGER_WORKERS="0"),
        capture_output=True, text=True, check=False, cwd=BASE_DIR,
    )  # fmt: skip
    assert done.returncode == env.GUNICORN_BOOT_ERROR
    assert_one_sentence(done, "The setting LEDGER_WORKERS is wrong", "1 to 64")


GUNICORN = "import ledger.server.gunicorn_settings"
# What loads the site, after what gunicorn has loaded before.
LOADERS = {
    "wsgi": (GUNICORN, "import ledger.wsgi"),
    "asgi": (GUNICORN, "import ledger.asgi"),
    "serve": ("from ledger.server import web_process", "web_process.main()"),
}


@pytest.mark.parametrize("role", ["", " "])
@pytest.mark.parametrize("loader", LOADERS)
def test_web_processes_have_the_web_role_where_the_environment_names_none(
    loader: str, role: str, tmp_path: Path
) -> None:
    """Gunicorn's own files may read no setting before, or they would be the owner."""
    before, loads = LOADERS[loader]
    asks = "from django.conf import settings; print(settings.configured)"
    done = subprocess.run(
        [sys.executable, "-c", f"{before}; {asks}; {loads}; print(settings.LEDGER_ROLE)"],
        env=environment(tmp_path) | {"LEDGER_ROLE": role, "LEDGER_URL": "http://localhost:8000"},
        capture_output=True, text=True, check=False, cwd=BASE_DIR, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "web"], done.stderr


@pytest.mark.parametrize(
    "host", ["https://bank.example", "bank.example:8000", "['a']", "a;b", "a/"]
)
def test_what_is_no_host_is_refused(host: str, refusal: Callable[..., str]) -> None:
    assert "ALLOWED_HOSTS" in refusal(ALLOWED_HOSTS=f"localhost,{host}")


def test_hosts_are_names_and_addresses(settings_of: SettingsOf) -> None:
    hosts = ["localhost", ".internal", "app_1", "192.168.0.7", "[fd00::1]"]
    assert settings_of(ALLOWED_HOSTS=", ".join(hosts))["ALLOWED_HOSTS"][:5] == hosts


def test_every_host_is_accepted_while_debugging(settings_of: SettingsOf) -> None:
    assert settings_of(ALLOWED_HOSTS="*", DEBUG="True")["ALLOWED_HOSTS"] == ["*"]


SAFE = {
    "HTTPS with everything": {**HTTPS, **OWN_SERVER, "LEDGER_ROLE": "web"},
    "a demo here": {"LEDGER_DEMO": "True", "LEDGER_URL": "http://localhost:8000"},
    "a demo in a private network": {"LEDGER_DEMO": "True", "LEDGER_URL": "http://192.168.1.5:8000"},
    "DEBUG here": {**OWN_SERVER, "DEBUG": "True", "ALLOWED_HOSTS": "localhost,[::1],.localhost"},
    "a demo on every host while debugging": {
        "LEDGER_DEMO": "True",
        "DEBUG": "True",
        "ALLOWED_HOSTS": "*",
    },
    "forms of a bank's other sites": {"CSRF_TRUSTED_ORIGINS": "https://*.bank.example"},
    "a Redis of a private network": {"CACHE_URL": "redis://:secret@redis:6379/0"},
    "a Redis by TLS": {"CACHE_URL": "rediss://:secret@cache.bank.example:6379/0"},
}


@pytest.mark.parametrize("case", SAFE)
def test_a_safe_mix_starts(case: str, settings_of: SettingsOf) -> None:
    settings_of(**SAFE[case])


@pytest.mark.parametrize(
    ("place", "is_public"),
    [
        ("", False),
        ("localhost", False),
        ("bank.localhost", False),
        ("http://[::1]:8000", False),
        ("http://10.0.0.7", False),
        ("https://bank.example", True),
        (".bank.example", True),
        ("8.8.8.8", True),
        ("*", True),
    ],
)
def test_which_hosts_others_reach(place: str, is_public: bool) -> None:
    assert env.is_public(place) is is_public


@pytest.mark.parametrize(
    ("chosen", "is_on"),
    [
        ({}, True),
        ({"LEDGER_DEMO": "True"}, False),
        ({"LEDGER_DEMO": "True", **OWN_SERVER}, True),
        ({"LEDGER_DEMO": "True", "LEDGER_STAFF_SECOND_FACTOR": "True"}, True),
        ({"LEDGER_STAFF_SECOND_FACTOR": "False"}, False),
    ],
)
def test_staff_need_a_second_factor_outside_the_demo(
    settings_of: SettingsOf, chosen: dict[str, str], is_on: bool
) -> None:
    settings = settings_of(**chosen)

    assert settings["LEDGER_STAFF_SECOND_FACTOR"] is is_on
    assert "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN" not in settings


@pytest.mark.parametrize(("chosen", "minutes", "staff_hours"), [({}, 720, 12), (OWN_SERVER, 15, 8)])
def test_sessions_of_staff_live_longer_in_the_demo_on_the_embedded_server_alone(
    settings_of: SettingsOf, chosen: dict[str, str], minutes: int, staff_hours: int
) -> None:
    settings = settings_of(LEDGER_DEMO="True", **chosen)

    assert settings["LEDGER_STAFF_SESSION_IDLE"] == timedelta(minutes=minutes)
    assert settings["LEDGER_STAFF_SESSION_ABSOLUTE"] == timedelta(hours=staff_hours)
    assert settings["LEDGER_SESSION_IDLE"] == timedelta(minutes=max(minutes, 30))


@pytest.mark.parametrize(
    "chosen",
    [{}, {**OWN_SERVER, "LEDGER_URL": "http://localhost:8000"}, {**OWN_SERVER, "DEBUG": "True"}],
)
def test_a_web_process_starts_with_an_address_or_where_nobody_else_comes(
    settings_of: SettingsOf, chosen: dict[str, str]
) -> None:
    settings_of(LEDGER_ROLE="web", **chosen)


def test_serve_refuses_an_own_server_without_an_address_at_once(tmp_path: Path) -> None:
    assert_one_sentence(manage(tmp_path, "serve", "--port", "0", **OWN_SERVER), "LEDGER_URL")


def test_a_database_url_without_a_database_is_refused(refusal: Callable[..., str]) -> None:
    sentence = refusal(DATABASE_URL="postgresql://me@host")

    assert "The setting DATABASE_URL is wrong" in sentence
    assert "names no database" in sentence


def test_a_host_after_the_database_stops_the_start(refusal: Callable[..., str]) -> None:
    sentence = refusal(DATABASE_URL="postgresql://me@a:6999/ledger,b:5998?sslmode=require")
    assert "The setting DATABASE_URL is wrong" in sentence
    assert "//a,b/ledger" in sentence


@pytest.mark.parametrize("zone", ["CET", "EET", "MET", "WET"])
def test_a_zone_that_is_a_fixed_offset_in_postgres_stops_the_start(
    refusal: Callable[..., str], zone: str
) -> None:
    assert "The setting TIME_ZONE is wrong" in refusal(TIME_ZONE=zone)


def test_a_command_stops_with_that_sentence(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", PORT="99999")

    assert_one_sentence(done, "The setting PORT is wrong", "1 to 65535")


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("not a folder")

    assert_one_sentence(manage(file, "check"), "LEDGER_DATA_DIR", str(file))


def test_the_wsgi_import_stops_with_the_same_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import ledger.wsgi"],
        cwd=BASE_DIR,
        env=environment(tmp_path, TIME_ZONE="Mars/Olympus"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert_one_sentence(done, "TIME_ZONE")


def test_the_secret_key_is_made_once_and_for_its_owner_only(
    tmp_path: Path, settings_of: SettingsOf
) -> None:
    data_dir = tmp_path / "new" / "data"

    first, second = (settings_of(LEDGER_DATA_DIR=str(data_dir))["SECRET_KEY"] for _ in range(2))

    file = data_dir / "secret_key"
    assert first == second == file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "command",
    [
        "stop_db",
        *(each
          for each in ("failover", "standby --again", "help", "version")),
    ],
)  # fmt: skip
def test_a_command_that_makes_no_data_leaves_nothing_in_an_empty_place(
    tmp_path: Path, command: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = tmp_path / "missing"

    for folder in (empty, missing):
        done = manage(folder, *command.split(), SECRET_KEY="")
        assert len(done.stderr.splitlines()) <= 1, done.stderr

    assert list(empty.iterdir()) == []
    assert not missing.exists()


def test_a_secret_key_of_the_environment_goes_first(
    tmp_path: Path, settings_of: SettingsOf
) -> None:
    given = "given, and long enough that nobody can guess it; 0123456789"

    assert settings_of(SECRET_KEY=given)["SECRET_KEY"] == given
    assert not (tmp_path / "secret_key").exists()


def test_without_a_database_setting_the_server_is_embedded_and_not_started(tmp_path: Path) -> None:
    code = "from django.conf import settings; print(settings.LEDGER_EMBEDDED)"

    done = manage(tmp_path, "shell", "--no-imports", "-c", code)

    assert done.stdout == "True\n"
    assert not (tmp_path / "pg18").exists()


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": "postgresql://me:p%40ss@db.example:5433/books?sslmode=require"},
        {
            "DB_NAME": "books",
            "DB_USER": "me",
            "DB_PASSWORD": "p@ss",
            "DB_HOST": "db.example",
            "DB_PORT": "5433",
            "DB_SSLMODE": "require",
        },
    ],
)
def test_a_database_comes_as_url_or_in_parts(
    given: dict[str, str], settings_of: SettingsOf
) -> None:
    found = settings_of(**given)["DATABASES"]["default"]

    parts = [str(found[name]) for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert parts == ["books", "me", "p@ss", "db.example", "5433"]
    assert not found["LEDGER_EMBEDDED"]


def test_the_example_file_explains_every_setting() -> None:
    files = [*(BASE_DIR / "ledger" / "settings").glob("*.py")]
    files.append(BASE_DIR / "ledger" / "web_server_settings.py")
    source = "".join(file.read_text() for file in files)
    read = set(re.findall(r"env\.(?!refuse|check)\w+\(\s*\"([A-Z_]+)\"", source))
    read |= {"DB_SSLMODE", "DB_SSLROOTCERT"}
    read |= {*databases.LEDGER_NAMES.values(), *databases.RDS_NAMES.values()}
    read |= {*provider.OIDC, *provider.COGNITO, *provider.DETAILS}

    read -= {"DB_ENGINE"}  # of other projects: read to be refused

    assert read == set(SETTING_NAMES)


def test_a_setting_that_nothing_reads_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    mistyped = {"DB_HOSST": "DB_HOST", "LEDGER_HTPS": "LEDGER_HTTPS",
                "LEDGER_WORKRES": "LEDGER_WORKERS"}  # fmt: skip
    for name in (*mistyped, "LEDGER_ZEBRA"):
        monkeypatch.setenv(name, "True")
    for _ in range(2):
        *found, unknown = check_names()
        for message, (name, meant) in zip(found, mistyped.items(), strict=True):
            assert name in message.msg
            assert f"{meant}?" in str(message.hint)
        assert "LEDGER_ZEBRA" in unknown.msg
        assert "mean" not in str(unknown.hint)


def test_a_setting_of_an_earlier_version_is_not_taken_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEDGER_IDLE_TIMEOUT", "60")  # similar to LEDGER_LOCK_TIMEOUT
    (found,) = check_names()
    assert "LEDGER_IDLE_TIMEOUT" in found.msg
    assert "mean" not in str(found.hint)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AWS_STORAGE_BUCKET_NAME", "LEDGER_ATTACHMENTS_BUCKET"),
        ("DB_SECRET_ARN", "DB_SECRET_ID"),
        ("DB_SSL_CA", "DB_SSLROOTCERT"),
        ("DB_USE_IAM", "DB_IAM_REGION"),
        ("EMAIL_BACKEND", "EMAIL_URL"),
    ],
)
def test_the_name_of_another_project_leads_to_ours(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")
    (found,) = check_names()
    assert f"mean {meant}?" in str(found.hint)


def test_a_file_of_settings_may_be_one_of_a_shell(tmp_path: Path) -> None:
    """Also as an editor of Windows saves it."""
    file = tmp_path / ".env"
    file.write_text("\ufeffexport DATABASE_URL=postgresql://bank\n\n# a note\nset DEBUG = True\n")
    assert env.env_file(file).data == {"DATABASE_URL": "postgresql://bank", "DEBUG": "True"}


@pytest.mark.parametrize("line", ["DATABASE_URL: postgresql://bank", "DATABASE_URL", "let A=1"])
def test_a_line_of_a_file_that_sets_nothing_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"DEBUG=True\n{line}\n")
    with pytest.raises(ValueError, match="line 2"):
        env.env_file(file)


# How scripts, compose.yaml, the Makefile and tests read a setting.
READ_ELSEWHERE = re.compile(
    r"""\$[{(]?((?:LEDGER|DB)_[A-Z_]+)|environ(?:\.get\(|\[)"((?:LEDGER|DB)_[A-Z_]+)"\]?(?! =)"""
)
ELSEWHERE = ("deploy", "tests", ".ci", "Makefile", "Dockerfile", "compose.yaml", "compose.dev.yaml")


def test_what_scripts_and_tests_read_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    top = [BASE_DIR / name for name in ELSEWHERE]
    files = [file for each in top for file in (each.rglob("*") if each.is_dir() else [each])]
    texts = [file.read_bytes().decode(errors="ignore") for file in files if file.is_file()]
    read = {name for text in texts for names in READ_ELSEWHERE.findall(text) for name in names}
    assert {"LEDGER_VENV", "LEDGER_IMAGE", "LEDGER_BERKA"} <= read
    for name in filter(None, read):
        monkeypatch.setenv(name, "x")
    assert check_names() == []


def test_every_setting_is_one_that_something_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTING_NAMES:
        monkeypatch.setenv(name, "" if name == "DATABASE_URL" else "x")
    assert check_names() == []


@pytest.mark.parametrize("url", ["postgresql://db/ledger", ""])
def test_parts_of_a_server_that_the_url_replaces_are_named(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST", "DB_SSLMODE", "DB_SSLROOTCERT"}
    for name in (*parts, "DB_PLAINTEXT", "DB_POOLER"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DATABASE_URL", url)

    named = [set(re.findall(r"DB_\w+", message.msg)) for message in check_names()]

    assert named == ([parts] if url else [])


def test_settings_of_rest_framework_that_replace_ours_are_refused(settings: LazySettings) -> None:
    assert not check_api_settings()
    settings.REST_FRAMEWORK |= {"PAGE_SIZE": 20}
    assert not check_api_settings()
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest.JWT"], "PAGE_SIZE": 20}
    (found,) = check_api_settings()
    assert "DEFAULT_PERMISSION_CLASSES" in found.msg
    assert "|=" in str(found.hint)
