"""Uploading, importing and undoing a file of another bank."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import permutations
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.exceptions import OwnerNotActive
from accounts.models import User
from banking.outside import services
from banking.outside.duplicates import entries_like, lookalikes_of
from banking.outside.formats.lines import OutsideLine, StatementFacts, UnreadableStatement
from banking.outside.formats.reading import Measured
from banking.outside.formats.sheet import sheet_of
from banking.outside.models import (
    OutsideAccount,
    OutsideEntry,
    OutsideFilePart,
    OutsideImport,
)
from banking.outside.reads import difference_of
from ledger.db.ids import uuid7
from tests.banking.outside.files import (
    AMERICAN,
    GERMAN,
    balance_of,
    guessed,
    imported,
    outside_account,
    stored,
    uploaded,
)
from tests.banking.outside.samples import (
    CAMT,
    MT940,
    camt,
    camt_batch,
    camt_entry,
    camt_payment,
)
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> OutsideAccount:
    return outside_account()


def doubles(source: OutsideImport) -> list[int]:
    found = source.entries.filter(is_double=True).order_by("number")
    return list(found.values_list("number", flat=True))


def test_a_preview_counts_in_no_balance_and_an_import_does(account: OutsideAccount) -> None:
    source = uploaded(account, GERMAN)
    assert (source.state, source.line_count, source.new_count) == ("preview", 4, 4)
    assert balance_of(account) == 0
    done = services.confirm(source=source)
    assert (done.state, done.entry_count) == ("imported", 4)
    assert balance_of(account) == Decimal("1843.20")
    assert not OutsideFilePart.objects.exists()
    assert not Transaction.objects.exists()


def test_columns_are_remembered_by_the_heading(account: OutsideAccount) -> None:
    imported(account, GERMAN)
    again = services.upload(BytesIO(GERMAN.encode()), account=account, name="b.csv")
    assert again.state == "reading"
    strangers = outside_account()
    theirs = services.upload(BytesIO(GERMAN.encode()), account=strangers, name="b.csv")
    assert theirs.state == "columns"


def test_columns_of_another_account_are_proposed_and_not_taken(account: OutsideAccount) -> None:
    text = "Date,Details,Amount\n2026-11-02,Shop,12.34\n"
    card = services.upload(BytesIO(text.encode()), account=account, name="card.csv")
    flipped = guessed(text.encode()) | {"flip": True}
    services.read_rest(services.name_columns(source=card, mapping=flipped))
    other = outside_account(owner=account.owner, name="Another bank")
    theirs = services.upload(BytesIO(text.encode()), account=other, name="bank.csv")
    assert (theirs.state, (theirs.mapping or {})["flip"]) == ("columns", True)
    services.read_rest(services.name_columns(source=theirs, mapping=guessed(text.encode())))
    for whose, is_flipped in ((account, True), (other, False)):
        again = services.upload(BytesIO(text.encode() + b"\n"), account=whose, name="b.csv")
        assert (again.state, (again.mapping or {})["flip"]) == ("reading", is_flipped)


def test_a_mapping_older_than_a_role_is_asked_for_again_if_a_column_has_it(
    account: OutsideAccount,
) -> None:
    text = "Date,Text,Amount,Currency,D/C\n2026-11-02,Bus,5.00,EUR,D\n"
    first = imported(account, text)
    assert first.mapping is not None
    roles = ("currency", "side", "status", "fee", "reference")
    old = {role: place for role, place in first.mapping.items() if role not in roles}
    OutsideImport.objects.filter(pk=first.pk).update(mapping=old | {"reference": 1})
    for _ in range(2):
        again = services.upload(BytesIO(text.encode()), account=account, name="b.csv")
        assert again.state == "columns"
        assert [(again.mapping or {}).get(role) for role in roles] == [3, 4, None, None, 1]
    for role, cells in (("status", ("Booked", "Booked")), ("fee", ("0.00", "0.50"))):
        rows = f"2026-11-02,Bus,5.00,{cells[0]},5.00\n2026-11-03,Bus,5.00,{cells[1]},9.50\n"
        text = f"Date,Text,Amount,{role},Balance\n{rows}"
        first = imported(account, text)
        assert first.mapping is not None
        old = {name: place for name, place in first.mapping.items() if name != role}
        OutsideImport.objects.filter(pk=first.pk).update(mapping=old)
        again = services.upload(BytesIO(text.encode()), account=account, name="b.csv")
        assert (again.state, (again.mapping or {})[role]) == ("columns", 3)
        empty = "Date,Text,Amount,{role},Balance\n2026-11-02,Bus,5.00,,\n".replace("{role}", role)
        assert imported(account, empty).state == "imported"
        again = services.upload(BytesIO(text.encode()), account=account, name="b.csv")
        assert (again.state, (again.mapping or {})[role]) == ("columns", 3)
    plain = "Date,Text,Amount\n2026-11-02,Bus,-5.00\n"
    first = imported(account, plain)
    OutsideImport.objects.filter(pk=first.pk).update(
        mapping={"date": 0, "amount": 2, "texts": [1], "order": "dmy", "decimal": ".", "flip": True}
    )
    again = services.upload(BytesIO(plain.encode()), account=account, name="b.csv")
    assert services.read_rest(again).entries.get().amount == 5


@pytest.mark.parametrize(
    ("names", "first", "second", "fault"),
    [
        ("Date;Amount", "2026-11-02;-5", "2026-12-02;-12,50", "not an amount"),
        ("Date;Amount", "05/11/2026;-5,00", "05/13/2026;-5,00", "is not a valid date"),
        ("Date;Amount", "05.11.2026;-5,00", "05.13.2026;-5,00", "is not a valid date"),
        ("Date;Amount;D/C", "2026-11-02;5;S", "2026-11-02;5;other", "money came in or went out"),
    ],
)
def test_columns_as_remembered_that_do_not_fit_a_file_are_asked_for_again(
    account: OutsideAccount, names: str, first: str, second: str, fault: str
) -> None:
    before = imported(account, f"{names}\n{first}\n")
    OutsideImport.objects.filter(pk=before.pk).update(
        mapping=(before.mapping or {}) | {"texts": [0]}
    )
    body = f"{names}\n{second}\n".encode()
    again = services.upload(BytesIO(body), account=account, name="b.csv")
    assert fault in again.refusal
    assert again.state == "columns"
    assert (again.mapping or {})["texts"] == ([] if "D/C" in names else [0])
    named = services.name_columns(source=again, mapping=again.mapping or {})
    assert services.read_rest(named).state == "preview"


@pytest.mark.parametrize("name", ["Status", "State"])
def test_a_status_that_the_first_file_did_not_tell_leaves_lines_of_the_next_out(
    account: OutsideAccount, name: str
) -> None:
    head = f"Date,Description,Amount,{name}\n"
    imported(account, head + "2026-11-02,AWS,-5.00,Routed\n")
    later = head + "2026-12-02,AWS,-5.00,Failed\n2026-12-03,AWS,-6.00,Routed\n"
    again = services.upload(BytesIO(later.encode()), account=account, name="b.csv")
    assert again.state == ("reading" if name == "Status" else "columns")
    assert (again.mapping or {})["status"] == 3
    named = services.name_columns(source=again, mapping=again.mapping or {})
    services.confirm(source=services.read_rest(named))
    assert balance_of(account) == -11


def test_a_status_that_the_person_left_out_is_not_asked_for_again(account: OutsideAccount) -> None:
    body = b"Date,Description,Amount,State\n2026-11-02,AWS,-5.00,Failed\n"
    source = services.upload(BytesIO(body), account=account, name="a.csv")
    services.name_columns(source=source, mapping=guessed(body) | {"status": None})
    again = services.upload(BytesIO(body), account=account, name="b.csv")
    assert (again.state, again.unbooked_count) == ("reading", 0)


def test_a_remembered_mark_that_a_later_file_contradicts_is_asked_for_again(
    account: OutsideAccount,
) -> None:
    head = "Buchungstag;Betrag;Verwendungszweck\n"
    imported(account, head + "04.01.2026;-12;Bus\n05.01.2026;20;Pay\n")
    body = (head + "04.02.2026;1.500;Pay\n05.02.2026;-2.250;Rent\n").encode()
    again = services.upload(BytesIO(body), account=account, name="b.csv")
    assert (again.state, (again.mapping or {})["decimal"]) == ("columns", ",")
    assert again.refusal == services.ANOTHER_MARK
    named = services.name_columns(source=again, mapping=again.mapping or {})
    services.confirm(source=services.read_rest(named))
    assert balance_of(account) == 8 + 1500 - 2250


def test_three_decimals_in_qif_are_those_of_the_currency() -> None:
    text = "!Type:Bank\nD11/25/2026\nT-12.500\n^\nD11/26/2026\nT1,012.500\n^\n"
    dinars, yen = outside_account(currency="KWD"), outside_account(currency="JPY")
    imported(dinars, text)
    assert balance_of(dinars) == 1000
    imported(yen, "!Type:Bank\nD11/25/2026\nT-12.500\n^\n")
    assert balance_of(yen) == -12500


def test_a_damaged_file_under_a_remembered_heading_is_refused(account: OutsideAccount) -> None:
    imported(account, GERMAN)
    with pytest.raises(UnreadableStatement):
        services.upload(BytesIO(GERMAN.encode()[:-20]), account=account, name="b.csv")
    assert OutsideImport.objects.count() == 1


def test_the_same_file_again_brings_nothing_even_if_lines_are_alike(
    account: OutsideAccount,
) -> None:
    imported(account, GERMAN)
    again = uploaded(account, GERMAN)
    assert (again.double_count, again.new_count) == (4, 0)
    more = GERMAN + '"02.11.2026";"02.11.2026";"Kartenzahlung";"Café Anna";"Espresso";"-2,80"\n'
    source = uploaded(account, more)
    assert doubles(source) == [5, 6, 7, 8]
    assert services.confirm(source=source).entry_count == 1
    assert balance_of(account) == Decimal("1840.40")


def test_doubles_are_imported_if_the_person_says_so(account: OutsideAccount) -> None:
    imported(account, GERMAN)
    imported(account, GERMAN, with_duplicates=True)
    assert balance_of(account) == Decimal("3686.40")


def test_the_banks_own_id_decides_where_there_is_one(account: OutsideAccount) -> None:
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-11-02,-5.00,Bus,A1\n2026-11-02,-5.00,Bus,A2\n")
    assert balance_of(account) == -10
    later = uploaded(
        account,
        heading + "2026-11-02,-5.00,Bus 7,A2\n2026-11-02,-5.00,Bus,A3\n2026-11-02,-5.00,Bus,A3\n",
    )
    assert doubles(later) == [2, 4]


def test_an_id_of_another_amount_or_of_a_day_far_away_is_another_payment(
    account: OutsideAccount,
) -> None:
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-01-10,-900.00,Rent,P1\n")
    for line, is_double in (
        ("2026-02-10,-900.00,Rent,P1", False), ("2026-01-16,-900.00,Rent again,P1", True),
        ("2026-01-17,-900.00,Rent,P1", False), ("2026-01-10,-90.00,Rent,P1", False),
        ("2026-01-04,-900.00,The rent,P1", True), ("2026-01-03,-900.00,Rent,P1", False),
    ):  # fmt: skip
        assert doubles(uploaded(account, f"{heading}{line}\n")) == ([2] if is_double else [])


def test_an_id_of_another_day_and_other_words_is_another_payment(account: OutsideAccount) -> None:
    """As of banks that count the lines of each file anew."""
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-01-10,-5.00,CARD Kiosk North,P1\n2026-01-10,-7.00,,P2\n")
    for line, is_double in (
        ("2026-01-12,-5.00,Tram line 7,P1", False), ("2026-01-10,-5.00,Tram line 7,P1", True),
        ("2026-01-12,-5.00,North kiosk: ticket,P1", True), ("2026-01-12,-5.00,card tram,P1", True),
        ("2026-01-12,-5.00,Card of tram,P1", False), ("2026-01-12,-7.00,Tram,P2", True),
        ("2026-01-12,-5.00,,P1", True),
    ):  # fmt: skip
        found = doubles(uploaded(account, f"{heading}{line}\n"))
        assert found == ([2] if is_double else []), line


def test_an_id_twice_in_a_file_is_one_payment_on_one_day_alone(account: OutsideAccount) -> None:
    """As of banks that give who is paid an id, and no payment."""
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-01-10,-9.00,Rent,P1\n")
    for line, is_double in (
        ("2026-03-10,-1.00,The bus,P7", True), ("2026-03-11,-1.00,Bus,P7", False),
        ("2026-03-10,-1.00,Tram,P7", False), ("2026-03-10,-1.50,Bus,P7", False),
    ):  # fmt: skip
        found = doubles(uploaded(account, f"{heading}2026-03-10,-1.00,Bus,P7\n{line}\n"))
        assert found == ([3] if is_double else []), line


def test_weekly_payments_under_one_id_are_all_new_in_the_next_file(account: OutsideAccount) -> None:
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-03-02,-9.00,Swimming,P7\n")
    later = heading + "2026-03-02,-9.00,Swimming,P7\n2026-03-09,-9.00,Swimming,P7\n"
    assert doubles(uploaded(account, later)) == [2]


def test_a_small_number_is_no_id(account: OutsideAccount) -> None:
    """As of banks that count the lines of each file."""
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-11-02,-10.00,Coffee,0001\n")
    later = heading + "2026-11-02,-10.00,Bakery,0001\n2026-11-02,-10.00,Coffee,0002\n"
    assert doubles(uploaded(account, later)) == [3]
    other = uploaded(account, heading + "2026-11-04,-10.00,Tea,0001\n")
    assert lookalikes_of(other, []).count == 0
    assert entries_like(account, other.entries.all()) == [""]
    imported(account, heading + "2026-11-02,-20.00,Coffee,10000\n")
    assert doubles(uploaded(account, heading + "2026-11-02,-20.00,Tea,10000\n")) == [2]


def test_an_id_of_a_batch_is_none_of_its_payments(account: OutsideAccount) -> None:
    entries = [camt_entry("2026-11-02", "10", "DBIT", "batch", who, "A") for who in ("A", "B")]
    imported(account, camt("".join(entries), opening="40", closing="20"))
    one = camt_entry("2026-11-02", "10", "DBIT", "batch", "C", "D")
    assert doubles(uploaded(account, camt(one, opening="20", closing="10"))) == []


def test_payments_of_a_batch_are_doubles_one_by_one(account: OutsideAccount) -> None:
    """Also with the same texts and amounts as those of another batch of the day."""
    parts = [camt_payment("10", "Max", "Club") for _ in range(2)]
    first = camt(camt_batch("20", *parts), opening="0", closing="20")
    imported(account, first)
    assert doubles(uploaded(account, first)) == [1, 2]
    second = camt(camt_batch("20", *parts, id="B2"), opening="20", closing="40")
    other = uploaded(account, second)
    assert (doubles(other), lookalikes_of(other, []).count) == ([], 2)
    # Imported as one line, as before the payments were read, or from another format.
    before = camt_entry("2026-11-24", "70", "CRDT", "B3", "Pia", "Club")
    imported(account, camt(before, opening="40", closing="110"))
    parts = [camt_payment(amount, "Pia", "Club") for amount in ("30", "40")]
    batch = camt_batch("70", *parts, id="B3")
    other = uploaded(account, camt(batch, opening="40", closing="110"))
    assert doubles(other) == []


def test_an_id_that_was_imported_twice_is_still_known(account: OutsideAccount) -> None:
    heading = "Date,Amount,Description,Id\n"
    for text in ("Bus", "Bus 7", "Bus 8"):
        found = uploaded(account, f"{heading}2026-11-02,-5.00,{text},A1\n")
        assert found.double_count == (text != "Bus")
        services.confirm(source=found, with_duplicates=True)


def test_two_lines_of_camt_with_one_id_are_two(account: OutsideAccount) -> None:
    entries = [camt_entry("2026-11-02", "10", "DBIT", "batch", who, "A") for who in ("A", "B")]
    source = uploaded(account, camt("".join(entries), opening="40", closing="20"))
    assert source.double_count == 0


def test_the_banks_own_id_is_compared_without_dashes_and_case(account: OutsideAccount) -> None:
    id = "0193B2c4-7f00-7000-8000-00000000a1b2"
    imported(account, f"Date,Amount,Description,Id\n2026-11-02,-5.00,Bus,{id}\n")
    entry = camt_entry("2026-11-02", "5.00", "DBIT", id.replace("-", "").lower(), "A", "B")
    assert doubles(uploaded(account, camt(entry, opening="10", closing="5"))) == [1]


def test_new_lines_with_the_day_and_amount_of_an_entry_are_counted(account: OutsideAccount) -> None:
    heading = "Date,Amount,Description\n"
    imported(account, heading + "2026-11-02,-5.00,Bus\n" * 2 + "2026-11-03,-5.00,Bus\n")
    source = uploaded(
        account,
        heading + "2026-11-02,-5.00,Bus\n" + "2026-11-02,-5.00,Line 7\n" * 3
        + "2026-11-03,-5.00,Tram\n2026-11-03,5.00,Tram\n2026-11-04,-5.00,Tram\n",
    )  # fmt: skip
    assert doubles(source) == [2]
    found = lookalikes_of(source, source.entries.all())
    marked = source.entries.filter(pk__in=found.ids).order_by("number")
    assert (found.count, [line.number for line in marked]) == (2, [3, 6])
    assert lookalikes_of(source, []).count == 2
    assert services.confirm(source=source).entry_count == 6


def test_a_new_line_with_the_id_of_an_entry_and_other_words_looks_alike(
    account: OutsideAccount,
) -> None:
    heading = "Date,Amount,Description,Id\n"
    imported(account, heading + "2026-11-04,-10.00,POS AUTH SHOP,F1\n")
    lines = (
        "2026-11-06,-10.00,CARD PURCHASE AT LARGE,f1", "2026-11-06,-11.00,CARD PURCHASE,F1",
        "2026-11-11,-10.00,CARD PURCHASE,F1", "2026-11-06,-10.00,CARD PURCHASE,F2",
        "2026-11-04,-10.00,Shop,F1",
    )  # fmt: skip
    source = uploaded(account, heading + "".join(f"{line}\n" for line in lines))
    assert doubles(source) == [6]
    found = lookalikes_of(source, source.entries.all())
    marked = source.entries.filter(pk__in=found.ids).values_list("number", flat=True)
    assert (found.count, list(marked)) == (1, [2])
    assert entries_like(account, source.entries.order_by("number")[:2]) == [
        "\u201cPOS AUTH SHOP\u201d", "",
    ]  # fmt: skip


def test_one_upload_sent_twice_is_one_and_another_under_its_id_is_another(
    account: OutsideAccount,
) -> None:
    """As after Back, when the browser shows the form again that was sent."""
    id, body = uuid7(), GERMAN.encode()

    def send(body: bytes, to: OutsideAccount) -> OutsideImport:
        return services.upload(BytesIO(body), account=to, name="a.csv", id=id)

    first = send(body, account)
    assert send(body, account).pk == first.pk
    elsewhere = send(body, outside_account(owner=account.owner))
    assert elsewhere.pk != first.pk
    other = send(body + b"\n", account)
    assert other.digest != first.digest
    assert not OutsideImport.objects.filter(pk=first.pk).exists()  # it waited for its columns


def test_an_undone_import_makes_room_for_the_same_form(account: OutsideAccount) -> None:
    """As after Back, over the page of the undone import."""
    id = uuid7()

    def send() -> OutsideImport:
        return services.upload(BytesIO(CAMT.encode()), account=account, name="a.xml", id=id)

    for _time in range(2):
        source = send()
        assert send().pk == source.pk
        services.undo(source=services.confirm(source=services.read_rest(source)))
    assert OutsideImport.objects.count() == 2


def test_a_later_import_gives_its_opening_balance_once_the_first_is_undone(
    account: OutsideAccount,
) -> None:
    services.change_account(account=account, name="Other bank", opening=Decimal(7))
    account.refresh_from_db()
    first = imported(account, CAMT)
    assert balance_of(account) == Decimal("2027.20")
    imported(
        account,
        camt(camt_entry("2026-12-01", "1", "CRDT", "B1", "A", "B"), opening="5", closing="6"),
    )
    assert balance_of(account) == Decimal("2028.20")
    services.undo(source=first)
    assert balance_of(account) == 6


def month(number: int, opening: str, amount: str, closing: str) -> str:
    """A statement of one deposit."""
    entry = camt_entry(f"2026-{number:02}-10", amount, "CRDT", f"B{number}", "A", "B")
    return camt(entry, opening=opening, closing=closing)


OCTOBER, NOVEMBER = month(10, "50", "50", "100"), month(11, "100", "30", "130")
DECEMBER = month(12, "130", "7", "137")


@pytest.mark.parametrize("order", list(permutations((OCTOBER, NOVEMBER, DECEMBER))))
def test_months_come_to_the_balance_of_the_last_in_whichever_order(
    account: OutsideAccount, order: tuple[str, ...]
) -> None:
    services.change_account(account=account, name="Other bank", opening=Decimal(7))
    sources = {body: imported(account, body) for body in order}
    assert balance_of(account) == 137
    for body, left in ((OCTOBER, 137), (NOVEMBER, 137), (DECEMBER, 7)):
        services.undo(source=sources[body])
        assert balance_of(account) == left


def test_the_middle_month_is_undone_before_the_first(account: OutsideAccount) -> None:
    sources = [imported(account, body) for body in (NOVEMBER, OCTOBER)]
    services.undo(source=sources[0])
    assert balance_of(account) == 100
    services.undo(source=sources[1])
    assert balance_of(account) == 0


def test_an_older_file_leaves_an_opening_balance_that_its_owner_typed(
    account: OutsideAccount,
) -> None:
    imported(account, NOVEMBER)
    services.change_account(account=account, name="Other bank", opening=Decimal(90))
    imported(account, OCTOBER)
    assert balance_of(account) == 170


def test_an_older_file_leaves_the_opening_balance_of_lines_that_are_older_still(
    account: OutsideAccount,
) -> None:
    imported(account, NOVEMBER)
    imported(account, "Date,Amount\n2026-09-05,-3.20\n")
    imported(account, OCTOBER)
    assert balance_of(account) == Decimal("176.80")


BARE_NOVEMBER = "Date,Amount\n2026-11-02,30\n"  # without a balance


def test_an_older_file_gives_its_balance_where_no_file_has_given_one(
    account: OutsideAccount,
) -> None:
    bare = imported(account, BARE_NOVEMBER)
    october = imported(account, OCTOBER)
    assert balance_of(account) == 130
    services.undo(source=october)
    assert balance_of(account) == 30
    october = imported(account, OCTOBER)
    services.undo(source=bare)
    assert balance_of(account) == 100
    services.undo(source=october)
    assert balance_of(account) == 0


def test_an_older_file_leaves_a_typed_balance_where_no_file_has_given_one(
    account: OutsideAccount,
) -> None:
    imported(account, BARE_NOVEMBER)
    services.change_account(account=account, name="Other bank", opening=Decimal(7))
    october = imported(account, OCTOBER)
    assert balance_of(account) == 87
    services.undo(source=october)
    assert balance_of(account) == 37


def test_an_undone_first_file_without_a_balance_leaves_it_to_the_next_with_one(
    account: OutsideAccount,
) -> None:
    bare = imported(account, "Date,Amount\n2026-09-05,-3.20\n")
    for body in (NOVEMBER, OCTOBER):
        imported(account, body)
    assert balance_of(account) == Decimal("76.80")
    services.undo(source=bare)
    assert balance_of(account) == 130


def test_an_undo_leaves_an_opening_balance_that_its_owner_changed(
    account: OutsideAccount,
) -> None:
    first = imported(account, CAMT)
    services.change_account(account=account, name="Other bank", opening=Decimal(90))
    services.undo(source=first)
    assert balance_of(account) == 90


def test_an_undo_deletes_the_entries_and_keeps_the_fact(account: OutsideAccount) -> None:
    first = imported(account, GERMAN)
    imported(account, "Date,Amount\n2026-10-05,-3.20\n")
    for _ in range(2):
        undone = services.undo(source=first)
    assert (undone.state, undone.entry_count) == ("undone", 4)
    assert balance_of(account) == Decimal("-3.20")
    assert uploaded(account, GERMAN).new_count == 4


def test_doubles_are_looked_for_again_when_a_preview_is_confirmed(account: OutsideAccount) -> None:
    waiting = uploaded(account, GERMAN)
    other = OutsideImport.objects.get(pk=waiting.pk)
    other.pk, other.state = uuid7(), "imported"
    other.save(force_insert=True)
    for entry in list(waiting.entries.all())[:3]:
        entry.pk, entry.source, entry.is_entered = uuid7(), other, True
        entry.save(force_insert=True)
    assert services.confirm(source=waiting).entry_count == 1


def test_a_new_upload_takes_the_place_of_a_preview(account: OutsideAccount) -> None:
    first = uploaded(account, GERMAN)
    second = uploaded(account, "Date,Amount\n2026-10-05,-3.20\n")
    assert list(OutsideImport.objects.all()) == [second]
    with pytest.raises(InvalidDetails):
        services.confirm(source=first)


def test_an_imported_file_is_not_read_anew_nor_discarded(account: OutsideAccount) -> None:
    source = imported(account, GERMAN)
    with pytest.raises(InvalidDetails):
        services.name_columns(source=source, mapping=guessed(GERMAN.encode()))
    services.discard(source=source)
    assert balance_of(account) == Decimal("1843.20")


def test_steps_read_what_one_step_would(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "STEP", 3)
    monkeypatch.setattr(services, "PART", 2)
    monkeypatch.setattr("banking.outside.file_parts.PART_BYTES", 100)
    source = services.upload(BytesIO(AMERICAN.encode()), account=account, name="a.csv")
    source = services.name_columns(source=source, mapping=guessed(AMERICAN.encode()))
    source = services.read_step(source)
    assert (source.state, source.read_count) == ("preview", 2)
    german = services.upload(BytesIO(GERMAN.encode()), account=account, name="g.csv")
    german = services.name_columns(source=german, mapping=guessed(GERMAN.encode()))
    german = services.read_step(german)
    assert (german.state, german.read_count) == ("reading", 3)
    german = services.read_step(services.read_step(german))
    assert (german.state, german.read_count) == ("preview", 4)
    assert services.confirm(source=german).entry_count == 4


def test_a_person_has_so_many_lines_in_all_accounts_previews_included(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_LINES_PER_PERSON", 9)
    other, of_ben = outside_account(owner=account.owner), outside_account()
    two_lines = "!Type:Bank\nD11/02'26\nT-2.80\n^\nD11/13'26\nT-1.20\n^\n"
    first = imported(account, GERMAN)
    assert first.line_count == 4
    imported(of_ben, GERMAN)
    uploaded(other, GERMAN)
    uploaded(other, GERMAN)  # takes the place of the one that waits
    with pytest.raises(InvalidDetails):
        uploaded(account, GERMAN)
    services.undo(source=first)
    uploaded(account, GERMAN)
    assert OutsideEntry.objects.filter(account__owner=account.owner).count() == 8
    with pytest.raises(InvalidDetails):
        uploaded(outside_account(owner=account.owner), two_lines)


def test_lines_that_were_left_out_do_not_count(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_LINES_PER_PERSON", 8)
    imported(account, GERMAN)
    assert imported(account, GERMAN).entry_count == 0
    uploaded(account, GERMAN)


@pytest.mark.parametrize("id", ["NONREF", "NOTPROVIDED", "batch-7"])
def test_an_id_that_many_payments_share_makes_no_doubles(account: OutsideAccount, id: str) -> None:
    """As banks write where they have none, or for a whole batch."""

    def month(number: int, *paid: tuple[str, str, str], opening: str, closing: str) -> str:
        entries = [
            camt_entry(f"2026-{number:02}-{day}", amount, "DBIT", id, who, "paid")
            for day, amount, who in paid
        ]
        return camt("".join(entries), opening=opening, closing=closing)

    january = month(
        1, ("03", "500", "Landlord"), ("05", "10", "Bus"), ("09", "10", "Kiosk"),
        opening="1000", closing="480",
    )  # fmt: skip
    february = month(2, ("03", "450", "Landlord"), ("07", "10", "Bus"), opening="480", closing="20")
    march = month(3, ("05", "10", "Tram"), opening="20", closing="10")
    april = month(4, ("05", "10", "Ferry"), opening="10", closing="0")
    files = [(january, 480), (february, 20), (march, 10)]
    for file, closing in files if id.startswith("batch") else [*files, (april, 0)]:
        assert uploaded(account, file).double_count == 0
        imported(account, file)
        assert balance_of(account) == closing
    assert uploaded(account, january).new_count == 0, "the same file again"


def camt_of(day: str, *, opening: str, closing: str) -> str:
    """A statement with one payment of ten."""
    entry = camt_entry(day, "10", "DBIT", f"id-{day}", "Bus", "paid")
    return camt(entry, opening=opening, closing=closing)


def test_a_file_that_begins_on_the_day_of_an_entry_gives_no_opening_balance(
    account: OutsideAccount,
) -> None:
    """Which of the two stands first on that day, nobody knows."""
    imported(account, camt_of("2026-11-02", opening="100", closing="90"))
    other = camt_of("2026-11-02", opening="50", closing="40").replace("id-", "other-")
    imported(account, other)
    account.refresh_from_db()
    assert account.opening == 100


def test_an_undo_leaves_the_balance_to_no_file_that_has_entries_before_it(
    account: OutsideAccount,
) -> None:
    december = imported(account, camt_of("2026-12-02", opening="90", closing="80"))
    imported(account, "Date,Amount,Description\n2026-10-01,5.00,Gift\n")
    imported(account, camt_of("2026-11-02", opening="100", closing="90"))
    account.refresh_from_db()
    assert account.opening == 90
    services.undo(source=december)
    account.refresh_from_db()
    assert account.opening == 0


def test_a_closing_balance_is_never_of_a_day_before_the_last_line(account: OutsideAccount) -> None:
    source = uploaded(account, MT940.replace(":62F:C261130", ":62F:C261101"))
    assert source.last_on is not None
    assert source.closing_on == source.last_on


def test_the_order_of_days_in_qif_is_not_that_of_another_format(account: OutsideAccount) -> None:
    qif = "!Type:Bank\nD05/06/2026\nT1.00\n^\n"
    first = services.upload(BytesIO(qif.encode()), account=account, name="a.qif")
    said = services.read_in_order(source=first, order="mdy")
    services.confirm(source=services.read_rest(said))
    imported(account, "Date,Amount\n05.06.2026,2.00\n")
    again = services.upload(
        BytesIO(qif.replace("1.00", "3.00").encode()), account=account, name="b"
    )
    assert again.first_on == date(2026, 5, 6)


def test_the_balance_of_the_newest_file_is_compared_whenever_it_was_imported(
    account: OutsideAccount,
) -> None:
    newest = imported(account, "Date,Amount,Balance\n2026-11-02,-5.00,95.00\n")
    imported(account, "Date,Amount,Balance\n2026-10-02,-5.00,50.00\n")
    account.refresh_from_db()
    found = difference_of(account)
    assert found is not None
    assert (found.day, found.closing, found.balance) == (newest.last_on, 95, 45)


NEW = ("2026-11-02", 5, "New")  # the line of a preview


@pytest.mark.parametrize(
    ("opening", "other", "typed", "expected"),
    [
        (None, None, 7, (7, None)),
        (100, None, 7, (100, 7)),
        (100, None, 0, (100, 0)),
        (100, "2026-11-03", 0, (100, 0)),
        (100, "2026-11-03", 7, (7, None)),
        (100, "2026-11-02", 0, (0, None)),
        (100, "2026-11-01", 0, (0, None)),
    ],
)
def test_a_file_gives_its_opening_balance_if_it_begins_before_all_entries(
    account: OutsideAccount,
    opening: int | None,
    other: str | None,
    typed: int,
    expected: tuple[int, int | None],
) -> None:
    services.change_account(account=account, opening=Decimal(typed))
    if other:
        stored(account, (other, 1, "Other"))
    done = services.confirm(source=stored(account, NEW, state="preview", opening=opening))
    account.refresh_from_db()
    done.refresh_from_db()
    assert (account.opening, done.opening_before) == expected


@pytest.mark.parametrize(("now", "before"), [(50, 7), (5, 5)])
def test_a_file_keeps_the_balance_that_the_owner_typed_last(
    account: OutsideAccount, now: int, before: int
) -> None:
    """The file before has no entries left, so that it does not matter who typed the balance."""
    services.change_account(account=account, opening=Decimal(now))
    holder = stored(account, opening=50, opening_before=7, first_on="2026-12-01")
    done = services.confirm(source=stored(account, NEW, state="preview", opening=100))
    holder.refresh_from_db()
    account.refresh_from_db()
    assert (account.opening, done.opening, holder.opening_before) == (100, 100, None)
    done.refresh_from_db()
    assert done.opening_before == before


@pytest.mark.parametrize(
    ("now", "bare", "opening", "before"),
    [
        (50, None, 130, 7),  # the next file has it
        (50, "2026-12-02", 130, 7),
        (50, "2026-12-01", 7, None),  # entries before the next file: what its owner had typed
        (5, None, 5, None),  # what its owner has typed since
    ],
)
def test_an_undo_leaves_the_opening_balance_to_the_file_that_then_begins_first(
    account: OutsideAccount, now: int, bare: str | None, opening: int, before: int | None
) -> None:
    services.change_account(account=account, opening=Decimal(now))
    first = stored(account, NEW, opening=50, opening_before=7)
    stored(account, ("2026-12-03", 5, "Later"), opening=150)
    heir = stored(account, ("2026-12-02", 5, "Next"), opening=130)
    if bare:
        stored(account, (bare, 5, "Without a balance"))
    services.undo(source=first)
    account.refresh_from_db()
    heir.refresh_from_db()
    assert (account.opening, heir.opening_before) == (opening, before)


def test_an_undo_of_a_file_that_gave_no_balance_leaves_it(account: OutsideAccount) -> None:
    services.change_account(account=account, opening=Decimal(50))
    holder = stored(account, NEW, opening=50, opening_before=7)
    later = stored(account, ("2026-12-02", 5, "Next"))
    undone = services.undo(source=later)
    assert (undone.pk, undone.state, undone.undone_at is None) == (later.pk, "undone", False)
    assert services.undo(source=later).undone_at == undone.undone_at
    assert not later.entries.exists()
    assert holder.entries.count() == 1
    account.refresh_from_db()
    assert account.opening == 50
    waiting = stored(account, NEW, state="preview")
    with pytest.raises(InvalidDetails):
        services.undo(source=waiting)
    assert waiting.entries.count() == 1


@pytest.mark.parametrize(
    ("how", "entered"),
    [
        ({}, ["Shop", "New"]),
        ({"with_duplicates": True}, ["Bus", "Shop", "New"]),
        ({"with_lookalikes": False}, ["New"]),
        ({"with_duplicates": True, "with_lookalikes": False}, ["Bus", "New"]),
    ],
)
def test_doubles_and_lookalikes_are_entered_as_the_person_chooses(
    account: OutsideAccount, how: dict[str, bool], entered: list[str]
) -> None:
    bus, kiosk = ("2026-11-02", 3, "Bus"), ("2026-11-03", 4, "Kiosk")
    stored(account, bus, kiosk)
    shop = ("2026-11-03", 4, "Shop")
    source = stored(account, bus, shop, NEW, state="preview", doubts={}, file="Date,Amount\n")
    done = services.confirm(source=source, **how)
    assert (done.state, done.entry_count, done.double_count) == ("imported", len(entered), 1)
    assert done.doubts is None
    assert done.imported_at is not None
    assert not OutsideFilePart.objects.exists()
    rows = source.entries.filter(is_entered=True).order_by("number")
    assert [row.description for row in rows] == entered
    again = services.confirm(source=source, with_duplicates=True)
    assert (again.pk, again.imported_at) == (done.pk, done.imported_at)
    assert source.entries.count() == len(entered)


@pytest.mark.parametrize("state", ["columns", "reading", "undone"])
def test_only_a_preview_is_entered(account: OutsideAccount, state: str) -> None:
    source = stored(account, NEW, state=state, opening=9)
    with pytest.raises(InvalidDetails):
        services.confirm(source=source)
    assert not source.entries.filter(is_entered=True).exists()
    account.refresh_from_db()
    assert account.opening == 0


BODY = "Date,Amount,Note\n2026-11-01,1,A\n2026-11-02,2,B\n2026-11-02,3,C\n"
BY_NAME = {"date": 0, "amount": 1, "texts": [2], "order": "ymd", "decimal": ".", "flip": False}


@pytest.mark.parametrize("is_newest_first", [False, True])
@pytest.mark.parametrize("is_secured", [False, True])
def test_a_step_stores_so_many_lines_and_the_last_one_looks_for_doubles(
    account: OutsideAccount,
    monkeypatch: pytest.MonkeyPatch,
    is_newest_first: bool,
    is_secured: bool,
) -> None:
    monkeypatch.setattr(services, "STEP", 2)
    monkeypatch.setattr(services, "PART", 1)
    monkeypatch.setattr(services, "rows_are_secured", lambda: is_secured)
    counted: list[tuple[Any, int]] = []
    monkeypatch.setattr(services, "count_stored", lambda *count: counted.append(count))
    stored(account, ("2026-11-02", 3, "C"))
    source = stored(
        account, file=BODY, state="reading", line_count=3, mapping=BY_NAME,
        is_newest_first=is_newest_first,
    )  # fmt: skip
    with CaptureQueriesContext(connection) as queries:
        first = services.read_step(source)
    assert (first.state, first.read_count, first.doubts) == ("reading", 2, None)
    assert source.entries.count() == 2
    last = services.read_rest(first)
    assert (last.state, last.read_count, last.double_count) == ("preview", 3, 1)
    assert last.doubts == {"order": "", "letters": "", "unknown_status_count": 0}
    again = services.read_step(source)
    assert (again.state, again.read_count) == ("preview", 3)
    written = [query for query in queries if "INSERT INTO outside_entries" in query["sql"]]
    assert bool(written) == is_secured, "COPY is no query of Django"
    assert counted == [(account.owner_id, 2000), (account.owner_id, 1000)]
    sign = -1 if is_newest_first else 1
    rows = source.entries.order_by("number").values_list(
        "account", "number", "position", "booked_on", "amount", "description", "is_double",
        "is_entered",
    )  # fmt: skip
    assert list(rows) == [
        (account.pk, 2, 2 * sign, date(2026, 11, 1), 1, "A", False, False),
        (account.pk, 3, 3 * sign, date(2026, 11, 2), 2, "B", False, False),
        (account.pk, 4, 4 * sign, date(2026, 11, 2), 3, "C", True, False),
    ]


def test_all_steps_that_are_left_follow_one_another(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "STEP", 1)
    source = stored(account, file=BODY, state="reading", line_count=3, mapping=BY_NAME)
    done = services.read_rest(source)
    assert (done.state, done.read_count, source.entries.count()) == ("preview", 3, 3)
    assert services.read_rest(done) is done
    OutsideImport.objects.update(state="imported")
    with pytest.raises(InvalidDetails):
        services.read_step(source)


def test_columns_that_are_named_again_read_the_file_again(account: OutsideAccount) -> None:
    source = stored(account, NEW, file=BODY, state="preview", double_count=1)
    named = services.name_columns(source=source, mapping=BY_NAME | {"flip": True, "fee": None})
    named.refresh_from_db()
    assert (named.state, named.read_count, named.double_count) == ("reading", 0, 0)
    assert (named.line_count, named.first_on, named.last_on) == (
        3, date(2026, 11, 1), date(2026, 11, 2),
    )  # fmt: skip
    assert named.mapping == BY_NAME | {"flip": True}
    assert not source.entries.exists()
    with pytest.raises(UnreadableStatement):
        services.name_columns(source=source, mapping=BY_NAME | {"amount": 2})
    source.refresh_from_db()
    assert source.mapping == BY_NAME | {"flip": True}


@pytest.mark.parametrize("state", ["imported", "undone"])
def test_columns_of_what_was_imported_are_not_named(account: OutsideAccount, state: str) -> None:
    source = stored(account, NEW, file=BODY, state=state)
    with pytest.raises(InvalidDetails):
        services.name_columns(source=source, mapping=BY_NAME)
    assert source.entries.count() == 1


def test_named_columns_obey_the_most_lines_of_a_person(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(outside_account(owner=account.owner), NEW, line_count=9)
    stored(account, NEW, state="undone", line_count=9, entry_count=9)
    source = stored(account, file=BODY, state="columns")
    monkeypatch.setattr(services, "MAX_LINES_PER_PERSON", 3)
    with pytest.raises(InvalidDetails):
        services.name_columns(source=source, mapping=BY_NAME)
    source.refresh_from_db()
    assert source.state == "columns"
    monkeypatch.setattr(services, "MAX_LINES_PER_PERSON", 4)
    assert services.name_columns(source=source, mapping=BY_NAME).state == "reading"


@pytest.mark.parametrize(
    ("names", "mapping", "left"),
    [
        ("Date,Amount,Note", {"status": None, "fee": None, "currency": None, "side": None}, {}),
        ("Date,Amount,Status", {"status": None, "fee": None}, {"status": None}),
        ("Date,Amount,Other", {"status": 2, "other": None}, {"status": 2, "other": None}),
    ],
)
def test_a_role_that_no_column_can_have_is_not_remembered_as_left_out(
    names: str, mapping: dict[str, Any], left: dict[str, Any]
) -> None:
    source = OutsideImport(format="csv", account=OutsideAccount(currency="EUR"))
    file = BytesIO(f"{names}\n2026-11-02,5,Booked\n".encode())
    assert services._with_known_roles(source, file, mapping) == left
    qif = OutsideImport(format="qif")
    assert services._with_known_roles(qif, file, mapping) == mapping


def test_the_order_of_days_is_said_of_qif_alone(account: OutsideAccount) -> None:
    qif = "!Type:Bank\nD05/06/2026\nT1.00\n^\n"
    source = stored(account, NEW, file=qif, format="qif", state="preview")
    said = services.read_in_order(source=source, order="mdy")
    assert (said.state, said.mapping, said.first_on) == (
        "reading", {"order": "mdy"}, date(2026, 5, 6),
    )  # fmt: skip
    assert not source.entries.exists()
    csv = stored(account, NEW, file=BODY, state="preview", mapping=BY_NAME)
    with pytest.raises(InvalidDetails):
        services.read_in_order(source=csv, order="mdy")
    csv.refresh_from_db()
    assert (csv.state, csv.mapping) == ("preview", BY_NAME)


DAY_FIRST, MONTH_FIRST = {"order": "dmy"}, {"order": "mdy"}


@pytest.mark.parametrize(
    ("files", "mapping"),
    [
        ([], None),
        ([{"mapping": DAY_FIRST}], DAY_FIRST),
        ([{"mapping": DAY_FIRST}, {"mapping": None}], DAY_FIRST),
        ([{"mapping": MONTH_FIRST}, {"mapping": DAY_FIRST}], DAY_FIRST),
        ([{"mapping": DAY_FIRST, "format": "csv"}], None),
        ([{"mapping": DAY_FIRST, "state": "undone"}], None),
    ],
)
def test_qif_is_read_in_the_order_that_was_said_last_for_the_account(
    account: OutsideAccount, files: list[dict[str, Any]], mapping: dict[str, str] | None
) -> None:
    stored(outside_account(owner=account.owner), format="qif", mapping=DAY_FIRST)
    for facts in files:
        stored(account, **({"format": "qif"} | facts))
    source = OutsideImport(account=account, format="qif")
    services._measure_in_order(source, BytesIO(b"!Type:Bank\nD05/06/2026\nT1.00\n^\n"))
    assert source.first_on == (date(2026, 6, 5) if mapping else date(2026, 5, 6))
    assert (source.mapping, source.state, source.line_count) == (mapping, "reading", 1)
    services._measure_in_order(source, BytesIO(b"!Type:Bank\nD05/13/2026\nT1.00\n^\n"))
    assert (source.mapping, source.first_on) == (None, date(2026, 5, 13))


@pytest.mark.parametrize(
    ("closing", "closing_on", "expected"),
    [
        (9, None, date(2026, 11, 2)), (9, date(2026, 11, 1), date(2026, 11, 2)),
        (9, date(2026, 11, 3), date(2026, 11, 3)), (None, date(2026, 11, 3), None),
    ],
)  # fmt: skip
def test_what_a_file_says_of_itself_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    closing: int | None,
    closing_on: date | None,
    expected: date | None,
) -> None:
    facts = StatementFacts(opening=Decimal(4), closing_on=closing_on, unbooked=6)
    facts.closing = None if closing is None else Decimal(closing)
    found = Measured(2, date(2026, 11, 1), date(2026, 11, 2), is_newest_first=True, facts=facts)
    measure = Mock(return_value=found)
    monkeypatch.setattr(services, "measure", measure)
    source = OutsideImport(
        account=OutsideAccount(currency="EUR"), format="csv", mapping={}, state="columns"
    )
    services._measure(source, BytesIO())
    assert measure.call_args.args[1:] == ("csv", {}, "EUR")
    assert (source.state, source.line_count, source.unbooked_count) == ("reading", 2, 6)
    assert (source.first_on, source.last_on) == (found.first_on, found.last_on)
    assert (source.is_newest_first, source.opening, source.closing) == (True, 4, closing)
    assert source.closing_on == expected


FLIPPED = {"date": 0, "amount": 1, "texts": [], "order": "ymd", "decimal": ".", "flip": True}


@pytest.mark.parametrize(
    ("whose", "before", "is_known"),
    [
        ("the account", {}, True), ("of the owner", {}, True), ("of another", {}, False),
        ("the account", {"state": "undone"}, True), ("the account", {"state": "preview"}, True),
        ("the account", {"state": "columns"}, False), ("the account", {"mapping": None}, False),
        ("the account", {"heading": "other"}, False),
        ("the account", {"mapping": FLIPPED | {"amount": None, "in": 1}}, True),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names(
    account: OutsideAccount, whose: str, before: dict[str, Any], is_known: bool
) -> None:
    body = BytesIO(b"Date,Amount\n2026-11-02,5\n")
    facts = {"mapping": FLIPPED, "heading": sheet_of(body).digest} | before
    elsewhere = {} if whose == "of another" else {"owner": account.owner}
    stored(account if whose == "the account" else outside_account(**elsewhere), **facts)
    made = OutsideImport(account=account, format="csv")
    is_read = services._remember_columns(made, body)
    assert is_read == (is_known and whose == "the account")
    assert made.mapping == (facts["mapping"] if is_known else None)
    assert made.heading == sheet_of(body).digest


def test_columns_of_the_account_come_before_later_ones_of_another(account: OutsideAccount) -> None:
    body = BytesIO(b"Date,Amount\n2026-11-02,5\n")
    heading = sheet_of(body).digest
    for decimal in (",", "."):
        stored(account, heading=heading, mapping=FLIPPED | {"decimal": decimal})
    other = outside_account(owner=account.owner)
    stored(other, heading=heading, mapping=FLIPPED | {"flip": False})
    made = OutsideImport(account=account, format="csv")
    assert services._remember_columns(made, body)
    assert made.mapping == FLIPPED


@pytest.mark.parametrize(
    ("text", "mapping", "expected"),
    [
        ("Date,Amount,Currency\n2026-11-02,5,EUR\n", FLIPPED, (False, FLIPPED | {"currency": 2})),
        (
            "Date,Amount,Currency\n2026-11-02,5,EUR\n", FLIPPED | {"currency": None},
            (True, FLIPPED | {"currency": None}),
        ),
        (
            "Date,Amount,Balance\n2026-11-02,5,5\n", FLIPPED,
            (True, FLIPPED | {"balance": 2}),
        ),
    ],
)  # fmt: skip
def test_a_column_that_the_person_was_never_asked_about_is_asked_for(
    account: OutsideAccount, text: str, mapping: dict[str, Any], expected: tuple[bool, Any]
) -> None:
    body = BytesIO(text.encode())
    stored(account, heading=sheet_of(body).digest, mapping=mapping)
    made = OutsideImport(account=account, format="csv")
    assert (services._remember_columns(made, body), made.mapping) == expected


def test_columns_without_names_are_not_remembered(account: OutsideAccount) -> None:
    body = BytesIO(b"11/13/2026,Bus,-5.00\n11/02/2026,Pay,20.00\n")
    heading = sheet_of(body, allow_unknown=True).digest
    stored(account, heading=heading, mapping=FLIPPED)
    made = OutsideImport(account=account, format="csv")
    assert not services._remember_columns(made, body)
    assert (made.heading, made.mapping) == ("", None)


@pytest.mark.parametrize(
    ("row", "mapping", "proposal"),
    [
        # What was remembered, with another order or mark; else a guess.
        ("2026-12-02;-12,50;7", {"texts": [0]}, {"decimal": ","}),
        ("2026-12-02;1.500;7", {"texts": [0]}, {"decimal": ","}),
        ("13/12/2026;-5.00;7", {"texts": [0], "order": "mdy"}, {"order": "dmy"}),
        ("2026-12-02;-5.00;x", {"texts": [0], "amount": 2}, {"texts": [2], "amount": 1}),
    ],
)
def test_remembered_columns_that_do_not_fit_are_proposed_otherwise(
    row: str, mapping: dict[str, Any], proposal: dict[str, Any]
) -> None:
    made = OutsideImport(
        account=OutsideAccount(currency="EUR"), format="csv", mapping=BY_NAME | mapping
    )
    services._measure_or_propose(made, BytesIO(f"Date;Amount;Note\n{row}\n".encode()))
    assert (made.state, made.mapping) == ("columns", BY_NAME | mapping | proposal)
    assert (made.refusal == services.ANOTHER_MARK) == ("1.500" in row)
    assert made.refusal != ""


@pytest.mark.parametrize("row", ["2026-12-02;-5.00;7", "2026-12-02;1,500;7", "2026-12-02;7;7"])
def test_remembered_columns_that_fit_are_taken(row: str) -> None:
    made = OutsideImport(
        account=OutsideAccount(currency="EUR"), format="csv", mapping=BY_NAME | {"texts": [0]}
    )
    services._measure_or_propose(made, BytesIO(f"Date;Amount;Note\n{row}\n".encode()))
    assert (made.state, made.refusal, made.line_count) == ("reading", "", 1)
    assert made.mapping == BY_NAME | {"texts": [0]}


def test_a_file_that_no_columns_fit_is_refused() -> None:
    made = OutsideImport(
        account=OutsideAccount(currency="EUR"), format="csv", mapping=BY_NAME, state="columns"
    )
    with pytest.raises(UnreadableStatement):
        services._measure_or_propose(made, BytesIO(b"Date;Amount;Note\n2026-11-02;x;y\n"))


def test_the_lines_of_a_refused_file_count_as_those_of_a_stored_one(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[Any, int]] = []
    monkeypatch.setattr(services, "count_stored", lambda *count: counted.append(count))
    made = OutsideImport(account=account, format="csv", mapping=BY_NAME)
    with pytest.raises(UnreadableStatement):
        services._measure_or_propose(made, BytesIO(BODY.encode() + b"2026-11-03,x,D\n"))
    assert counted == [(account.owner_id, 3000)]


def test_no_file_is_read_twice_by_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one that is refused at its end would take three times as long."""
    made = OutsideImport(account=OutsideAccount(currency="EUR"), format="csv", mapping=BY_NAME)
    read: list[Any] = []

    def measure(*arguments: Any) -> Any:
        read.append(services._relevant_roles(arguments[2]))
        raise UnreadableStatement("Line 3 is wrong.")

    monkeypatch.setattr(services, "measure", measure)
    with pytest.raises(UnreadableStatement):
        services._measure_or_propose(made, BytesIO(b"Date;Amount;Note\n2026-11-02;-1.50;y\n"))
    assert len(read) == len({str(sorted(each.items())) for each in read}) > 0


