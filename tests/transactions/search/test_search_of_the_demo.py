"""The search of the demo bank: every word finds its row, and all parts of the app that take a
query find the same rows.

The sample and the queries come from generators with a seed.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.db.models import Value
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.models import Account, User
from api.paging import MAX_PAGE_SIZE
from tests.kept import rolled_back_at_the_end
from tests.transactions.search.shared import words_in
from transactions.annotations.models import Annotation
from transactions.categories.rules import rows_of
from transactions.demo import seeding
from transactions.models import Transaction
from transactions.scope import BANK, Scope, scope_for
from transactions.search import engine
from transactions.search.engine import SearchResult, find
from transactions.search.language.parser import parse
from transactions.search.language.terms import narrowed, token
from transactions.search.page.results import SearchPage
from transactions.search.sql.compiler import ConditionCompiler
from transactions.search.sql.name_lookup import find_names
from transactions.search.sql.sides import TransactionSides
from transactions.statements.page import Filters, entries_of, statement_page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_bank")]
SEED = 20261130
SAMPLE, WORDS_PER_QUERY = 500, 20
QUERIES, PARTS = 200, 10
RESULTS = "/search/results.json"
CHOICES = ("is:booked", "is:hold", "is:pending", "is:refund", "is:refunded", "is:in", "is:out",
           "is:own", "is:captured", "is:released", "type:transfer", "type:deposit",
           "type:withdrawal", "has:meta.merchant", "has:note", "has:tag", "category:none",
           "refunds:shopping", "currency:EUR", "currency:USD", "to:me", "from:me", "joined:2025",
           "date:>2026-03", "date:2025-12..2026-02", "april", "last month", "2026", ">500",
           "amount:10..50", "amount:<=5", "amount:>100")  # fmt: skip


@pytest.fixture(scope="module")
def demo_bank(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The bank that `seed_demo` makes unless told otherwise."""
    with rolled_back_at_the_end(django_db_blocker):
        now = datetime(2026, 5, 20, 12, tzinfo=UTC)
        made = seeding.seed(users=24, months=12, seed=1, now=now)
        assert made.transactions > 9_000
        yield


