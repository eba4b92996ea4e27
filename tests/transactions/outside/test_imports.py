"""Uploading, importing and undoing a file of another bank."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from itertools import permutations

import pytest

from ledger.db.ids import uuid7
from tests.transactions.outside.files import (
    AMERICAN,
    GERMAN,
    balance_of,
    guessed,
    imported,
    outside_account,
    uploaded,
)
from tests.transactions.outside.samples import (
    CAMT,
    MT940,
    camt,
    camt_batch,
    camt_entry,
    camt_payment,
)
from transactions.exceptions import InvalidDetails
from transactions.models import (
    OutsideAccount,
    OutsideEntry,
    OutsideFilePart,
    OutsideImport,
    Transaction,
)
from transactions.outside import services
from transactions.outside.doubles import entries_like, lookalikes_of
from transactions.outside.formats.lines import UnreadableStatement
from transactions.outside.reads import difference_of

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
        ("Date;Amount", "05/11/2026;-5,00", "05/13/2026;-5,00", "cannot have the day"),
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
    imported(account, GERMAN, with_doubles=True)
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
        services.confirm(source=found, with_doubles=True)


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


def test_confirming_twice_imports_once(account: OutsideAccount) -> None:
    source = uploaded(account, GERMAN)
    for _ in range(2):
        services.confirm(source=source)
    assert OutsideEntry.objects.count() == 4


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


def test_an_upload_sent_twice_is_stored_once(account: OutsideAccount) -> None:
    ids = {
        services.upload(BytesIO(GERMAN.encode()), account=account, name="a.csv", id=account.pk).pk
        for _ in range(2)
    }
    assert len(ids) == 1


def test_an_imported_file_is_not_read_anew_nor_discarded(account: OutsideAccount) -> None:
    source = imported(account, GERMAN)
    with pytest.raises(InvalidDetails):
        services.name_columns(source=source, mapping=guessed(GERMAN.encode()))
    services.discard(source=source)
    assert balance_of(account) == Decimal("1843.20")


def test_a_discarded_upload_leaves_nothing(account: OutsideAccount) -> None:
    for _ in range(2):
        services.discard(source=uploaded(account, GERMAN))
    for model in (OutsideImport, OutsideEntry, OutsideFilePart):
        assert not model.objects.exists()


def test_steps_read_what_one_step_would(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "STEP", 3)
    monkeypatch.setattr(services, "PART", 2)
    monkeypatch.setattr("transactions.outside.file_parts.PART_BYTES", 100)
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


def test_removing_an_account_removes_all_of_it(account: OutsideAccount) -> None:
    imported(account, GERMAN)
    uploaded(account, "Date,Amount\n2026-10-05,-3.20\n")
    other = outside_account()
    imported(other, GERMAN)
    uploaded(other, "Date,Amount\n2026-10-05,-3.20\n")
    for _ in range(2):
        services.remove_account(account=account)
    assert [*OutsideAccount.objects.all()] == [other]
    for model in (OutsideImport, OutsideEntry):
        assert {row.account_id for row in model.objects.all()} == {other.pk}
    assert {part.source.account_id for part in OutsideFilePart.objects.all()} == {other.pk}


def test_there_is_a_most_of_accounts(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_ACCOUNTS", 1)
    with pytest.raises(InvalidDetails):
        outside_account(owner=account.owner)


def test_a_person_has_so_many_lines_in_all_accounts_previews_included(
    account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_LINES_OF_A_PERSON", 9)
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
    monkeypatch.setattr(services, "MOST_LINES_OF_A_PERSON", 8)
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
