"""What the rows of outside accounts say of themselves, and what is read of them."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone

from banking.outside import reads, services
from banking.outside.file_parts import delete_file, store_file
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport, all_one_way
from banking.outside.reads import Difference, difference_of, doubts_of
from tests.banking.outside.files import outside_account, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> OutsideAccount:
    return outside_account()


@pytest.mark.parametrize(
    ("amounts", "first"),
    [
        ((5, 7), 1), ((-5, -7), 1), ((0, 5), 2), ((-5, 0), 1), ((5, -5), None), ((-1, 5), None),
        ((0,), None), ((), None),
    ],
)  # fmt: skip
def test_lines_of_one_direction_are_told_by_the_first_that_moves_money(
    account: OutsideAccount, amounts: tuple[int, ...], first: int | None
) -> None:
    source = stored(account, *(("2026-11-02", amount, "") for amount in amounts), first_on=None)
    found = all_one_way(OutsideEntry.objects.of(source))
    if first is None:
        assert found is None
    else:
        assert found == (source.entries.get(number=first), -amounts[first - 1])


@pytest.mark.parametrize(
    ("other", "description", "title", "words"),
    [
        ("Ana", "Rent", "Ana", "Ana, Rent"), ("Ana", "", "Ana", "Ana"),
        ("", "Rent", "Rent", "Rent"), ("", "", "Without a text", "Without a text"),
    ],
)  # fmt: skip
def test_an_entry_is_named_by_its_texts(
    other: str, description: str, title: str, words: str
) -> None:
    entry = OutsideEntry(other=other, description=description)
    assert (entry.title, entry.words) == (title, words)


@pytest.mark.parametrize(
    ("mapping", "closing", "is_unused"),
    [
        ({"balance": 3}, None, True), ({"balance": 0}, None, True), ({"balance": 3}, 0, False),
        ({"balance": None}, None, False), ({}, None, False), (None, None, False),
    ],
)  # fmt: skip
def test_balances_are_unused_if_the_lines_do_not_lead_to_them(
    mapping: dict[str, int | None] | None, closing: int | None, is_unused: bool
) -> None:
    assert OutsideImport(mapping=mapping, closing=closing).has_unused_balances is is_unused


@pytest.mark.parametrize(("doubles", "is_fewer"), [(0, False), (2, False), (3, True), (4, True)])
def test_fewer_lines_are_new_than_doubles(
    account: OutsideAccount, doubles: int, is_fewer: bool
) -> None:
    lines = [("2026-11-02", number, "") for number in range(4)]
    source = stored(account, *lines, double_count=doubles, state="preview")
    source.entries.filter(number__in=(1, 3)).update(is_double=True)
    assert (source.new_count, source.has_fewer_new) == (4 - doubles, is_fewer)
    shown = [line.number for line in OutsideEntry.objects.for_reading(source)]
    assert shown == ([2, 4, 1, 3] if is_fewer else [1, 3, 2, 4])


def test_lines_count_as_they_are_stored(account: OutsideAccount) -> None:
    facts: dict[str, Any] = {"line_count": 7, "entry_count": 2}
    counts = {}
    for state in ("columns", "reading", "preview", "imported", "undone"):
        source = stored(account, state=state, **facts)
        counts[state] = OutsideImport.objects.filter(pk=source.pk).line_total()
    assert counts == {"columns": 7, "reading": 7, "preview": 7, "imported": 2, "undone": 0}
    stored(outside_account(), **facts)
    assert OutsideImport.objects.owned_by(account.owner).line_total() == 23
    assert OutsideImport.objects.none().line_total() == 0


@pytest.mark.parametrize(
    ("opening", "state", "file", "expected"),
    [
        (0, "imported", {}, (5, True)), (1, "imported", {}, (6, False)),
        (0, "preview", {}, (0, False)),
        (0, "imported", {"opening": 0}, (5, False)), (0, "imported", {"closing": 9}, (5, False)),
    ],
)  # fmt: skip
def test_a_balance_is_the_opening_and_all_entries(
    opening: int, state: str, file: dict[str, Any], expected: tuple[int, bool]
) -> None:
    account = outside_account(opening=opening)
    stored(account, ("2026-11-02", 8, ""), ("2026-11-02", -3, ""), state=state, **file)
    stored(account, ("2026-11-03", 9, ""), state="preview", opening=1, closing=10)
    stored(outside_account(owner=account.owner), ("2026-11-02", 9, ""), closing=9)
    found = OutsideAccount.objects.with_balance().get(pk=account.pk)
    assert (found.balance, found.is_start_unknown) == expected


def test_the_difference_is_of_the_newest_file_with_a_balance(account: OutsideAccount) -> None:
    services.change_account(account=account, opening=Decimal(100))
    account.refresh_from_db()
    assert difference_of(account) is None
    stored(account, ("2026-11-01", 5, ""), closing=1, name="old.csv")
    stored(account, ("2026-11-03", 7, ""), closing=112, name="new.csv")
    stored(account, ("2026-11-04", 9, ""), name="without.csv")
    assert difference_of(account) is None
    newest = stored(
        account, ("2026-11-02", 1, ""), closing=9, closing_on="2026-11-03", name="c.csv"
    )
    OutsideImport.objects.filter(pk=newest.pk).update(imported_at=newest.created_at)
    OutsideImport.objects.exclude(pk=newest.pk).update(imported_at=account.created_at)
    found = difference_of(account)
    assert found == Difference(
        "c.csv", date(2026, 11, 3), Decimal(9), Decimal(113), Decimal(-4), twice=[]
    )
    stored(account, ("2026-11-05", 9, ""), closing=1, state="preview")
    assert difference_of(account) == found


@pytest.mark.parametrize(
    ("day", "amount", "is_twice"),
    [("2026-11-02", 7, True), ("2026-11-03", 7, False), ("2026-11-02", 6, False)],
)
def test_an_entry_of_two_files_explains_the_difference(
    account: OutsideAccount, day: str, amount: int, is_twice: bool
) -> None:
    first = stored(account, ("2026-11-02", 7, "Rent"), imported_at=account.created_at)
    last = stored(
        account, (day, amount, "RENT"), ("2026-11-02", 1, ""), imported_at=timezone.now(),
        closing=1 + amount, closing_on="2026-11-03",
    )  # fmt: skip
    found = difference_of(account)
    assert found is not None
    entries = [first.entries.get(), last.entries.get(number=1)]
    assert found.twice == (entries if is_twice else [])
    assert (found.balance, found.closing, found.fitting_opening) == (8 + amount, 1 + amount, -7)


def test_pages_of_entries_and_the_file_carry_the_balance_on(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "ENTRIES_PER_PAGE", 2)
    days = ("2026-11-01", "2026-11-01", "2026-11-02", "2026-11-02", "2026-11-03")
    source = stored(account, *((day, n, "") for n, day in enumerate(days, start=1)), opening=9)
    (found,) = reads.accounts_of(account.owner)
    rows = [(entry.number, balance) for entry, balance in reads.all_entries(found)]
    assert rows == [(5, 15), (4, 10), (3, 6), (2, 3), (1, 1)]
    shown = []
    for number in (None, "2", "3"):
        page, of_page = reads.entry_page(found, number)
        shown += [(page.number, day.total, [row[1] for row in day.entries]) for day in of_page]
    assert shown == [(1, 5, [15]), (1, 4, [10]), (2, 3, [6]), (2, 2, [3]), (3, 1, [1])]
    assert reads.imports_of(account) == [source]


def test_totals_are_by_currency() -> None:
    accounts = []
    for currency, balance in (("USD", 5), ("EUR", 7), ("USD", -2)):
        account = OutsideAccount(currency=currency)
        account.balance = Decimal(balance)
        accounts.append(account)
    assert reads.totals_of(accounts) == [("EUR", 7), ("USD", 3)]
    assert reads.totals_of([]) == []


def test_the_same_file_was_imported_before_into_the_account(account: OutsideAccount) -> None:
    source = stored(account, state="preview", digest="same")
    stored(account, digest="other")
    stored(account, digest="same", state="undone")
    stored(outside_account(owner=account.owner), digest="same")
    assert reads.imported_before(source) is None
    before = [stored(account, digest="same") for _ in range(2)]
    assert reads.imported_before(source) == before[1]
    assert reads.imported_before(before[1]) == before[0]


@pytest.mark.parametrize(
    ("file", "facts", "doubts"),
    [
        ("Date,Amount\n02/11/2026,5\n", {}, ("dmy", "", 0)),
        ("Date,Amount\n11/11/2026,5\n", {}, ("", "", 0)),
        ("Date,Amount\n02/11/2026,5\n13/11/2026,5\n", {}, ("", "", 0)),
        ("Date,Amount\n2026-11-02,5\n", {"order": "ymd"}, ("", "", 0)),
        ("Date,Amount\n26/11/02,5\n", {"order": "ymd"}, ("ymd", "", 0)),
        ("Date,Amount,S\n2026-11-02,5,Routed\n2026-11-02,5,Booked\n",
         {"order": "ymd", "status": 2}, ("", "", 1)),
        ("Date,Amount,S\n2026-11-02,5,Routed\n", {"order": "ymd", "status": None}, ("", "", 0)),
    ],
)  # fmt: skip
def test_the_doubts_of_a_csv_file(
    account: OutsideAccount, file: str, facts: dict[str, Any], doubts: tuple[str, str, int]
) -> None:
    day, month = (2, 11) if "11/11" not in file else (11, 11)
    source = stored(
        account, (f"2026-{month}-{day:02}", 5, ""), file=file, state="preview",
        mapping={"date": 0, "amount": 1, "order": "dmy", "decimal": "."} | facts,
    )  # fmt: skip
    assert tuple(doubts_of(source).values()) == doubts


@pytest.mark.parametrize(
    ("rows", "mapping", "lines", "order"),
    [
        ("02/11/2026", None, ("2026-02-11",), "mdy"),
        ("02/11/2026", {"order": "dmy"}, ("2026-11-02",), "dmy"),
        ("11/11/2026", None, ("2026-11-11",), ""), ("13/11/2026", None, ("2026-11-13",), ""),
        ("02/11/2026", None, (), ""),  # no line that two orders would read otherwise
    ],
)  # fmt: skip
def test_the_doubts_of_a_qif_file(
    account: OutsideAccount, rows: str, mapping: Any, lines: tuple[str, ...], order: str
) -> None:
    file = f"!Type:Bank\nD{rows}\nT1.00\n^\n"
    source = stored(
        account, *((day, 5, "") for day in lines), file=file, format="qif", mapping=mapping,
        state="preview",
    )  # fmt: skip
    assert reads.doubtful_order(source) == order


@pytest.mark.parametrize(
    ("format", "is_doubtful"),
    [("csv", True), ("ofx1", True), ("ofx2", False), ("camt053", False)],
)
def test_letters_are_doubted_where_no_format_says_them(
    account: OutsideAccount, format: str, is_doubtful: bool
) -> None:
    source = stored(account, format=format, state="preview")
    store_file(BytesIO("Date,Amount\nCaf\u00e9,5\n".encode("cp1252")), source)
    assert (reads.doubtful_letters(source) != "") == is_doubtful
    delete_file(source)
    assert reads.doubtful_letters(source) == ""