def strings_in(value: Any) -> Iterator[str]:
    """The strings and numbers of a JSON document, without its keys."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from strings_in(each)
    elif isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
        yield str(value)


def names_on(row: Transaction, reader: User) -> list[str]:
    """The names that the reader sees on this row: of other people, and of the reader's accounts if
    both accounts are the reader's.
    """
    sides = [side for side in (row.from_account, row.to_account) if side]
    others = [side.user.name for side in sides if side.user_id != reader.pk]
    return others if others or len(sides) < 2 else [side.name for side in sides]


def words_on(row: Transaction, reader: User) -> set[str]:
    """The words of two letters or more by which docs/search.md promises this row."""
    texts = [row.description, row.reference, *strings_in(row.metadata), *names_on(row, reader)]
    return {word.lower() for text in texts for word in words_in(text) if len(word) > 1}


def missed(scope: Scope, wanted: dict[str, set[UUID]]) -> list[tuple[str, UUID]]:
    """The pairs of a word and a row that a search of the scope for this word does not find."""
    found = set()
    every = sorted(wanted)
    for start in range(0, len(every), WORDS_PER_QUERY):
        words = every[start : start + WORDS_PER_QUERY]
        names = find_names(scope, parse(" or ".join(words)), has_synonyms=False)
        compiler = ConditionCompiler(TransactionSides(scope), names)
        conditions = {word: compiler.condition(parse(word)).where for word in words}
        one, *others = (
            scope.transactions()
            .filter(where, pk__in=wanted[word])
            .order_by()
            .values_list(Value(word), "pk")
            for word, where in conditions.items()
        )
        found |= set(one.union(*others, all=True))
    return sorted({(word, pk) for word in wanted for pk in wanted[word]} - found)


def test_each_word_of_a_row_finds_the_row() -> None:
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    ids = sorted(Transaction.objects.values_list("pk", flat=True))
    rows = Transaction.objects.with_sides().filter(pk__in=chance.sample(ids, SAMPLE))
    wanted: dict[User, dict[str, set[UUID]]] = defaultdict(lambda: defaultdict(set))
    for row in rows.order_by("pk"):
        sides = [side.user for side in (row.from_account, row.to_account) if side]
        reader = chance.choice(sides)
        for word in words_on(row, reader):
            wanted[reader][word].add(row.pk)
    assert missed_by_reader(wanted) == []
    pairs = [
        (reader, word, pk)
        for reader, words in wanted.items()
        for word, pks in sorted(words.items())
        for pk in sorted(pks)
    ]
    assert len(pairs) > 5 * SAMPLE
    staff = scope_for(User.objects.get(email="manager@example.com"), BANK)
    for reader, word, pk in chance.sample(pairs, 40):
        for scope in (scope_for(reader), staff):
            assert [row.pk for row in find(scope, f"{word} id:{pk}").rows] == [pk], word


def missed_by_reader(wanted: dict[User, dict[str, set[UUID]]]) -> list[tuple[str, UUID]]:
    return [pair for reader in wanted for pair in missed(scope_for(reader), wanted[reader])]


class QueryGenerator:
    """Makes queries from the rows of a reader. Most terms of a query are of one row, so that most
    queries find something.
    """

    def __init__(self, scope: Scope, seed: int) -> None:
        self.scope, self.chance = scope, random.Random(seed)  # noqa: S311 - not a secret
        self.rows = list(scope.transactions().with_sides().order_by("pk"))
        noted = Annotation.objects.of(scope.reader).latest()
        self.noted = {each.transaction_id: each for each in noted}

    def query(self) -> str:
        groups = self.chance.choices((1, 2, 3), (70, 25, 5))[0]
        return " or ".join(self._group() for _ in range(groups))

    def _group(self) -> str:
        rows = self.rows
        if self.chance.random() < 0.2:
            rows = [row for row in rows if row.pk in self.noted]
        terms = self._terms(self.chance.choice(rows))
        chosen = self.chance.sample(terms, self.chance.choice((1, 1, 2, 2, 3)))
        if self.chance.random() < 0.3:
            others = self._terms(self.chance.choice(self.rows))
            chosen.append(
                f"-{self.chance.choice([each for each in others if each[0] not in '+-'])}"
            )
        return " ".join(chosen)

    def _terms(self, row: Transaction) -> list[str]:
        """Terms that find the row, and a few that may."""
        reader = self.scope.reader
        words = sorted(words_on(row, reader) - {"or"})
        day = timezone.localdate(row.created_at)
        amount = f"{row.amount.normalize():f}"
        terms = [self.chance.choice(words), self.chance.choice(words),
                 self.chance.choice(words)[:3], self.chance.choice(words)[:2],
                 f'"{row.description}"', f"date:{day:%Y-%m}", f"date:{day}", f"{day:%B}",
                 amount, f"+{amount}", f"-{amount}", f"amount:>={amount}",
                 f"weekday:{day:%A}", f"hour:{timezone.localtime(row.created_at).hour}",
                 *self.chance.sample(CHOICES, 2)]  # fmt: skip
        if row.reference:
            terms.append(token("ref", words_in(row.reference)[0]))
        for field, key in (("category", "category"), ("meta.channel", "channel")):
            terms.append(token(field, row.metadata.get(key, "")))
        for field, side in (("to", row.to_account), ("from", row.from_account)):
            if side is None or side.user_id != reader.pk:
                name = side.user.name if side else row.description
                terms += [f"{field}:{words_in(name)[0]}", f"with:{words_in(name)[0]}"]
            else:
                terms.append(f"account:{side.number[-4:]}")
        if note := self.noted.get(row.pk):
            terms += [f"tag:{tag}" for tag in note.tags]
            terms += [f"note:{word}" for word in words_in(note.text)[:2]]
        return [term for term in terms if term]


@pytest.fixture
def ana(monkeypatch: pytest.MonkeyPatch) -> User:
    """Ana, for whom all results are on one page."""
    monkeypatch.setattr(engine, "PAGE", 100_000)
    ana: User = User.objects.get(email="ana@example.com")
    return ana


@pytest.fixture
def customer(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client


Sums = dict[str, tuple[int, Decimal, Decimal]]  # by currency: number, money in, money out


def totals_of(result: SearchResult) -> Sums:
    totals = result.facets.totals
    return {each.currency: (each.count, each.money_in, each.money_out) for each in totals}


def sums_of(rows: Iterable[Transaction], ids: Collection[UUID]) -> Sums:
    """The totals of the money in and out of these accounts, computed from the rows."""
    sums: Sums = {}
    for row in rows:
        count, came, went = sums.get(row.currency, (0, Decimal(0), Decimal(0)))
        moved = row.amount if row.status == "completed" else Decimal(0)
        is_to, is_from = row.to_account_id in ids, row.from_account_id in ids
        came, went = came + moved * (is_to > is_from), went + moved * (is_from > is_to)
        sums[row.currency] = (count + 1, came, went)
    return sums


def check_facets(result: SearchResult, chance: random.Random) -> None:
    """The counts of the facets are those of the rows, and a search for a value finds as many."""
    facets, rows, query = result.facets, result.rows, result.query
    assert (facets.count, facets.is_cut) == (len(rows), False), query.text
    assert facets.holds == sum(row.status != "completed" for row in rows), query.text
    months = Counter(f"{timezone.localtime(row.created_at):%Y-%m}" for row in rows)
    assert {f"{month:%Y-%m}": count for month, count in facets.month} == months, query.text
    assert dict(facets.type) == Counter(row.type for row in rows), query.text
    categories = Counter(row.shown_category.lower() for row in rows if row.shown_category)
    assert dict(facets.category) == categories, query.text
    page = SearchPage(result, may_read_bank=False, may_open_all=False)
    links = [link for facet in page.facets for link in facet.links if not link.is_on]
    for link in chance.sample(links, min(2, len(links))):
        (text,) = parse_qs(urlsplit(link.url).query)["q"]
        assert len(find(result.scope, text, sort="newest").rows) == link.count, text


def file_rows(customer: Client, url: str, query: str) -> list[UUID]:
    """The transactions in a file."""
    response: Any = customer.get(url, {"q": query})
    assert response.status_code == 200, query
    return [UUID(row["transaction"]) for row in json.loads(response.getvalue())]


def check_statement(account: Account, result: SearchResult, customer: Client) -> None:
    """The filter of the account's statement finds the entries of the rows that the search finds
    with `account:` and `is:booked`.

    With two accounts, the search leaves out transfers between them from money in and out.
    """
    query, items = result.query.text, result.query.items
    has_account = any(item.kind == "account" for item in items)
    if has_account and any(item.is_directed for item in items):
        return
    entries = entries_of(account, Filters(text=query)).newest_first()
    ids = list(entries.values_list("transaction_id", flat=True))
    text = parse(narrowed(result.query, f"account:{account.number}"))
    booked = find(result.scope, narrowed(text, "is:booked"), sort="newest")
    assert ids == [row.pk for row in booked.rows], (account.name, query)
    totals = statement_page(account, Filters(text=query)).totals
    found = totals and {account.currency: (totals.count, totals.money_in, totals.money_out)}
    assert (found or {}) == sums_of(booked.rows, [account.pk]), (account.name, query)
    assert has_account or totals_of(booked) == found or not ids, (account.name, query)
    url = reverse("transactions:statement_json", args=[account.pk])
    assert file_rows(customer, url, query) == ids[::-1], (account.name, query)
    if len(ids) <= MAX_PAGE_SIZE:  # more pages only take longer
        url = reverse("api:entries", args=[account.pk])
        answer = customer.get(url, {"q": query, "limit": str(MAX_PAGE_SIZE)}).json()
        assert [UUID(row["transaction"]) for row in answer["results"]] == ids, (account.name, query)


@pytest.mark.parametrize("part", range(PARTS))
def test_all_that_take_a_query_find_the_same_rows(ana: User, customer: Client, part: int) -> None:
    scope = scope_for(ana)
    made = QueryGenerator(scope, SEED + part)
    counts = []
    for number in range(QUERIES // PARTS):
        query = made.query()
        result = find(scope, query, sort="newest")
        ids = [row.pk for row in result.rows]
        counts.append(len(ids))
        sums = sums_of(result.rows, result.named_accounts or scope.ids)
        assert totals_of(result) == sums, query
        check_facets(result, made.chance)
        assert set(rows_of(ana, query).values_list("pk", flat=True)) == set(ids), query
        assert file_rows(customer, RESULTS, query) == ids, query
        answer = customer.get("/api/v1/search/", {"q": query, "sort": "newest"}).json()
        assert [UUID(row["id"]) for row in answer["results"]] == ids, query
        assert answer["count"] == len(ids), query
        check_statement(scope.accounts[number % len(scope.accounts)], result, customer)
    assert sum(1 for count in counts if count) > len(counts) / 2
