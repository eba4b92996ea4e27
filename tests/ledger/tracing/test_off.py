"""Without LEDGER_TRACING nothing of OpenTelemetry is loaded, and nothing of ours is in the way."""

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
from django.db import connection, connections

from ledger.db.backend.base import DatabaseWrapper
from ledger.env import BASE_DIR
from ledger.settings import tracing
from ledger.tracing import spans
from tests.factories import AccountFactory
from tests.ledger.processes import assert_one_sentence, environment, manage
from tests.optional import optional
from transactions import services

LOADED = (
    "import sys, ledger.wsgi, ledger.jobs.worker, transactions.services;"
    "print([name for name in sys.modules if name.partition('.')[0] == 'opentelemetry'])"
)

OURS = (f"{BASE_DIR}/ledger/tracing/", f"{BASE_DIR}/ledger/db/queries/traced.py")


def loaded(tmp_path: Path, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=environment(tmp_path, **settings),
        capture_output=True, text=True, check=False, cwd=BASE_DIR,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    assert loaded(tmp_path) == "[]"


def test_the_setting_loads_it(tmp_path: Path) -> None:
    optional("opentelemetry-sdk", "opentelemetry.sdk")
    assert "opentelemetry.sdk.trace" in loaded(tmp_path, LEDGER_TRACING="True")


@pytest.mark.django_db
def test_connections_and_middleware_are_as_ever(settings: object) -> None:
    connection.ensure_connection()
    assert DatabaseWrapper.spans is None
    for each in connections.all(initialized_only=True):
        assert not any("traced" in wrapper.__module__ for wrapper in each.execute_wrappers)
    assert tracing.FIRST not in settings.MIDDLEWARE  # type: ignore[attr-defined]
    assert spans.span("x") is spans.begin("y") is spans.NOTHING_OPEN
    assert spans.ids() == {}


@pytest.mark.django_db(transaction=True)
def test_a_payment_asks_twice_whether_it_is_traced_and_a_read_never() -> None:
    account = AccountFactory(balance="10")
    pay = partial(services.deposit, to_account=account, amount=Decimal(1))
    pay()
    assert sorted(calls_of_tracing(pay)) == [
        "__enter__",
        "__exit__",
        "is_recording",
        "note",
        "span",
    ]
    assert calls_of_tracing(account.refresh_from_db) == []


def calls_of_tracing(work: Callable[[], object]) -> list[str]:
    """The functions of ours about tracing that the work calls."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(OURS):
            found.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def test_the_setting_without_the_extra_stops_the_start_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracing, "find_spec", lambda _name: None)
    monkeypatch.setenv("LEDGER_TRACING", "True")
    with pytest.raises(SystemExit):
        tracing.is_on()
    (line,) = capsys.readouterr().err.splitlines()
    assert "LEDGER_TRACING" in line
    assert "the extra otel" in line


WRONG = {
    "an endpoint without a scheme": ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    "a public endpoint in plain text": (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://traces.example/v1/traces",
    ),
    "gRPC": ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    "another exporter": ("OTEL_TRACES_EXPORTER", "zipkin"),
    "headers without names": ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
    "a sampler that is none": ("OTEL_TRACES_SAMPLER", "sometimes"),
    "a share above all": ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
    "a queue of none": ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
    "a batch above the queue": ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_variable_stops_the_start(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, value = WRONG[case]
    monkeypatch.setenv("LEDGER_TRACING", "True")
    if name == "OTEL_TRACES_SAMPLER_ARG":
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(tracing, "find_spec", lambda _name: object())
    with pytest.raises(SystemExit):
        tracing.is_on()
    (line,) = capsys.readouterr().err.splitlines()
    assert f"The setting {name} is wrong" in line
    assert "secret" not in line


def test_what_opentelemetry_itself_refuses_stops_the_start_too(tmp_path: Path) -> None:
    optional("opentelemetry-sdk", "opentelemetry.sdk")
    done = manage(tmp_path, "check", LEDGER_TRACING="True", OTEL_PROPAGATORS="none-such")
    assert_one_sentence(done, "OTEL_")
