"""How the web server gathers a request: when a thread may take it, and how long it may take."""

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.server import arrival
from ledger.server.arrival import BYTES_PER_SECOND, MOST_GATHERED, Arrival, Pace

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def fed(data: bytes, size: int = 1) -> Arrival:
    found = Arrival()
    for start in range(0, len(data), size):
        assert not found.is_ready, data[:start]
        found.add(data[start : start + size])
    return found


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(arrival, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.mark.parametrize(
    "whole",
    [GET, POST % 3 + b"a=b", POST % 0, b"GET / HTTP/1.1\n", POST.replace(b"%d", b"-1")],
    ids=["head", "body", "empty body", "bare line feed", "length that gunicorn refuses"],
)
def test_a_request_is_ready_with_its_last_byte(whole: bytes) -> None:
    found = fed(whole)

    assert found.is_ready
    assert not found.is_long
    assert found.data == whole


def test_what_follows_belongs_to_the_next_request() -> None:
    found = Arrival(POST % 3 + b"a=b" + GET)

    assert found.is_ready
    assert not found.is_long


@pytest.mark.parametrize("header", [b"Transfer-Encoding: chunked", b"expect: 100-continue"])
def test_a_thread_reads_a_body_that_waits_or_has_no_length(header: bytes) -> None:
    found = fed((POST % 3).replace(b"Content-Length: 3", header))

    assert found.is_ready
    assert found.is_long


def test_a_thread_reads_a_body_that_is_too_long_to_gather() -> None:
    found = fed(POST % (MOST_GATHERED + 1))

    assert found.is_ready
    assert found.is_long
    assert not fed(POST % MOST_GATHERED).is_long  # of the body alone, as `late_bodies.SHORT`


def test_a_head_without_end_is_gathered_up_to_a_limit() -> None:
    found = fed(b"GET /" + b"a" * (MOST_GATHERED - 5), size=1024)

    assert found.is_ready
    assert not found.is_long  # nobody reads more of it


@pytest.mark.parametrize("start", [GET[:-2], POST % 1000], ids=["head", "body"])
def test_single_bytes_do_not_put_off_the_end(
    start: bytes, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_READ_TIMEOUT = 10
    clock = stopped_clock(monkeypatch)
    found = Arrival(start)

    for _ in range(3):
        clock.now += 5
        found.add(b"a")

    assert not found.is_ready
    assert found.pace.seconds_left() < 0


def test_each_second_of_a_steady_client_is_granted(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_READ_TIMEOUT = 10
    clock = stopped_clock(monkeypatch)
    pace = Pace()

    for _ in range(100):
        clock.now += 1
        pace.count(BYTES_PER_SECOND)

    assert pace.seconds_left() == 10