@pytest.mark.parametrize(
    ("name", "kept_name"),
    [(" a\n b.csv ", "a b.csv"), ("n" * 201, "n" * 200), (" ", "statement")],
)
def test_an_upload_keeps_the_name_of_the_file(
    account: OutsideAccount, name: str, kept_name: str
) -> None:
    stored(account, NEW)
    waiting = stored(account, NEW, state="preview", file=BODY)
    elsewhere = stored(outside_account(owner=account.owner), state="preview")
    source = services.upload(BytesIO(BODY.encode()), account=account, name=name)
    source.refresh_from_db()
    assert (source.name, source.format, source.state) == (kept_name, "csv", "columns")
    assert (source.account, len(source.digest)) == (account, 64)
    assert {role: place for role, place in guessed(BODY.encode()).items() if place is not None} == (
        source.mapping
    )
    assert not OutsideImport.objects.filter(pk=waiting.pk).exists()
    assert OutsideImport.objects.filter(pk=elsewhere.pk).exists()
    assert {part.source_id for part in OutsideFilePart.objects.all()} == {source.pk}
    assert OutsideEntry.objects.count() == 1


def test_an_upload_under_one_id_is_the_same_until_it_is_undone(account: OutsideAccount) -> None:
    id, body = uuid7(), b"!Type:Bank\nD25/11/2026\nT1.00\n^\n"

    def send() -> OutsideImport:
        return services.upload(BytesIO(body), account=account, name="a", id=id)

    first = send()
    assert send() == first
    OutsideImport.objects.update(state="undone", undone_at=first.created_at)
    second = send()
    assert (second == first, send() == second) == (False, True)


