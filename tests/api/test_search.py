"""The search by the API: what the page finds, with counts, highlights, and pages that stay."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import Account
from tests.api.calls import bearer, slug
from tests.conftest import colleague
from tests.factories import AccountFactory
from transactions import services
from transactions.annotations.services import annotate

pytestmark = pytest.mark.django_db
SEARCH = "/api/v1/search/"


def find(client: Client, q: str = "", **more: Any) -> Any:
    return client.get(SEARCH, {"q": q, **more})


def pay(mine: Account, theirs: Account, description: str = "Rent", **details: Any) -> Any:
    return services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(5), description=description, **details
    )


def test_it_finds_what_the_page_finds_with_counts_and_highlights(
    ana: Client, mine: Account, theirs: Account
) -> None:
    row = pay(mine, theirs, "Rent in Porto", metadata={"merchant": {"city": "Porto"}})
    pay(mine, theirs, "Coffee")
    annotate(transaction=row, owner=mine.user, text="Porto trip", tags=["trip"])
    data = find(ana, "porto").json()
    (hit,) = data["results"]
    assert (hit["id"], hit["amount"], hit["direction"]) == (str(row.pk), "5.00", "out")
    assert (hit["from_name"], hit["to_name"]) == ("Everyday", "Mara Lindt")
    assert hit["metadata"] == {"merchant": {"city": "Porto"}}
    marked = {it["field"]: it for it in hit["highlights"]}
    assert marked["description"]["text"] == "Rent in Porto"
    assert marked["description"]["ranges"] == [[8, 13]]
    assert marked["metadata.merchant.city"]["ranges"] == [[0, 5]]
    assert marked["note"]["text"].startswith("Porto trip")
    assert (data["count"], data["whose"], data["sort"]) == (1, "mine", "best")
    assert data["totals"] == [
        {"currency": "USD", "count": 1, "money_in": "0.00", "money_out": "5.00"}
    ]
    assert data["facets"]["tag"] == [{"value": "trip", "count": 1}]
    assert data["next"] is None


def test_it_names_the_synonym_that_found_a_row(ana: Client, mine: Account, theirs: Account) -> None:
    pay(mine, theirs, "Coffee")
    pay(mine, theirs, "Kettle", metadata={"merchant": {"mcc": "5814"}})
    hits = find(ana, "coffee").json()["results"]
    assert [(hit["description"], hit["found_by"]) for hit in hits] == [
        ("Coffee", []),
        ("Kettle", ["Restaurant"]),
    ]


def test_names_are_highlighted(ana: Client, mine: Account, theirs: Account) -> None:
    pay(mine, theirs)
    (hit,) = find(ana, "lindt").json()["results"]
    assert hit["highlights"] == [{"field": "to_name", "text": "Mara Lindt", "ranges": [[5, 10]]}]


@pytest.mark.parametrize("sort", ["newest", "oldest", "largest", "best"])
def test_pages_follow_each_other(ana: Client, mine: Account, theirs: Account, sort: str) -> None:
    ids = [str(pay(mine, theirs).pk) for _ in range(27)]
    first = find(ana, "rent", sort=sort).json()
    if sort in ("newest", "oldest"):
        pay(mine, theirs)  # moves no page
    rest = ana.get(first["next"]).json()
    seen = [hit["id"] for hit in first["results"] + rest["results"]]
    assert len(first["results"]) == 25
    assert set(ids) <= set(seen)
    assert len(seen) == len(set(seen))
    if sort == "newest":
        assert seen == ids[::-1]


def test_mistakes_and_suggestions_are_told(ana: Client, mine: Account, theirs: Account) -> None:
    pay(mine, theirs)
    (mistake,) = find(ana, "account:nowhere").json()["mistakes"]
    assert mistake["sentence"]
    assert find(ana, "retn").json()["suggestions"] == ["rent"]


def test_nobody_finds_the_payments_of_others(ana: Client, theirs: Account) -> None:
    AccountFactory(balance="5", user=theirs.user)
    assert find(ana, "from:mara or to:mara or mara").json()["results"] == []
    answer = find(ana, "mara", whose="bank")
    assert (answer.status_code, slug(answer)) == (403, "not-allowed")


def test_the_bank_is_read_with_the_scope_and_the_right(
    client: Client, mine: Account, theirs: Account
) -> None:
    pay(mine, theirs, "Rent in Porto", metadata={"city": "Porto"})
    clerk, analyst = colleague(OPERATIONS, "Clerk"), colleague(ANALYSTS, "Ada")
    named = client.get(SEARCH, {"q": "porto", "whose": "bank"}, headers=bearer(clerk, "staff"))
    assert named.json()["results"][0]["to_name"] == "Mara Lindt"
    query = {"q": "has:meta.city", "whose": "bank"}
    report = client.get(SEARCH, query, headers=bearer(clerk, "report"))
    assert report.json()["count"] == 1
    assert "Mara" not in report.content.decode()
    answer = client.get(SEARCH, {"q": "porto", "whose": "bank"}, headers=bearer(clerk, "read"))
    assert slug(answer) == "not-allowed"
    answer = client.get(SEARCH, {"whose": "mine"}, headers=bearer(clerk, "report"))
    assert slug(answer) == "not-allowed"
    analyst.is_staff = False
    analyst.save()
    words = client.get(SEARCH, {"q": "porto"}, headers=bearer(analyst, "report"))
    assert words.json()["count"] == 0
    unnamed = client.get(SEARCH, query, headers=bearer(analyst, "report"))
    (hit,) = unnamed.json()["results"]
    assert (hit["description"], hit["reference"], hit["metadata"]) == (None, None, None)
    assert hit["highlights"] == []
    assert "Porto" not in unnamed.content.decode()
    assert "Mara" not in unnamed.content.decode()


@pytest.mark.parametrize(
    "q",
    [
        "%ED%A0%80", "%00", "a%00b", quote("\ue000rent\ue001"), "%F0%9F%92%B8", "(" * 500,
        "a+or+" * 300, "x" * 3000, "meta." + "a." * 200 + ":1", "%27%3B%20DROP",
        "amount:%3E" + "9" * 60,
    ],
)  # fmt: skip
def test_no_text_is_too_strange(ana: Client, mine: Account, q: str) -> None:
    for more in ("", "&sort=newest", "&sort=largest&page=3"):
        assert ana.get(f"{SEARCH}?q={q}{more}").status_code in (200, 414)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "fastest"}, {"whose": "yours"}, {"page": "0"}, {"page": "401"}, {"page": "x"},
        {"cursor": "x"}, {"cursor": "x", "sort": "newest"}, {"cursor": "WzFd", "sort": "newest"},
        {"limit": "5"}, {"fields": "password"},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(ana: Client, mine: Account, wrong: dict[str, str]) -> None:
    answer = find(ana, "", **wrong)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")


def test_the_number_of_queries_does_not_grow(
    ana: Client, mine: Account, theirs: Account, django_assert_num_queries: Any
) -> None:
    for _ in range(6):
        pay(mine, theirs)
    find(ana, "rent")
    with django_assert_num_queries(6):
        assert len(find(ana, "rent").json()["results"]) == 6
