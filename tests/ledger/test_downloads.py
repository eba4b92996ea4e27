"""Downloads leave threads to pages: two at once in a process, and one of each person."""

import gc
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from ledger.web import downloads
from ledger.web.downloads import Downloads
from tests.factories import AccountFactory

pytestmark = pytest.mark.django_db


def response() -> StreamingHttpResponse:
    return StreamingHttpResponse(iter(["a", "b"]))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "SECONDS", 0)
    monkeypatch.setattr(downloads, "_downloads", Downloads(at_once=2))


def test_a_person_has_one_at_a_time() -> None:
    running, (first, second) = Downloads(at_once=2), (response(), response())

    assert running.begin(first, "ana") == ""
    assert "of yours" in running.begin(second, "ana")
    first.close()
    first.close()
    assert running.begin(second, "ana") == ""


def test_a_process_has_two_at_once() -> None:
    running, (first, second, third) = Downloads(at_once=2), (response(), response(), response())

    assert running.begin(first, "ana") == ""
    assert running.begin(second, "ben") == ""
    assert "at once" in running.begin(third, "eve")
    second.close()
    assert running.begin(third, "eve") == ""


def test_one_that_nobody_closed_does_not_count_for_ever() -> None:
    running, first = Downloads(at_once=1), response()
    assert running.begin(first, "ana") == ""

    del first
    gc.collect()

    assert running.begin(response(), "ana") == ""


def test_a_second_download_is_told_to_wait_and_pages_go_on(client: Client) -> None:
    account = AccountFactory()
    client.force_login(account.user)
    url = f"/accounts/{account.pk}/statement.csv"
    first: Any = client.get(url)

    second = client.get(url)
    page = client.get("/accounts/")

    assert (first.status_code, second.status_code, page.status_code) == (200, 429, 200)
    assert "Another download of yours" in second.content.decode()
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
