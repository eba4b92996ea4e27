"""Searching notes and tags finds only the reader's own, through the indexes."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Q

from accounts.models import Account
from ledger.db.queries.conditions import one_of
from ledger.db.queries.tsqueries import LexemeQuery, account_lexeme
from tests.factories import AccountFactory, UserFactory
from tests.plans import nodes_of
from tests.transactions.statements.shared import fill
from transactions import services
from transactions.annotations.search import (
    ids_with_note,
    ids_with_tag,
    ids_with_words,
    tags_in_use,
)
from transactions.annotations.services import annotate
from transactions.models import Entry, Transaction
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db


def words(text: str, kind: str = "websearch") -> SearchQuery:
    return SearchQuery(text, config="simple", search_type=kind)


class AnnotatedBank:
    """Ana paid Mara three times; both noted things, and Ana changed her mind once."""

    def __init__(self) -> None:
        self.ana: Account = AccountFactory(balance="100", user__name="Ana")
        self.mara: Account = AccountFactory(user__name="Mara")
        self.lunch, self.trip, self.rent = (
            services.transfer(
                from_account=self.ana, to_account=self.mara, amount=Decimal(n), description=text
            )
            for n, text in enumerate(("Lunch", "Train to Porto", "Rent"), 1)
        )
        note, ana, mara = annotate, self.ana.user, self.mara.user
        note(transaction=self.lunch, owner=ana, text="Porto, with Mara", tags=["food"])
        note(transaction=self.lunch, owner=ana, text="In Porto", tags=["food", "porto-2026"])
        note(transaction=self.trip, owner=ana, tags=["porto-2026", "secret"])
        note(transaction=self.trip, owner=ana, tags=["porto-2026"])
        note(transaction=self.rent, owner=mara, text="Porto flat", tags=["income"])
        self.names = {self.lunch.pk: "lunch", self.trip.pk: "trip", self.rent.pk: "rent"}

    def named(self, ids: Any) -> set[str]:
        return {self.names[row["transaction_id"]] for row in ids}


@pytest.fixture
def bank() -> AnnotatedBank:
    return AnnotatedBank()


@pytest.mark.parametrize(
    ("query", "kind", "found"),
    [
        ("porto", "websearch", {"lunch", "trip"}),
        ('"in porto"', "websearch", {"lunch"}),
        ("2026", "websearch", {"lunch", "trip"}),
        ("food", "websearch", {"lunch"}),
        ("'po':*", "raw", {"lunch", "trip"}),
        ("mara", "websearch", set()),  # said before, no more
        ("secret", "websearch", set()),
        ("income", "websearch", set()),  # Mara's
        ("flat", "websearch", set()),
    ],
)
def test_words_are_found_in_ones_own_current_notes(
    bank: AnnotatedBank, query: str, kind: str, found: set[str]
) -> None:
    assert bank.named(ids_with_words(bank.ana.user, words(query, kind))) == found


def test_a_tag_must_match_whole_and_a_note_by_its_text(bank: AnnotatedBank) -> None:
    ana, mara = bank.ana.user, bank.mara.user
    assert bank.named(ids_with_tag(ana, "porto-2026")) == {"lunch", "trip"}
    assert bank.named(ids_with_tag(ana, "#Food")) == {"lunch"}
    assert bank.named(ids_with_tag(ana, "porto")) == set()
    assert bank.named(ids_with_tag(ana, "secret")) == set()
    assert bank.named(ids_with_tag(ana, "income")) == set()
    assert bank.named(ids_with_tag(ana)) == {"lunch", "trip"}
    assert bank.named(ids_with_note(ana)) == {"lunch"}
    assert bank.named(ids_with_note(ana, words("porto"))) == {"lunch"}
    assert bank.named(ids_with_note(ana, words("food"))) == set()
    assert bank.named(ids_with_note(mara)) == {"rent"}
    assert bank.named(ids_with_tag(mara)) == {"rent"}
    assert bank.named(ids_with_tag(UserFactory())) == set()


@pytest.mark.parametrize("odd", ["'", "\\", "a' | 'b", "x' & !'y", "\x00", "é'\\'", "😀", ":*"])
def test_any_text_can_be_searched_as_a_tag(bank: AnnotatedBank, odd: str) -> None:
    assert bank.named(ids_with_tag(bank.ana.user, f"porto-2026{odd}")) <= {"lunch", "trip"}
    assert list(ids_with_tag(bank.ana.user, f"food{odd}' | '#porto-2026")) == []


def test_tags_in_use_counts_current_tags(bank: AnnotatedBank) -> None:
    used = [(tag.tag, tag.count) for tag in tags_in_use(bank.ana.user)]
    assert used == [("porto-2026", 2), ("food", 1)]
    assert [tag.tag for tag in tags_in_use(bank.ana.user, most=1)] == ["porto-2026"]
    assert [tag.tag for tag in tags_in_use(bank.mara.user)] == ["income"]
    assert tags_in_use(UserFactory()) == []


def test_notes_and_words_combine_for_payments_and_entries(bank: AnnotatedBank) -> None:
    ana = bank.ana.user
    porto = words("porto")
    wanted = Q(search=porto) | one_of(ids_with_words(ana, porto))
    assert set(scope_for(ana).transactions().filter(wanted)) == {bank.lunch, bank.trip}
    assert not scope_for(UserFactory()).transactions().filter(wanted)
    of_entries = Q(search=porto) | one_of(ids_with_words(ana, porto), "transaction_id")
    entries = Entry.objects.for_account(bank.ana).filter(of_entries)
    assert {entry.transaction_id for entry in entries} == {bank.lunch.pk, bank.trip.pk}
    without = scope_for(ana).transactions().filter(~one_of(ids_with_tag(ana, "porto-2026")))
    assert bank.rent in without
    assert bank.lunch not in without


def test_words_and_notes_together_use_both_indexes() -> None:
    """Of 50,000 payments of one account, one has the words and another one has the note."""
    account = AccountFactory(overdraft_limit=Decimal(10))
    fill(account, AccountFactory(overdraft_limit=Decimal(10)), 50_000)
    ana, porto = account.user, words("porto")
    described = services.deposit(to_account=account, amount=Decimal(1), description="To Porto")
    other = Transaction.objects.get(description="Row 77")
    annotate(transaction=other, owner=ana, text="In Porto")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE annotations, transactions")
    within = LexemeQuery(account_lexeme(account.pk)) & porto
    wanted = Q(search=within) | one_of(ids_with_words(ana, porto))
    rows = scope_for(ana).transactions().filter(wanted)
    assert set(rows) == {described, other}
    nodes = nodes_of(rows)
    assert "BitmapOr" in {node["Node Type"] for node in nodes}
    assert {"transactions_search", "transactions_pkey"} <= {n.get("Index Name") for n in nodes}
    read = [n for n in nodes if n.get("Relation Name") == "transactions"]
    assert [(node["Node Type"], node["Actual Rows"]) for node in read] == [("Bitmap Heap Scan", 2)]


def test_many_notes_read_few_rows() -> None:
    """Each of 3,000 payments noted three times: the newest of each counts."""
    account = AccountFactory(overdraft_limit=Decimal(10))
    fill(account, AccountFactory(overdraft_limit=Decimal(10)), 3_000)
    ana = account.user
    rows: list[UUID] = list(
        Transaction.objects.filter(description__startswith="Row").values_list("pk", flat=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotations (id, transaction_id, owner_id, text, tags, created_at)"
            " SELECT gen_random_uuid(), row, %s, 'Version ' || n, array['v' || n]::varchar[],"
            " '2026-01-01'::timestamptz + n * interval '1 day'"
            " FROM unnest(%s::uuid[]) AS row, generate_series(1, 3) AS n",
            [ana.pk, rows],
        )
    assert ids_with_tag(ana, "v2").count() == 0
    assert ids_with_tag(ana, "v3").count() == 3_000
    assert ids_with_words(ana, words("version")).count() == 3_000
    assert tags_in_use(ana)[0].count == 3_000
    read = sum(
        node["Actual Rows"] * node["Actual Loops"] for node in nodes_of(ids_with_tag(ana, "v3"))
    )
    assert read < 100_000
