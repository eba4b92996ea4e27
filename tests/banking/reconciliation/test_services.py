"""What each service of reconciliations writes and refuses, on rows that are there."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from accounts.groups import MANAGER
from accounts.models import Account, User
from banking.outside.formats.lines import UnreadableStatement
from banking.outside.formats.reading import Measured
from banking.outside.models import OutsideImport
from banking.reconciliation import services
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
    booked_on,
)
from banking.reconciliation.triggers import LOCK
from ledger.db.history.facts import with_facts
from ledger.db.ids import uuid7
from tests.banking.outside.samples import CAMT
from tests.banking.reconciliation.files import (
    line_of,
    paid_in,
    seen_now,
    sign,
    stored,
)
from tests.conftest import colleague, read_as, set_role
from tests.factories import AccountFactory, UserFactory
from transactions import services as posting
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> User:
    return UserFactory(name="Clerk")


@dataclass
class Diag:
    constraint_name: str | None


class Cause(Exception):
    def __init__(self, diag: Any) -> None:
        super().__init__()
        self.diag = diag


@pytest.mark.parametrize("name", services.MESSAGES)
def test_a_refusal_of_the_database_has_a_sentence(name: str) -> None:
    with pytest.raises(InvalidDetails) as refused, services._changing():
        raise IntegrityError from Cause(Diag(name))
    assert str(refused.value) == services.MESSAGES[name]


@pytest.mark.parametrize(
    "cause", [Cause(Diag("other")), Cause(Diag(None)), Cause(None), ValueError(), None]
)
def test_a_refusal_without_a_sentence_stays_a_failure(cause: Exception | None) -> None:
    with pytest.raises(IntegrityError), services._changing():
        raise IntegrityError from cause


def test_an_upload_stores_the_file_with_its_lines(by: User) -> None:
    account, id = AccountFactory(currency="EUR"), uuid7()

    def send(**changed: Any) -> Reconciliation:
        facts: dict[str, Any] = {
            "by": by,
            "name": " a\n b.xml ",
            "currency": "EUR",
            "account": account,
            "id": id,
        }
        return services.upload(BytesIO(CAMT.encode()), **(facts | changed))

    made = send()
    made.refresh_from_db()
    assert (made.account, made.name, made.format, made.currency) == (
        account, "a b.xml", "camt053", "EUR",
    )  # fmt: skip
    assert (made.first_on, made.last_on) == (date(2026, 11, 1), date(2026, 11, 2))
    assert (made.opening, made.closing) == (100, Decimal("2027.20"))
    assert (made.line_count, made.unbooked_count, made.created_by) == (3, 1, by)
    assert (len(made.digest), made.signed_by, made.countersigned_by) == (64, None, None)
    facts = ("number", "booked_on", "amount", "description", "other", "reference", "outside_id")
    rows = made.lines.order_by("number").values_list(*facts, "leftover")
    cafe = (date(2026, 11, 2), Decimal("-2.80"), "Espresso", "Cafe Anna", "")
    assert list(rows) == [
        (1, date(2026, 11, 1), Decimal("1932.80"), "Salary", "Muster & Co", "", "A1", ""),
        (2, *cafe, "A2", ""), (3, *cafe, "A3", ""),
    ]  # fmt: skip
    assert send(name="other") == made
    assert (Reconciliation.objects.count(), made.lines.count()) == (1, 3)


@pytest.mark.parametrize(
    ("name", "kept"), [("", "statement"), ("n" * 201, "n" * 200), ("n" * 200, "n" * 200)]
)
def test_an_upload_without_an_account_is_of_the_bank(by: User, name: str, kept: str) -> None:
    made = services.upload(BytesIO(CAMT.encode()), by=by, name=name, currency="EUR")
    assert (made.account, made.name) == (None, kept)
    with pytest.raises(UnreadableStatement):
        services.upload(BytesIO(CAMT.encode()), by=by, name=name, currency="USD")
    assert Reconciliation.objects.get() == made


def test_lines_are_stored_part_by_part(by: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PART", 1)
    qif = b"!Type:Bank\nD25/11/2026\nT1.00\n^\nD26/11/2026\nT2.00\n^\n"
    first, second = (
        services.upload(BytesIO(qif), by=by, name="a", currency="USD") for _time in range(2)
    )
    assert first != second
    for each in (first, second):
        lines = each.lines.order_by("number")
        assert [line.amount for line in lines] == [1, 2]


def test_a_row_that_the_database_refuses_stores_nothing(by: User) -> None:
    made = Reconciliation(
        name="a", format="other", currency="USD", first_on=date(2026, 11, 1), line_count=1,
        last_on=date(2026, 11, 1), created_by=by,
    )  # fmt: skip
    with pytest.raises(IntegrityError):
        services._store(made, BytesIO(b""), {})
    assert not Reconciliation.objects.exists()


BY_NAME = {"date": 0, "amount": 1, "texts": [], "order": "x", "decimal": ".", "flip": False}


def measured(rows: str, order: str = "") -> tuple[dict[str, Any], Measured]:
    """The mapping and what was found in a CSV file of days, or in a QIF file."""
    if rows.startswith("!"):
        mapping: dict[str, Any] = {}
        return mapping, services._measured(BytesIO(rows.encode()), "qif", mapping, "USD", order)
    mapping = dict(BY_NAME)
    body = "Date,Amount\n" + "".join(f"{day},1\n" for day in rows.split())
    return mapping, services._measured(BytesIO(body.encode()), "csv", mapping, "USD", order)


QIF = "!Type:Bank\nD{}\nT1.00\n^\n"


@pytest.mark.parametrize(
    ("rows", "order", "found", "first_on"),
    [
        ("2026-11-02", "", "ymd", date(2026, 11, 2)),
        ("13/11/2026 02/11/2026", "", "dmy", date(2026, 11, 2)),
        ("11/13/2026 11/02/2026", "", "mdy", date(2026, 11, 2)),
        ("02/11/2026", "dmy", "dmy", date(2026, 11, 2)),
        ("02/11/2026", "mdy", "mdy", date(2026, 2, 11)),
        # An order by which the file cannot be read does not count.
        ("13/11/2026", "mdy", "dmy", date(2026, 11, 13)),
        ("26/01/05", "ymd", "ymd", date(2026, 1, 5)),
        (QIF.format("13/11/2026"), "", "dmy", date(2026, 11, 13)),
        (QIF.format("11/13/2026"), "", "mdy", date(2026, 11, 13)),
        (QIF.format("11/13/2026"), "dmy", "mdy", date(2026, 11, 13)),
        (QIF.format("02/11/2026"), "dmy", "dmy", date(2026, 11, 2)),
        (QIF.format("02/11/2026"), "mdy", "mdy", date(2026, 2, 11)),
        (QIF.format("13/11/2026"), "ymd", "dmy", date(2026, 11, 13)),
    ],
)
def test_days_are_read_in_the_order_that_is_possible_or_said(
    rows: str, order: str, found: str, first_on: date
) -> None:
    mapping, what = measured(rows, order)
    assert (mapping["order"], what.first_on) == (found, first_on)


@pytest.mark.parametrize(
    ("rows", "order", "ways"),
    [
        ("02/11/2026", "", "two"), ("02/11/2026", "ymd", "two"), ("05/01/02", "", "three"),
        (QIF.format("02/11/2026"), "", "two"), (QIF.format("02/11/2026"), "ymd", "two"),
    ],
)  # fmt: skip
def test_days_that_can_be_read_in_several_orders_are_asked_about(
    rows: str, order: str, ways: str
) -> None:
    with pytest.raises(services.DoubtfulDays, match=f"in {ways} ways"):
        measured(rows, order)


def test_the_doubt_names_each_order_with_its_days() -> None:
    days = {"dmy": date(2026, 11, 2), "mdy": date(2026, 2, 11), "ymd": date(2002, 11, 26)}
    ways = {order: Measured(1, day, day) for order, day in days.items()}
    told = services._doubt({order: ways[order] for order in ("mdy", "dmy")})
    assert told == (
        "The dates of the file can be read in two ways: with the day first, they are from "
        "2 November 2026 to 2 November 2026, with the month first from 11 February 2026 to "
        "11 February 2026. Choose one."
    )
    assert "three ways" in services._doubt(ways)


@pytest.mark.parametrize("order", ["", "dmy"])
def test_a_file_without_a_day_in_any_order_is_unreadable(order: str) -> None:
    for rows in ("99/99/2026", QIF.format("99/99/2026")):
        with pytest.raises(UnreadableStatement) as refused:
            measured(rows, order)
        assert refused.type is UnreadableStatement


def test_a_format_that_says_the_order_of_days_is_asked_nothing() -> None:
    mapping: dict[str, Any] = {}
    camt = OutsideImport.Format.CAMT
    found = services._measured(BytesIO(CAMT.encode()), camt, mapping, "EUR", "mdy")
    assert (found.count, found.last_on, mapping) == (3, date(2026, 11, 2), {})


def test_payments_of_an_account_and_of_the_bank_have_the_sign_of_their_direction() -> None:
    ana, ben = AccountFactory(), AccountFactory()
    paid_in(ana, "100")
    posting.withdraw(from_account=ana, amount=Decimal(30))
    moved = posting.transfer(from_account=ana, to_account=ben, amount=Decimal(20))
    posting.hold(from_account=ana, amount=Decimal(1))

    def signed(account: Account | None, currency: str = "USD") -> list[Decimal]:
        rows = booked_on(account.pk if account else None, currency).order_by("created_at")
        return [row.signed for row in rows]

    assert signed(None) == [100, -30]
    assert signed(ana) == [100, -30, -20]
    assert signed(ben) == [20]
    assert signed(ana, "EUR") == []
    by = UserFactory()
    for account, amount in ((ana, -20), (ben, 20)):
        whose = stored((amount, ""), created_by=by, account=account)
        facts = {"line": line_of(whose, 1), "transaction": moved, "account": account}
        ReconciliationMatch.objects.create(**facts, amount=12, created_by=by)
        assert booked_on(account.pk, "USD").get(pk=moved.pk).unmatched == 8
        (match,) = ReconciliationMatch.objects.filter(account=account).select_related("line")
        assert match.signed == (12 if amount > 0 else -12)
    assert [row.unmatched for row in booked_on(None, "USD").order_by("created_at")] == [100, 30]


def test_a_match_takes_what_the_line_and_the_payment_have_left(by: User) -> None:
    ana = AccountFactory()
    paid = paid_in(ana, "40")
    whose = stored((25, ""), (30, ""), (7, ""), account=ana)
    amounts = [
        services.match(line=line_of(whose, place), transaction=paid.pk, by=by) for place in (1, 2)
    ]
    assert amounts == [25, 15]
    facts = ReconciliationMatch.objects.order_by("amount").values_list(
        "line__number", "transaction", "account", "amount", "is_sure", "created_by"
    )
    assert list(facts) == [
        (2, paid.pk, ana.pk, 15, False, by.pk), (1, paid.pk, ana.pk, 25, False, by.pk),
    ]  # fmt: skip
    for place, of in ((1, "line"), (3, "payment")):
        with pytest.raises(InvalidDetails, match=f"of this {of} is"):
            services.match(line=line_of(whose, place), transaction=paid.pk, by=by)
    assert ReconciliationMatch.objects.count() == 2


@pytest.mark.parametrize("account", [True, False])
def test_a_payment_elsewhere_is_not_matched(by: User, account: bool) -> None:
    paid = paid_in(AccountFactory(), "40")
    if account:
        whose = stored((40, ""), account=AccountFactory())
    else:
        whose = stored((40, ""), currency="EUR")
    for pk in (paid.pk, uuid7()):
        with pytest.raises(InvalidDetails):
            services.match(line=line_of(whose, 1), transaction=pk, by=by)
    assert not ReconciliationMatch.objects.exists()


def matched(
    whose: Reconciliation, paid: Transaction, amounts: tuple[int, ...], by: User
) -> list[ReconciliationMatch]:
    """Matches of its lines with parts of one payment, written as rows."""
    lines = whose.lines.order_by("number")
    return ReconciliationMatch.objects.bulk_create(
        ReconciliationMatch(
            line=line, transaction=paid, account=whose.account, amount=amount, created_by=by
        )
        for line, amount in zip(lines, amounts, strict=True)
    )


def test_only_a_match_of_the_line_is_taken_back(by: User) -> None:
    paid = paid_in(AccountFactory(), "40")
    whose = stored((15, ""), (25, ""))
    first, second = matched(whose, paid, (15, 25), by)
    for line, match in ((2, first.pk), (1, uuid7())):
        with pytest.raises(InvalidDetails):
            services.unmatch(line=line_of(whose, line), match=match)
    assert ReconciliationMatch.objects.count() == 2
    services.unmatch(line=line_of(whose, 1), match=first.pk)
    assert ReconciliationMatch.objects.get() == second


def test_what_is_sure_is_matched_and_counted(by: User) -> None:
    ana = AccountFactory()
    paid = paid_in(ana, "40")
    whose = stored((7, ""), (40, ""), account=ana)
    assert services.match_sure(reconciliation=whose, by=by) == 1
    match = ReconciliationMatch.objects.get()
    assert (match.line.number, match.transaction, match.account) == (2, paid, ana)
    assert (match.amount, match.is_sure, match.created_by) == (40, True, by)


def test_nothing_is_locked_where_nothing_is_sure(by: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_lock_all", lambda: pytest.fail("locked"))
    assert services.match_sure(reconciliation=stored((7, "")), by=by) == 0


@pytest.mark.parametrize(
    ("before", "reason", "seen", "after"),
    [
        ("", "Fee", None, "Fee"), ("", " A\n fee ", "", "A fee"), ("Fee", "New", None, "New"),
        ("Fee", "New", "Fee", "New"), ("Fee", "New", " Fee ", "New"),
        ("New", "New", "Fee", "New"),  # as a form sent twice
        ("Fee", "", None, ""), ("Fee", "", "Fee", ""), ("", "", "Fee", ""),
        ("a" * 500, "New", "a" * 500 + "b", "New"), ("", "a" * 500, None, "a" * 500),
        ("Fee", "New", "Other", None), ("Fee", "New", "", None), ("Fee", "", "Other", None),
        ("", "", None, None), ("", "", "", None), ("", " \n", None, None),
        ("", "a" * 501, None, None), ("", "New", "Fee", None),
    ],
)  # fmt: skip
def test_a_reason_is_stored_if_it_was_not_changed_since_it_was_seen(
    before: str, reason: str, seen: str | None, after: str | None
) -> None:
    whose = stored((7, before), (8, "Other"))
    line = ReconciliationLine.objects.get(number=1)
    if after is None:
        with pytest.raises(InvalidDetails):
            services.leave_over(line=line, reason=reason, seen=seen)
    else:
        assert services.leave_over(line=line, reason=reason, seen=seen) == after
    left = whose.lines.order_by("number").values_list("leftover", flat=True)
    assert list(left) == [before if after is None else after, "Other"]


def test_two_people_sign_what_each_has_seen(by: User) -> None:
    whose, other = stored((7, "Fee")), UserFactory()
    with pytest.raises(InvalidDetails):
        services.sign(reconciliation=whose, by=by, seen="another version")
    unsigned = seen_now(whose)
    assert services.sign(reconciliation=whose, by=by, seen=unsigned).signed_by == by
    for who, seen in ((by, seen_now(whose)), (other, unsigned)):
        with pytest.raises(InvalidDetails):
            services.sign(reconciliation=whose, by=who, seen=seen)
    by_two = services.MESSAGES["reconciliation_by_two"]
    with pytest.raises(InvalidDetails, match=by_two):
        services.sign(reconciliation=whose, by=by, seen=unsigned)  # as a form sent twice
    whose.refresh_from_db()
    assert (whose.signed_by, whose.countersigned_by, whose.state) == (by, None, "Signed by one")
    done = sign(whose, other)
    whose.refresh_from_db()
    assert (whose.signed_by, whose.countersigned_by, whose.state) == (by, other, "Frozen")
    assert (done.pk, done.is_frozen) == (whose.pk, True)
    frozen = services.MESSAGES["reconciliation_is_frozen"]
    for who in (by, other):
        with pytest.raises(InvalidDetails, match=frozen):
            services.sign(reconciliation=whose, by=who, seen="any")
    with pytest.raises(InvalidDetails, match=frozen):
        services.take_back(reconciliation=whose, seen="any")


def test_a_web_process_signs_and_takes_back() -> None:
    """It may write the signatures alone."""
    whose, first, second = stored((7, "Fee")), colleague(MANAGER, "A"), colleague(MANAGER, "B")
    set_role("ledger_web")
    try:
        with read_as(first), with_facts(lambda: {"person": str(first.pk)}):
            sign(whose, first)
            services.take_back(reconciliation=whose, seen=seen_now(whose))
            sign(whose, first)
        with read_as(second), with_facts(lambda: {"person": str(second.pk)}):
            assert sign(whose, second).is_frozen
    finally:
        set_role(None)


def test_an_open_line_is_not_signed(by: User) -> None:
    whose = stored((7, "Fee"), (8, ""), (0, ""))
    with pytest.raises(InvalidDetails):
        sign(whose, by)
    services.leave_over(line=line_of(whose, 2), reason="Fee")
    assert sign(whose, by).is_signed


def test_a_signature_is_taken_back_by_the_version_that_was_seen(by: User) -> None:
    whose = stored((7, "Fee"))
    unsigned = seen_now(whose)
    with pytest.raises(InvalidDetails):
        services.take_back(reconciliation=whose, seen=unsigned)
    sign(whose, by)
    with pytest.raises(InvalidDetails):
        services.take_back(reconciliation=whose, seen=unsigned)
    whose.refresh_from_db()
    assert whose.signed_by == by
    services.take_back(reconciliation=whose, seen=seen_now(whose))
    whose.refresh_from_db()
    assert (whose.signed_by, whose.signed_at, whose.state) == (None, None, "Open")


def test_what_is_unsigned_is_discarded_with_its_lines_alone(by: User) -> None:
    ana = AccountFactory()
    paid = paid_in(ana, "40")
    whose, other = stored((20, ""), account=ana), stored((20, ""), account=ana)
    for each in (whose, other):
        matched(each, paid, (20,), by)
    called = []

    def beside() -> None:
        called.append(whose.lines.count())

    with pytest.raises(InvalidDetails):
        services.discard(reconciliation=whose, seen="another version", on_discard=beside)
    assert (called, whose.lines.count()) == ([], 1)
    services.discard(reconciliation=whose, seen=seen_now(whose), on_discard=beside)
    assert called == [1]
    assert Reconciliation.objects.get() == other
    assert ReconciliationLine.objects.get().reconciliation == other
    assert ReconciliationMatch.objects.get().line.reconciliation == other


def test_what_is_signed_is_not_discarded(by: User) -> None:
    whose = stored((7, "Fee"))
    sign(whose, by)
    for seen in (seen_now(whose), "another version"):
        with pytest.raises(InvalidDetails, match="signed"):
            services.discard(reconciliation=whose, seen=seen)
    assert whose.lines.count() == 1


def test_what_is_gone_changes_no_more(by: User) -> None:
    whose = stored()
    seen = seen_now(whose)
    services.discard(reconciliation=whose, seen=seen)
    gone = Reconciliation(pk=uuid7())
    for change in (
        lambda: services.sign(reconciliation=gone, by=by, seen=seen),
        lambda: services.take_back(reconciliation=gone, seen=seen),
        lambda: services.discard(reconciliation=gone, seen=seen),
    ):
        with pytest.raises(InvalidDetails):
            change()


@pytest.mark.parametrize(
    ("signed_by", "countersigned_by", "state"),
    [(None, None, "Open"), ("1", None, "Signed by one"), ("1", "2", "Frozen")],
)
def test_the_state_of_a_reconciliation(
    signed_by: str | None, countersigned_by: str | None, state: str
) -> None:
    whose = Reconciliation(signed_by_id=signed_by, countersigned_by_id=countersigned_by)
    assert (whose.state, whose.is_signed, whose.is_frozen) == (
        state, signed_by is not None, countersigned_by is not None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("format", "is_computed"),
    [("csv", True), ("ofx1", True), ("ofx2", True), ("qif", False), ("camt053", False)],
)
def test_some_formats_state_no_opening_balance(format: str, is_computed: bool) -> None:
    assert Reconciliation(format=format).has_computed_opening == is_computed


@pytest.mark.parametrize(("amount", "signed"), [(7, 4), (-7, -4)])
def test_what_is_left_of_a_line_has_its_sign(amount: int, signed: int) -> None:
    line = ReconciliationLine(amount=Decimal(amount))
    line.matched = Decimal(3)
    assert (line.rest, line.signed_rest) == (4, signed)


@pytest.mark.parametrize(
    ("other", "description", "title"),
    [("Bank", "Fee", "Bank"), ("", "Fee", "Fee"), ("", "", "Without a text")],
)
def test_a_line_has_a_title(other: str, description: str, title: str) -> None:
    assert ReconciliationLine(other=other, description=description).title == title


def test_one_lock_of_the_bank_comes_before_the_row() -> None:
    whose = stored()
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
    held += " AND pid = pg_backend_pid()"

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(held, [LOCK])
            found: int = cursor.fetchone()[0]
        return found

    assert count() == 0
    with CaptureQueriesContext(connection) as queries:
        assert services._locked(whose) == whose
    assert count() == 1
    assert [query["sql"].endswith("FOR NO KEY UPDATE") for query in queries] == [False, True]