@pytest.mark.parametrize(("most", "is_refused"), [(5, False), (4, True)])
def test_the_lines_of_an_upload_count_with_those_of_all_accounts(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch, most: int, is_refused: bool
) -> None:
    monkeypatch.setattr(services, "MAX_LINES_PER_PERSON", most)
    stored(outside_account(owner=account.owner), NEW, NEW, line_count=9)
    stored(outside_account(), NEW)
    stored(account, NEW, entry_count=2, line_count=1)
    waiting = stored(account, NEW, state="preview")
    body = BytesIO(b"!Type:Bank\nD25/11/2026\nT1.00\n^\n")
    if is_refused:
        with pytest.raises(InvalidDetails):
            services.upload(body, account=account, name="a")
    else:
        services.upload(body, account=account, name="a")
    assert OutsideImport.objects.filter(pk=waiting.pk).exists() == is_refused
    assert OutsideImport.objects.count() == 4


def test_nothing_is_uploaded_into_an_account_that_was_removed(account: OutsideAccount) -> None:
    OutsideAccount.objects.all().delete()
    with pytest.raises(InvalidDetails):
        services.upload(BytesIO(BODY.encode()), account=account, name="a")
    assert not OutsideImport.objects.exists()


def test_only_what_waits_is_discarded(account: OutsideAccount) -> None:
    done, other = stored(account, NEW), stored(account, NEW, state="reading", file=BODY)
    waiting = stored(account, NEW, state="preview", file=BODY)
    for source in (waiting, waiting, done, stored(account, state="undone")):
        services.discard(source=source)
    assert {row.state for row in OutsideImport.objects.all()} == {"imported", "undone", "reading"}
    assert {row.source_id for row in OutsideEntry.objects.all()} == {done.pk, other.pk}
    assert {part.source_id for part in OutsideFilePart.objects.all()} == {other.pk}


