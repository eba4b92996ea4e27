"""Notes and tags by the API: the caller's own, and no change of another window is lost."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from tests.api.calls import TRANSACTIONS, bearer, slug
from tests.factories import AccountFactory
from transactions import services
from transactions.annotations.models import Annotation

pytestmark = pytest.mark.django_db
TAGS = "/api/v1/tags/"


@pytest.fixture
def address(mine: Account, theirs: Account) -> str:
    row = services.transfer(from_account=mine, to_account=theirs, amount=Decimal(5))
    return f"{TRANSACTIONS}{row.pk}/note/"


def put(client: Client, address: str, text: str, *tags: str, **more: Any) -> Any:
    headers = more.pop("headers", {})
    sent = {"text": text, "tags": tags, **more}
    return client.put(address, sent, content_type="application/json", headers=headers)


def test_a_note_is_written_and_read_again(ana: Client, address: str) -> None:
    assert ana.get(address).json() == {"text": "", "tags": [], "version": "", "changed_at": None}
    written = put(ana, address, "Split with Mara", "#Food", "trip")
    assert written.status_code == 200
    assert written.json()["tags"] == ["food", "trip"]
    answer = ana.get(address)
    assert answer.json() == written.json()
    assert answer.headers["ETag"] == f'"{written.json()["version"]}"'


def test_the_other_side_does_not_read_it(ana: Client, theirs: Account, address: str) -> None:
    put(ana, address, "Split with Mara")
    ana.force_login(theirs.user)
    assert ana.get(address).json()["text"] == ""


def test_a_transaction_of_others_has_no_note(ana: Client) -> None:
    row = AccountFactory(balance="5").received.get()
    address = f"{TRANSACTIONS}{row.pk}/note/"
    for answer in (ana.get(address), put(ana, address, "Mine")):
        assert (answer.status_code, slug(answer)) == (404, "not-found")
    assert not Annotation.objects.exists()


def test_whoever_saw_another_version_is_told(ana: Client, address: str) -> None:
    seen = ana.get(address).headers["ETag"]
    put(ana, address, "First")
    for stale in ({"headers": {"If-Match": seen}}, {"replaces": ""}):
        answer = put(ana, address, "Second", **stale)
        assert (answer.status_code, slug(answer)) == (409, "note-changed")
    now = ana.get(address)
    assert now.json()["text"] == "First"
    assert put(ana, address, "Second", headers={"If-Match": now.headers["ETag"]}).status_code == 200
    version = ana.get(address).json()["version"]
    assert put(ana, address, "Third", replaces=version).json()["text"] == "Third"
    assert put(ana, address, "Fourth", headers={"If-Match": "*"}).json()["text"] == "Fourth"


def test_sent_again_it_changes_nothing(ana: Client, address: str) -> None:
    seen = {"If-Match": ana.get(address).headers["ETag"]}
    first, again = (put(ana, address, "Once", headers=seen) for _ in range(2))
    assert (again.status_code, again.json()) == (200, first.json())


def test_an_empty_note_removes_it(ana: Client, address: str) -> None:
    put(ana, address, "First", "food")
    assert put(ana, address, "").json()["tags"] == []
    assert ana.get(TAGS).json() == {"results": []}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"text": "x" * 5000, "tags": []}, 422),
        ({"text": "", "tags": ["two words"]}, 422),
        ({"text": "", "tags": [f"tag{n}" for n in range(500)]}, 422),
        ({"text": "a\x00b", "tags": []}, 400),
        ({"text": "\ud800", "tags": []}, 400),
        ({"text": "", "tags": ["\ud800"]}, 400),
        ({"text": "", "tags": "food"}, 400),
        ({"text": 5, "tags": []}, 400),
        ({"text": "No tags"}, 400),
        ({"text": "", "tags": [], "owner": "1"}, 400),
        ([], 400),
    ],
)
def test_what_cannot_be_stored_is_a_problem(
    ana: Client, address: str, sent: Any, status: int
) -> None:
    answer = ana.put(address, sent, content_type="application/json")
    assert (answer.status_code, slug(answer) != "") == (status, True)
    assert not Annotation.objects.exists()


def test_one_version_is_named_once(ana: Client, address: str) -> None:
    for headers, more in (
        ({"If-Match": '"a"'}, {"replaces": ""}), ({"If-Match": '"a", "b"'}, {}),
        ({"If-Match": "a"}, {}),
    ):  # fmt: skip
        answer = put(ana, address, "First", headers=headers, **more)
        assert (answer.status_code, slug(answer)) == (400, "invalid-request")


def test_tags_are_counted(ana: Client, mine: Account, theirs: Account, address: str) -> None:
    row = services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    put(ana, address, "", "food", "trip")
    put(ana, f"{TRANSACTIONS}{row.pk}/note/", "", "food")
    results = ana.get(TAGS).json()["results"]
    assert [(row["tag"], row["count"]) for row in results] == [("food", 2), ("trip", 1)]


def test_a_token_that_reads_writes_no_note(client: Client, mine: Account, address: str) -> None:
    header = bearer(mine.user, "read")
    assert client.get(address, headers=header).status_code == 200
    assert slug(put(client, address, "Mine", headers=header)) == "not-allowed"


def test_the_number_of_queries(ana: Client, address: str, django_assert_num_queries: Any) -> None:
    put(ana, address, "First", "food")
    for reads, most in ((address, 4), (TAGS, 3)):
        with django_assert_num_queries(most):
            ana.get(reads)
