"""A search finds the reader's own current notes and tags, and nobody else's."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, User
from ledger.db.queries.work import watched
from tests.banking.attachments.files import attached
from tests.factories import AccountFactory
from tests.pages import without_token
from tests.transactions.search.shared import (
    context_of,
    names_of,
    parameters_of,
    scans_of,
    search_for,
)
from tests.transactions.statements.shared import fill
from transactions.annotations.services import annotate
from transactions.models import Transaction
from transactions.scope import Scope, scope_for
from transactions.search.engine import find
from transactions.search.language.parser import parse
from transactions.search.sql import name_lookup
from transactions.search.suggestions import suggest

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]
BELL = 'FROM "alerts"'  # how many alerts are unread
SEARCH = "/search/"


@pytest.fixture
def noted(ana: User, mara: Account, books: Books) -> Books:
    """Ana and Mara both note things of the rent and of what came back; Ana changed her mind."""

    def note(name: str, owner: User, text: str, *tags: str) -> None:
        annotate(transaction=books[name], owner=owner, text=text, tags=tags)

    note("rent", ana, "Olddraft", "oldtag")
    note("rent", ana, "Split with Zoe in Lisbon", "flat-2026", "shared")
    note("lunch", ana, "Birthday of Zoe", "shared")
    note("fee", ana, "", "bank")
    note("saved", ana, "Withdrawn words", "gone")
    note("saved", ana, "")
    note("rent", mara.user, "Marasecret flat", "hersonly", "shared")
    note("back", mara.user, "Marasecret too", "hersonly")
    return books


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lisbon", ["rent"]),
        ("LISB", ["rent"]),
        ("zoe", ["rent", "lunch"]),
        ('"zoe in"', ["rent"]),
        ('"in zoe"', []),
        ("shared", ["rent", "lunch"]),
        ("flat-2026", ["rent"]),
        ("2026 shared", ["rent"]),
        ("march lisbon", ["rent"]),  # one word in the payment, the other in the note
        ("casa zoe", ["lunch"]),
        ("zoe -lisbon", ["lunch"]),
        ("rent -zoe", ["back"]),
        ('-"birthday of zoe" card', ["groceries"]),
        ("lisbon or fee", ["rent", "fee"]),
        ("olddraft", []),
        ("oldtag", []),
        ("withdrawn", []),
        ("marasecret", []),
        ("hersonly", []),
        ("tag:shared", ["rent", "lunch"]),
        ("tag:#Shared", ["rent", "lunch"]),
        ("tag:flat-2026", ["rent"]),
        ("tag:flat", []),
        ("tag:hersonly", []),
        ("tag:gone", []),
        ("-tag:shared is:out", ["groceries", "fee"]),
        ("note:zoe", ["rent", "lunch"]),
        ('note:"split with"', ["rent"]),
        ("note:shared", []),
        ("note:marasecret", []),
        ("-note:zoe is:out", ["groceries", "fee"]),
        ("has:note", ["rent", "lunch"]),
        ("has:tag", ["rent", "lunch", "fee"]),
        ("has:tag -has:note", ["fee"]),
        ("-has:tag -has:note", ["salary", "groceries", "saved", "back"]),
        ("tag:shared amount:>100", ["rent"]),
        ("tag:shared or tag:bank", ["rent", "lunch", "fee"]),
    ],
)
def test_a_query_of_notes_finds(text: str, names: list[str], scope: Scope, noted: Books) -> None:
    assert search_for(scope, text, noted) == names
    assert find(scope, text).facets.count == len(names)


def test_the_other_side_finds_only_its_own_notes(mara: Account, noted: Books) -> None:
    theirs = scope_for(mara.user)
    for text in ("lisbon", "zoe", "olddraft", "tag:bank", "tag:flat-2026", "note:split"):
        assert search_for(theirs, text, noted) == []
    assert search_for(theirs, "marasecret", noted) == ["rent", "back"]
    assert search_for(theirs, "tag:shared", noted) == ["rent"]
    assert find(theirs, "is:booked").facets.tag == [("hersonly", 2), ("shared", 1)]


def test_in_the_bank_no_note_is_found_counted_or_suggested(
    staff: Client, ana: User, noted: Books
) -> None:
    bank = Scope(ana, is_bank=True)
    for text in ("lisbon", "marasecret", "tag:shared", "note:zoe", "has:note", "has:tag"):
        found = find(bank, text)
        assert (found.rows, found.facets.tag) == ([], [])
    assert "private" in find(bank, "tag:shared").mistakes[0].sentence
    assert find(bank, "rent").facets.tag == []
    assert suggest(bank, parse("lisbno")).queries == []
    for text in ("rent", "is:booked", "-tag:shared"):
        shown = staff.get(SEARCH, {"q": text, "whose": "bank"}).content.decode()
        for secret in ("Lisbon", "Zoe", "flat-2026", "Marasecret", "hersonly", "Birthday"):
            assert secret not in shown


def test_pages_never_show_notes_of_the_other_side(
    client: Client, ana: User, mara: Account, noted: Books
) -> None:
    hers = ["marasecret", "hersonly"]
    his = ["lisbon", "zoe", "flat-2026", "bank<", "birthday"]
    for user, secrets in ((ana, [*hers, "olddraft", "oldtag", "withdrawn"]), (mara.user, his)):
        client.force_login(user)
        for text in ("", "rent", "is:booked", "tag:shared", "has:note", "shraed", "march"):
            shown = without_token(client.get(SEARCH, {"q": text})).lower()
            for secret in secrets:
                assert secret not in shown, (text, secret)
        for typed in [
            *secrets,
            "marasecert",
            "lisbno",
            "tag:hersonyl",
            "tag:flat-206",
            "note:splti",
        ]:
            suggested = suggest(scope_for(user), parse(typed)).queries
            assert not [s for s in secrets if s != typed and s in " ".join(suggested)]


def test_words_of_notes_are_suggested(scope: Scope, noted: Books) -> None:
    for typed, meant in [
        ("lisbno", "lisbon"),
        ("tag:shraed", "tag:shared"),
        ("tag:flat", "tag:flat-2026"),
        ("note:birthdya", "note:birthday"),
    ]:
        assert meant in suggest(scope, parse(typed)).queries


def test_a_matching_note_is_highlighted(customer: Client, noted: Books) -> None:
    def said(text: str) -> dict[Any, str]:
        page = context_of(customer, q=text)
        return {hit.row.pk: str(hit.note) for hit in page.hits}

    rent, lunch, fee = (noted[name].pk for name in ("rent", "lunch", "fee"))
    assert said("lisbon") == {
        rent: "Split with Zoe in <mark>Lisbon</mark> #flat-2026 #shared",
    }
    assert said("tag:shared")[lunch] == "Birthday of Zoe #shared"
    assert said("has:tag")[fee] == "#bank"
    assert said("note:zoe")[lunch] == "Birthday of <mark>Zoe</mark> #shared"
    assert said("shared")[lunch] == "Birthday of Zoe #<mark>shared</mark>"
    assert said('"march"') == {noted["salary"].pk: "", rent: ""}, "not why it was found"
    shown = customer.get(SEARCH, {"q": "lisbon"}).content.decode()
    assert "in <mark>Lisbon</mark>" in shown


def test_a_hostile_note_stays_text(customer: Client, ana: User, books: Books) -> None:
    hostile = "<img src=x onerror=alert(1)> \ue000<script>alert(2)</script>"
    annotate(transaction=books["rent"], owner=ana, text=hostile, tags=["\u00e9", "x_y"])
    for text in ("alert", "has:note", "note:img", "tag:\u00e9"):
        shown = customer.get(SEARCH, {"q": text}).content.decode()
        assert "<img" not in shown
        assert "<script>alert" not in shown
        assert "&lt;img" in shown.replace("<mark>", "").replace("</mark>", "")


def test_tags_are_a_facet(customer: Client, scope: Scope, noted: Books) -> None:
    page = context_of(customer, q="is:booked")
    (tags,) = [facet for facet in page.facets if facet.label == "Tag"]
    assert [(link.label, link.count) for link in tags.links] == [
        ("#shared", 2),
        ("#bank", 1),
        ("#flat-2026", 1),
    ]
    for link in tags.links:
        assert context_of(customer, **parameters_of(link.url)).result.facets.count == link.count
    assert find(scope, "tag:shared").facets.tag == [("shared", 2), ("flat-2026", 1)]


def test_a_word_of_a_note_counts_for_the_rank(scope: Scope, noted: Books) -> None:
    annotate(transaction=noted["salary"], owner=scope.reader, text="corner office")
    assert names_of(find(scope, "corner"), noted) == ["salary", "groceries"]


def test_a_statements_filter_and_its_file_find_notes_too(
    customer: Client, client: Client, ana: User, mara: Account, noted: Books
) -> None:
    def file_of(account: Account, text: str) -> int:
        url = reverse("transactions:statement", args=[account.pk])
        assert customer.get(url, {"q": text}).status_code == 200
        file = b"".join(customer.get(f"{url}statement.csv", {"q": text})).decode()
        assert "Lisbon" not in file
        assert "shared" not in file
        return len(file.splitlines()) - 1

    everyday, pot = scope_for(ana).accounts
    found = {text: file_of(everyday, text) for text in ("zoe", "tag:shared", "has:tag", "lisb fee")}
    assert found == {"zoe": 2, "tag:shared": 2, "has:tag": 3, "lisb fee": 0}
    assert file_of(everyday, "-tag:shared") == 5
    assert file_of(everyday, "marasecret") == file_of(pot, "zoe") == 0
    customer.force_login(mara.user)
    assert [file_of(mara, text) for text in ("zoe", "tag:bank", "marasecret")] == [0, 0, 2]


def test_too_many_noted_payments_are_found_by_a_subquery(
    scope: Scope, noted: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookup, "MOST_NOTED", 1)
    monkeypatch.setattr("transactions.search.sql.compiler.MOST_NOTED", 1)
    for text, names in [
        ("zoe", ["rent", "lunch"]),
        ("rent -zoe", ["back"]),
        ("casa zoe", ["lunch"]),
        ("lisbon", ["rent"]),
    ]:
        assert search_for(scope, text, noted) == names


@pytest.mark.parametrize("text", ["zoe lisbon", "tag:shared -note:zoe", "has:note", "zzz"])
def test_a_page_still_takes_three_queries(customer: Client, noted: Books, text: str) -> None:
    with CaptureQueriesContext(connection) as context:
        customer.get(SEARCH, {"q": text})
    others = ('"sessions"', "auth_permission", "pg_stats", 'SELECT "users"."last_login"', BELL)
    sent = [query["sql"] for query in context.captured_queries]
    assert len([sql for sql in sent if not any(other in sql[:3000] for other in others)]) <= 3


@pytest.mark.parametrize("has_notes", [False, True])
def test_words_use_the_search_index_with_and_without_notes(has_notes: bool) -> None:
    """Of 3,000 rows within 30,000 a handful is read, with notes and without."""
    account = AccountFactory(user__name="Ana")
    busy, other, third = (AccountFactory() for _ in range(3))
    fill(busy, other, 30_000)
    fill(account, third, 3_000)
    rows = list(account.sent.all()[:40]) + list(account.received.all()[:40])
    if has_notes:
        for row in rows[:40]:
            annotate(transaction=row, owner=account.user, text="Seen", tags=["seen"])
        annotate(transaction=rows[0], owner=account.user, text="Row needle 777")
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('transactions_search')")
        cursor.execute("ANALYZE")
    with watched() as work:
        found = find(scope_for(account.user), '"777"')
    assert found.facets.count == (2 if has_notes else 1)
    read = [query for query in work.queries if '"transactions"."currency"' in query.statement]
    assert len(read) == 2
    for query in read:
        scans = scans_of(query)
        assert "transactions_search" in {scan.get("Index Name") for scan in scans}
        of_rows = [scan for scan in scans if scan.get("Relation Name") == "transactions"]
        assert max(scan["Actual Rows"] for scan in of_rows) <= 4


def test_payments_with_a_receipt_of_ones_own_are_found(
    staff: Client, scope: Scope, ana: User, mara: Account, noted: Books
) -> None:
    attached(noted["lunch"], ana)
    attached(noted["rent"], mara.user)
    assert search_for(scope, "has:receipt", noted) == ["lunch"]
    assert search_for(scope, "has:note -has:receipt", noted) == ["rent"]
    assert search_for(scope_for(mara.user), "has:receipt", noted) == ["rent"]
    found = context_of(staff, q="has:receipt", whose="bank")
    assert names_of(found, noted) == []
