"""Downloads leave threads to pages: two at once in a process, and one of each person."""

import gc
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory

from ledger.web import downloads
from ledger.web.downloads import DownloadLimitMiddleware, Downloads
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db


def response() -> StreamingHttpResponse:
    return StreamingHttpResponse(iter(["a", "b"]))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "SECONDS", 0)
    monkeypatch.setattr(downloads, "_downloads", Downloads(most=2))


def test_a_person_has_one_at_a_time() -> None:
    running, (first, second) = Downloads(most=2), (response(), response())

    assert running.begin(first, "ana") == ""
    assert "Your other download" in running.begin(second, "ana")
    first.close()
    first.close()
    assert running.begin(second, "ana") == ""


def test_a_process_has_two_at_once() -> None:
    running, (first, second, third) = Downloads(most=2), (response(), response(), response())

    assert running.begin(first, "ana") == ""
    assert running.begin(second, "ben") == ""
    assert "Too many downloads" in running.begin(third, "eve")
    second.close()
    assert running.begin(third, "eve") == ""


def test_one_that_nobody_closed_does_not_count_for_ever() -> None:
    running, first = Downloads(most=1), response()
    assert running.begin(first, "ana") == ""

    del first
    gc.collect()

    assert running.begin(response(), "ana") == ""


class DownloadClock:
    """The time of the downloads, which the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> DownloadClock:
    found = DownloadClock()
    monkeypatch.setattr(downloads, "monotonic", found)
    return found


def run_slowly(running: Downloads, clock: DownloadClock, *people: str, reads: bool = True) -> None:
    """One download of each, all in parallel, that take longer than those of most people."""
    begun = [response() for _ in people]
    pairs = zip(begun, people, strict=True)
    assert [running.begin(each, person, reads=reads) for each, person in pairs] == [""] * len(begun)
    clock.now += downloads.SLOW_AFTER + 1
    for each in begun:
        each.close()


def test_people_whose_downloads_were_slow_leave_a_turn_to_others(clock: DownloadClock) -> None:
    running, (first, second, third) = Downloads(most=2), (response(), response(), response())
    run_slowly(running, clock, "mallory", "mel")

    assert running.begin(first, "mallory") == ""
    assert "Too many downloads" in running.begin(second, "mel")
    assert running.begin(third, "ana") == ""
    for each in (first, third):
        each.close()
    assert running.begin(second, "mel") == ""
    second.close()
    clock.now += downloads.SLOW_FOR
    run_slowly(running, clock, "mallory", "mel")


def test_what_writes_makes_nobody_slow(clock: DownloadClock) -> None:
    running, (first, second) = Downloads(most=2), (response(), response())
    run_slowly(running, clock, "ana", "ben", reads=False)
    run_slowly(running, clock, "ana", "ben", reads=False)
    assert [running.begin(first, "ana"), running.begin(second, "ben")] == ["", ""]


def test_a_batch_takes_any_turn_whatever_was_downloaded(clock: DownloadClock) -> None:
    running, (first, second) = Downloads(most=2), (response(), response())
    run_slowly(running, clock, "mallory", "ana")
    assert running.begin(first, "mallory") == ""
    assert running.begin(second, "ana", reads=False) == ""


def test_few_people_with_slow_downloads_are_remembered(
    clock: DownloadClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_KNOWN", 3)
    running = Downloads(most=2)
    for number in range(10):
        run_slowly(running, clock, f"person {number}")
    assert len(running._slow_until) <= 3


def test_a_single_turn_is_also_for_slow_downloads(clock: DownloadClock) -> None:
    running = Downloads(most=1)
    run_slowly(running, clock, "ana")
    run_slowly(running, clock, "ana")


@pytest.mark.parametrize(("method", "reads"), [("get", True), ("post", False)])
def test_only_a_request_that_reads_can_be_slow(
    method: str, reads: bool, monkeypatch: pytest.MonkeyPatch, rf: RequestFactory
) -> None:
    kinds: list[bool] = []

    def begin(*_arguments: object, reads: bool) -> str:
        kinds.append(reads)
        return ""

    monkeypatch.setattr(downloads._downloads, "begin", begin)
    request = getattr(rf, method)("/")
    request.user = UserFactory.build()
    DownloadLimitMiddleware(lambda _request: response())(request)
    assert kinds == [reads]


def test_a_second_download_is_told_to_wait_and_pages_go_on(client: Client) -> None:
    account = AccountFactory()
    client.force_login(account.user)
    url = f"/accounts/{account.pk}/statement.csv"
    first: Any = client.get(url)

    second = client.get(url)
    page = client.get("/accounts/")

    assert (first.status_code, second.status_code, page.status_code) == (200, 429, 200)
    assert "Your other download" in second.content.decode()
    assert b"".join(first.streaming_content)
    third: Any = client.get(url)
    assert b"".join(third.streaming_content)


@pytest.mark.parametrize("kind", ["pdf", "xlsx"])
def test_a_file_that_is_made_first_counts_while_it_is_made(kind: str, client: Client) -> None:
    account = AccountFactory()
    client.force_login(account.user)
    url = f"/accounts/{account.pk}/statement.{kind}"
    with downloads.making_file(account.user.pk):
        assert client.get(url).status_code == 429
        call = client.get(f"/api/v1/accounts/{account.pk}/statement/", {"format": kind})
        assert (call.status_code, call["Content-Type"]) == (429, "application/problem+json")
    made = client.get(url)
    assert made.status_code == 200
    assert made.getvalue()
    assert client.get("/accounts/").status_code == 200