def test_an_account_is_opened_once_for_its_form_and_facts(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_ACCOUNTS", 3)
    owner, id = account.owner, uuid7()
    facts: dict[str, Any] = {"owner": owner, "name": "A", "currency": "USD", "opening": Decimal(5)}
    first = services.open_account(**facts, id=id)
    assert services.open_account(**facts, id=id) == first
    assert (first.owner, first.name, first.currency, first.opening) == (owner, "A", "USD", 5)
    other = services.open_account(**facts)
    assert other != first
    for changed in ({"name": "B"}, {"currency": "EUR"}, {"opening": Decimal(6)}, {"id": None}):
        with pytest.raises(InvalidDetails):
            services.open_account(**({**facts, "id": id} | changed))
    assert services.open_account(**facts, id=id) == first
    assert OutsideAccount.objects.count() == 3


def test_nobody_opens_an_account_while_their_sign_in_is_closed(account: OutsideAccount) -> None:
    User.objects.update(deleted_at=account.created_at)
    with pytest.raises(OwnerNotActive):
        services.open_account(owner=account.owner, name="A", currency="EUR", opening=Decimal(0))
    assert OutsideAccount.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("Other bank", 7)), ({"name": "New"}, ("New", 7)),
        ({"opening": Decimal(0)}, ("Other bank", 0)),
        ({"name": "New", "opening": Decimal(-1)}, ("New", -1)),
    ],
)  # fmt: skip
def test_an_account_keeps_what_is_not_changed(
    changes: dict[str, Any], expected: tuple[str, int]
) -> None:
    account, other = outside_account(opening=7), outside_account(opening=7)
    services.change_account(account=account, **changes)
    for each, facts in ((account, expected), (other, ("Other bank", 7))):
        each.refresh_from_db()
        assert (each.name, each.opening) == facts


