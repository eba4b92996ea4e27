"""One person's requests leave threads of a process to other people."""

import io
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from ledger.db.ids import uuid7
from ledger.web import downloads, mail, running_requests
from ledger.web.running_requests import LARGE, MAX_PARALLEL, WAITING, RunningRequests
from ledger.web_server_settings import FEWEST_THREADS
from tests.api.calls import bearer
from tests.factories import UserFactory
from tests.uploads import READ_AGAIN, UPLOADS

pytestmark = pytest.mark.django_db
BATCH = "/api/v1/transactions/batch/"
PAGES = ("/accounts/", "/api/v1/accounts/")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> RunningRequests:
    monkeypatch.setattr(running_requests, "SECONDS", 0)
    found = RunningRequests(most_running=2, waiting=1)
    monkeypatch.setattr(running_requests, "_requests", found)
    return found


@contextmanager
def running(requests: RunningRequests, person: User, count: int) -> Iterator[None]:
    assert all(requests.begin(person.pk) for _ in range(count))
    yield
    for _ in range(count):
        requests.end(person.pk)


@pytest.mark.parametrize("page", PAGES)
def test_a_person_with_too_many_requests_waits_and_others_do_not(
    requests: RunningRequests, page: str, client: Client
) -> None:
    ana, ben = UserFactory(), UserFactory()
    client.force_login(ana)
    with running(requests, ana, 2):
        refused = client.get(page)
        assert (refused.status_code, refused["Retry-After"]) == (429, "2")
        client.force_login(ben)
        assert client.get(page).status_code == 200
    client.force_login(ana)
    assert [client.get(page).status_code for _ in range(4)] == [200] * 4


def test_all_tokens_and_sessions_of_a_person_count_together(
    requests: RunningRequests, client: Client
) -> None:
    ana = UserFactory()
    token = bearer(ana, "read")
    with running(requests, ana, 2):
        refused = client.get("/api/v1/accounts/", headers=token)
        assert (refused.status_code, refused.json()["type"]) == (
            429, "/api/v1/problems/#too-many-at-once",
        )  # fmt: skip
    assert client.get("/api/v1/accounts/", headers=token).status_code == 200


def test_a_request_that_failed_counts_no_more(
    requests: RunningRequests, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(UserFactory())
    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr("django.shortcuts.loader.render_to_string", lambda *_, **__: 1 / 0)
        assert [client.get("/accounts/").status_code for _ in range(3)] == [500] * 3
    assert client.get("/accounts/").status_code == 200


def test_people_who_are_not_signed_in_are_not_counted(
    requests: RunningRequests, client: Client
) -> None:
    for _ in range(2):
        requests.begin(None)
    assert client.get(reverse("account_login")).status_code == 200
    assert client.get("/api/v1/accounts/").status_code == 401


def test_a_request_waits_until_another_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_requests, "SECONDS", 60)
    requests = RunningRequests(most_running=1, waiting=1)
    requests.begin("ana")
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(requests.begin, "ana") for _ in range(2)]
        wait(both, return_when=FIRST_COMPLETED)  # the one that may not wait
        requests.end("ana")
        assert sorted(each.result() for each in both) == [False, True]


@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [
        ("application/json", LARGE + 1, 429),
        ("application/x-ndjson", LARGE + 1, 429),
        ("application/json", LARGE, 400),
        ("text/csv", LARGE + 1, 429),  # a file, wherever it is sent
    ],
)
def test_a_person_sends_one_large_body_of_json_at_a_time(
    kind: str, size: int, status: int, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setattr(running_requests, "SECONDS", 0)
    large_bodies = RunningRequests(most_running=1, waiting=1)
    monkeypatch.setattr(running_requests, "_large_bodies", large_bodies)
    person, status_of_nonsense = UserFactory(), 415 if kind == "text/csv" else 400

    def send(sender: User = person) -> Any:
        return client.post(BATCH, "x" * size, kind, headers=bearer(sender, "pay"))

    assert large_bodies.begin(person.pk)
    assert send(UserFactory()).status_code == status_of_nonsense
    refused = send()
    assert refused.status_code == status
    if status == 429:
        assert refused["Retry-After"] == "2"
        assert refused.json()["type"] == "/api/v1/problems/#too-many-large-bodies"
    large_bodies.end(person.pk)
    assert [send().status_code for _ in range(2)] == [status_of_nonsense] * 2


@pytest.mark.parametrize("path", sorted(map(reverse, UPLOADS)))
def test_files_leave_half_of_the_threads_to_pages(
    path: str, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    """A PDF of 47 KB and XML of 1.6 MB took ten seconds each, and two people all threads."""
    own, all_of_them = RunningRequests(1, 0, 0), RunningRequests(2, 0, 0)
    monkeypatch.setattr(running_requests, "_large_bodies", own)
    monkeypatch.setattr(running_requests, "_read_of_all", all_of_them)
    person = UserFactory(is_staff=True, is_superuser=False)
    is_call = path.startswith("/api/")
    if not is_call:
        client.force_login(person)

    def status() -> int:
        if not is_call:
            return client.post(path, {"file": io.BytesIO(b"a,b")}).status_code
        is_list = path == BATCH
        kind, body = ("application/json", "x" * (LARGE + 1)) if is_list else ("text/csv", "a,b")
        return client.post(path, body, kind, headers=bearer(person, "pay")).status_code

    free = status()
    assert free not in (415, 429)
    with running(own, person, 1):
        assert status() == 429
    assert all(all_of_them.begin(running_requests.EVERYBODY) for _ in range(2))
    assert status() == 429
    all_of_them.end(running_requests.EVERYBODY)
    assert [status() for _ in range(2)] == [free] * 2


def test_files_take_half_of_the_threads() -> None:
    reading = running_requests.MAX_PARALLEL_READS + running_requests.WAITING_TO_BE_READ
    assert reading <= FEWEST_THREADS / 2


def test_one_person_leaves_a_thread_to_others() -> None:
    assert MAX_PARALLEL + WAITING < FEWEST_THREADS


def test_mails_and_downloads_leave_threads_to_pages() -> None:
    waiting = mail.MAX_PARALLEL + mail.MAX_PARALLEL_NOTICES + downloads.MAX_PARALLEL
    assert FEWEST_THREADS - waiting >= 3


@pytest.mark.parametrize("name", READ_AGAIN)
def test_a_file_that_is_read_again_counts_as_one_that_is_sent(
    name: str, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    own = RunningRequests(1, 0, 0)
    monkeypatch.setattr(running_requests, "_large_bodies", own)
    person, path = UserFactory(), reverse(name, args=[uuid7()])
    client.force_login(person)
    assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)
    with running(own, person, 1):
        assert (client.get(path).status_code, client.post(path).status_code) == (404, 429)