def test_an_account_is_removed_with_its_own_imports_and_files_alone(
    account: OutsideAccount,
) -> None:
    other = outside_account(owner=account.owner)
    for each in (account, other):
        stored(each, NEW)
        stored(each, NEW, state="preview", file=BODY)
    for _ in range(2):
        services.remove_account(account=account)
    assert list(OutsideAccount.objects.all()) == [other]
    for model in (OutsideImport, OutsideEntry):
        assert [row.account_id for row in model.objects.all()] == [other.pk] * 2
    assert [part.source.account_id for part in OutsideFilePart.objects.all()] == [other.pk]


def test_a_fingerprint_is_of_day_amount_and_texts() -> None:
    line = OutsideLine(1, date(2026, 11, 2), Decimal("5.00"), "Rent", "Ana", "R1", "id")
    same = (
        {"number": 2}, {"amount": Decimal(5)}, {"outside_id": ""}, {"description": "RENT"},
    )  # fmt: skip
    other = (
        {"booked_on": date(2026, 11, 3)}, {"amount": Decimal("5.01")}, {"description": "R"},
        {"other": "A"}, {"reference": ""}, {"description": "Ana", "other": "Rent"},
    )  # fmt: skip
    prints = [services.fingerprint(replace(line, **changed)) for changed in other]
    assert {services.fingerprint(replace(line, **changed)) for changed in same} == {
        services.fingerprint(line)
    }
    assert services.fingerprint(line) not in prints
    assert len(set(prints)) == len(other)


def locks(call: Callable[[], object]) -> list[tuple[str, str]]:
    """The tables whose rows a service locks, one after the other, and how."""
    with CaptureQueriesContext(connection) as queries:
        call()
    found = [re.search(r'FROM "(\w+)".* FOR (.*)', query["sql"], re.DOTALL) for query in queries]
    return [(match[1], match[2].partition(" OF ")[2] or "all") for match in found if match]


def test_an_account_is_locked_before_its_imports_and_its_owner_last(
    account: OutsideAccount,
) -> None:
    of_account, of_import = ("outside_accounts", "all"), ("outside_imports", '"outside_imports"')
    owner = ("users", "all")
    source = stored(account, NEW, state="columns", file=BODY)
    named = partial(services.name_columns, source=source, mapping=BY_NAME)
    assert locks(named) == [of_import, owner]
    assert locks(partial(services.read_step, source)) == [of_import]
    assert locks(partial(services.confirm, source=source)) == [of_account, of_import]
    assert locks(partial(services.undo, source=source)) == [of_account, of_import]
    assert locks(partial(services.discard, source=source)) == [("outside_imports", "all")]
    upload = partial(services.upload, BytesIO(BODY.encode()), account=account, name="a")
    assert locks(upload) == [of_account, owner]
    assert locks(partial(services.remove_account, account=account)) == [of_account]


def test_columns_without_names_are_guessed_by_their_values(account: OutsideAccount) -> None:
    body = b"11/13/2026,Bus,-5.00\n11/02/2026,Pay,20.00\n"
    source = services.upload(BytesIO(body), account=account, name="a.csv")
    mapping = source.mapping or {}
    assert (source.state, mapping["date"], mapping["amount"]) == ("columns", 0, 2)


def test_a_person_has_fifty_accounts(account: OutsideAccount) -> None:
    facts: dict[str, Any] = {"owner": account.owner, "name": "A", "currency": "EUR"}
    OutsideAccount.objects.bulk_create(OutsideAccount(**facts) for _ in range(48))
    services.open_account(**facts, opening=Decimal(0))
    with pytest.raises(InvalidDetails):
        services.open_account(**facts, opening=Decimal(0))
    assert OutsideAccount.objects.count() == 50
