"""What a row says of itself, and which rows a queryset has."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from banking.alerts.models import (
    Alert,
    AlertChoice,
    AlertKind,
    AlertTimes,
    id_of_alert,
    id_of_choice,
)
from banking.attachments.models import Attachment
from banking.events.models import AccountEvent, Webhook, WebhookDelivery, WebhookQueue
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideFilePart, OutsideImport
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from banking.standing_orders.models import Occurrence, StandingOrder, due_on, id_of_occurrence
from banking.statement_files.models import MonthlyStatement, time_zone_now
from tests.banking.reconciliation.files import paid_in
from tests.conftest import colleague
from tests.factories import AccountFactory, UserFactory
from transactions.annotations.models import Annotation, OwnCategory
from transactions.categories.models import Budget, CategoryRule
from transactions.models import (
    AuditRun,
    Entry,
    NamesAsked,
    SavedReport,
    Seal,
    SealedDay,
    StaffReason,
    Transaction,
)
from transactions.models.transaction import reversal_word
from transactions.payees.models import Payee

ONE, TWO = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_the_ids_of_alerts_are_those_of_rows_that_are_there() -> None:
    assert f"{id_of_choice(ONE, 'money_in', None)}" == "bafb137c-ccd7-5fc1-8f53-d43cd9a04610"
    assert f"{id_of_choice(ONE, 'money_in', TWO)}" == "47b93d15-5c5b-5821-9a2f-f2cdcac24160"
    assert f"{id_of_alert('money_in', ONE, TWO, None)}" == "8ec3388c-89da-cb28-20ef-aa80ad74aedc"
    assert (
        f"{id_of_alert('money_in', ONE, TWO, date(2026, 11, 2))}"
        == "18dcce62-3058-0f09-5382-5497a3acf3f6"
    )
    assert f"{id_of_occurrence(ONE, date(2026, 11, 2))}" == "5f0f8cfe-fae1-5330-a695-0074e4cda802"


def entry(**facts: Any) -> Entry:
    """A debit of an account of person ONE."""
    account = Account(user_id=ONE, name="Everyday")
    return Entry(**({"account": account, "direction": "debit", "type": "transfer"} | facts))


OWN = Account(user_id=ONE, name="Savings", user=User(pk=ONE, name="Ana"))
OTHERS = Account(user_id=TWO, name="Everyday", user=User(pk=TWO, name="Ben"))


@pytest.mark.parametrize(
    ("facts", "name", "headline"),
    [
        ({"counterparty": OWN, "description": "Rent"}, "Savings", "Savings"),
        ({"counterparty": OTHERS, "description": "Rent"}, "Ben", "Ben"),
        ({"counterparty": OTHERS, "account": None}, "Ben", "Ben"),
        ({"counterparty": None, "description": "Rent"}, "", "Rent"),
        ({"counterparty": None, "description": "", "type": "deposit"}, "", "Deposit"),
        ({"counterparty": None, "description": "", "type": "withdrawal"}, "", "Withdrawal"),
    ],
)
def test_an_entry_is_headed_by_the_other_side_or_its_text(
    facts: dict[str, Any], name: str, headline: str
) -> None:
    row = entry(**facts)
    assert (row.counterparty_name, row.headline) == (name, headline)


@pytest.mark.parametrize(
    ("type", "word"),
    [("withdrawal", "taken back"), ("deposit", "refund"), ("transfer", "refund")],
)
def test_a_reversal_has_its_word(type: str, word: str) -> None:
    assert reversal_word(type) == word
    assert entry(type=type, reverses_id=TWO).badges == [word]
    assert entry(type=type).badges == []


@pytest.mark.parametrize("model", [Entry, Transaction])
@pytest.mark.parametrize(
    ("own", "category", "shown"),
    [("Mine", "food", "Mine"), ("", "food", "food"), (None, None, ""), ("Mine", None, "Mine")],
)
def test_the_readers_own_category_comes_first(
    model: Any, own: str | None, category: str | None, shown: str
) -> None:
    row = model()
    row.category, row.own_category = category, own
    assert row.shown_category == shown
    del row.own_category
    assert row.shown_category == (category or "")


@pytest.mark.parametrize(("direction", "is_credit"), [("credit", True), ("debit", False)])
def test_a_credit_is_money_in(direction: str, is_credit: bool) -> None:
    assert entry(direction=direction).is_credit == is_credit


@pytest.mark.django_db
def test_the_latest_entries_of_several_accounts(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    one, two = AccountFactory(), AccountFactory()
    paid = [paid_in(account, "5") for account in (one, two, one)]
    with django_assert_num_queries(1):
        found = Entry.objects.latest_of([one, two], 2)
    assert [entry.transaction_id for entry in found] == [paid[2].pk, paid[1].pk]
    assert [entry.account is account for entry, account in zip(found, (one, two), strict=True)] == [
        True, True,
    ]  # fmt: skip
    with django_assert_num_queries(2):
        by_id = Entry.objects.latest_of([one.pk, two.pk], 3)
        assert [entry.account for entry in by_id] == [one, two, one]
    assert [entry.transaction_id for entry in Entry.objects.latest_of([one], 1)] == [paid[2].pk]
    assert Entry.objects.latest_of([], 1) == []


@pytest.mark.django_db
def test_staff_open_every_transaction_with_the_right_to_view_alone() -> None:
    mine, other = (paid_in(AccountFactory(), "5") for _ in range(2))
    assert mine.to_account is not None
    ana, clerk = mine.to_account.user, colleague(OPERATIONS, "Clerk")
    view = Permission.objects.get(codename="view_transaction")

    def readable(who: User) -> set[Transaction]:
        return set(Transaction.objects.readable_by(User.objects.get(pk=who.pk)))

    assert readable(clerk) == {mine, other}
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    assert readable(ana) == {mine}, "staff without the right"
    User.objects.filter(pk=ana.pk).update(is_staff=False)
    ana.user_permissions.add(view)
    assert readable(ana) == {mine}, "a customer with the right"
    assert readable(UserFactory()) == set()


@pytest.mark.parametrize(
    ("expires_at", "is_expired"),
    [(None, False), (NOON, True), (NOON - timedelta(1), True), (NOON + timedelta(1), False)],
)
def test_a_hold_is_expired_from_its_moment_on(
    expires_at: datetime | None, is_expired: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    assert Transaction(expires_at=expires_at).is_expired == is_expired


@pytest.mark.parametrize(
    ("status", "kind", "is_pending"),
    [
        ("completed", "deposit", False), ("pending", "hold", True), ("captured", "hold", False),
        ("voided", "hold", False),
    ],
)  # fmt: skip
def test_a_hold_stays_a_hold(status: str, kind: str, is_pending: bool) -> None:
    row = Transaction(status=status, type="deposit")
    assert (row.kind, row.is_hold, row.is_pending) == (kind, kind == "hold", is_pending)
    assert (row.is_reversal, Transaction(reverses_id=ONE).is_reversal) == (False, True)


@pytest.mark.parametrize(
    ("sides", "is_of"),
    [
        ({"from_account": OWN}, True), ({"to_account": OWN}, True),
        ({"from_account": OWN, "to_account": OTHERS}, True),
        ({"from_account": OTHERS, "to_account": OWN}, True),
        ({"from_account": OTHERS}, False), ({"from_account": OTHERS, "to_account": OTHERS}, False),
    ],
)  # fmt: skip
def test_a_transaction_is_of_the_holders_of_its_sides(sides: Any, is_of: bool) -> None:
    assert Transaction(**sides).is_of(User(pk=ONE)) == is_of


@pytest.mark.parametrize(
    ("facts", "is_readable"),
    [
        ({"to_account_id": ONE, "amount": 5}, True), ({"to_account_id": ONE, "amount": 0}, True),
        ({"to_account_id": ONE}, False), ({"amount": 5}, False), ({}, False),
    ],
)  # fmt: skip
def test_a_line_is_readable_with_an_account_and_an_amount(
    facts: dict[str, Any], is_readable: bool
) -> None:
    assert PaymentLine(**facts).is_readable == is_readable


@pytest.mark.parametrize(
    ("facts", "doubts"),
    [
        ({}, []), ({"name_check": "match"}, []),
        ({"name_check": "close"}, ["close to"]), ({"name_check": "other"}, ["is not the holder's"]),
        ({"name_check": "", "repeats": 3}, ["not compared", "line 3."]),
        ({"name_check": "other", "repeats": 1234}, ["is not the holder's", "line 1,234."]),
        ({"name_check": "", "to_account_id": None}, []),
        ({"name_check": "", "typed_name": ""}, []), ({"name_check": "match", "repeats": 0}, []),
    ],
)  # fmt: skip
def test_a_line_has_doubts_of_its_name_and_its_twin(
    facts: dict[str, Any], doubts: list[str]
) -> None:
    line = PaymentLine(**{"typed_name": "Ana", "to_account_id": ONE, "name_check": "match"} | facts)
    assert line.is_uncompared is (doubts[:1] == ["not compared"])
    assert len(line.doubts) == len(doubts)
    assert all(word in doubt for word, doubt in zip(doubts, line.doubts, strict=True))
    assert all(
        "\u201cAna\u201d" in doubt or doubt.startswith("Same as line") for doubt in line.doubts
    )


@pytest.mark.parametrize(
    ("facts", "days"),
    [
        ({"times": 2}, [date(2027, 1, 31), date(2027, 2, 28)]),
        ({"last_on": date(2027, 2, 28)}, [date(2027, 1, 31), date(2027, 2, 28)]),
        ({"last_on": date(2027, 2, 27)}, [date(2027, 1, 31)]),
        ({"times": 1, "last_on": date(2027, 5, 1)}, [date(2027, 1, 31)]),
        ({"first_on": date(9999, 11, 30)}, [date(9999, 11, 30), date(9999, 12, 30)]),
        ({"first_on": date(9999, 12, 30), "every": "week"}, [date(9999, 12, 30)]),
        ({"times": 0}, []),
    ],
)
def test_an_order_has_days_until_its_end(facts: dict[str, Any], days: list[date]) -> None:
    order = StandingOrder(**({"first_on": date(2027, 1, 31), "every": "month"} | facts))
    assert list(islice(order.days_from(0), 5)) == days
    assert list(islice(order.days_from(1), 5)) == days[1:]
    assert [order.is_within(place) for place in range(len(days) + 1)] == [True] * len(days) + [
        False
    ]


@pytest.mark.parametrize(
    ("times", "position", "left"), [(None, 3, None), (5, 3, 2), (5, 0, 5), (5, 5, 0)]
)
def test_an_order_counts_the_days_that_are_left(
    times: int | None, position: int, left: int | None
) -> None:
    assert StandingOrder(times=times, position=position).left == left


def test_a_refused_payment_is_tried_until_the_end_of_its_day() -> None:
    assert StandingOrder().tried_until is None
    with timezone.override("Europe/Prague"):
        late = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
        assert StandingOrder(refused_at=late).tried_until == date(2026, 11, 3)


@pytest.mark.parametrize("status", ["active", "paused", "ended"])
def test_an_order_is_in_one_state(status: str) -> None:
    order = StandingOrder(status=status, from_account=Account(currency="JPY"))
    states = {"active": order.is_active, "paused": order.is_paused, "ended": order.is_ended}
    assert [name for name, is_so in states.items() if is_so] == [status]
    assert order.currency == "JPY"


def test_an_order_says_how_often_it_is_paid() -> None:
    first = date(2027, 1, 31)
    assert str(StandingOrder(every="once", first_on=first)) == "Once, on 31 January 2027"
    assert str(StandingOrder(every="month", first_on=first)).endswith(" from 31 January 2027")


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("rent", "picture", ("rent.jpg", "image/jpeg")),
        ("rent", "document", ("rent.pdf", "application/pdf")),
        ("", "picture", ("receipt.jpg", "image/jpeg")),
    ],
)
def test_an_attachment_is_downloaded_under_the_ending_of_its_kind(
    name: str, kind: str, expected: tuple[str, str]
) -> None:
    attachment = Attachment(name=name, kind=kind)
    assert (attachment.file_name, attachment.content_type) == expected


@pytest.mark.parametrize(
    ("text", "tags", "is_empty"),
    [("", [], True), ("a", [], False), ("", ["a"], False), ("a", ["b"], False)],
)
def test_an_annotation_is_empty_without_a_text_and_tags(
    text: str, tags: list[str], is_empty: bool
) -> None:
    assert Annotation(text=text, tags=tags).is_empty is is_empty


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://shop.example:8443/hook?x=1", "shop.example"), ("shop.example", "shop.example")],
)
def test_a_webhook_is_headed_by_its_host(url: str, host: str) -> None:
    assert Webhook(url=url).host == host


@pytest.mark.parametrize("status", ["active", "paused", "disabled", "removed"])
def test_a_webhook_is_active_or_not(status: str) -> None:
    assert Webhook(status=status).is_active == (status == "active")


def test_a_statement_has_the_days_of_its_time_zone() -> None:
    row = MonthlyStatement(
        account=Account(currency="EUR"), time_zone="Europe/Prague", digest=b"\x01\xff",
        starts_at=datetime(2026, 10, 31, 23, tzinfo=UTC), opening=Decimal(10),
        ends_at=datetime(2026, 11, 30, 23, tzinfo=UTC), closing=Decimal(7),
    )  # fmt: skip
    assert (row.first_day, row.last_day) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (row.change, row.currency, row.hex_digest) == (-3, "EUR", "01ff")


def test_a_seal_ends_before_a_midnight_of_utc() -> None:
    seal = Seal(ends_at=datetime(2026, 12, 1, tzinfo=UTC), digest=b"\x01\xff")
    assert (seal.last_day, seal.hex_digest) == (date(2026, 11, 30), "01ff")


FINDING = {"check": "time", "account": None, "transaction": None, "expected": "a", "found": "b"}


@pytest.mark.parametrize("findings", [[], [FINDING]])
def test_an_audit_is_clean_without_findings(findings: list[dict[str, str]]) -> None:
    end = NOON + timedelta(seconds=1.5)
    run = AuditRun(started_at=NOON, finished_at=end, findings=findings)
    assert (run.is_clean, run.seconds, run.found) == (not findings, 1.5, findings)


@pytest.mark.parametrize("kind", AlertKind)
def test_some_alerts_are_of_an_account(kind: AlertKind) -> None:
    expected = kind.value in ("money_in", "money_out", "balance_below")
    assert kind.is_of_account == expected


@pytest.mark.parametrize(
    ("every", "position", "day"),
    [
        ("once", 0, date(2027, 1, 31)), ("week", 1, date(2027, 2, 7)),
        ("month", 1, date(2027, 2, 28)), ("month", 11, date(2027, 12, 31)),
        ("month", 12, date(2028, 1, 31)), ("quarter", 1, date(2027, 4, 30)),
        ("year", 1, date(2028, 1, 31)), ("month", 7972 * 12 + 11, date(9999, 12, 31)),
    ],
)  # fmt: skip
def test_a_day_keeps_its_number_where_the_month_has_it(
    every: str, position: int, day: date
) -> None:
    assert due_on(date(2027, 1, 31), every, position) == day


@pytest.mark.parametrize(("every", "position"), [("month", 7972 * 12 + 12), ("year", 7973)])
def test_no_day_is_past_the_year_9999(every: str, position: int) -> None:
    with pytest.raises(OverflowError):
        due_on(date(2027, 1, 31), every, position)


DAY, FIVE = date(2026, 11, 2), Decimal(5)
EUR = Account(currency="EUR")


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (AlertChoice(kind="money_in"), AlertKind.MONEY_IN.label),
        (Alert(kind="money_in"), AlertKind.MONEY_IN.label),
        (AlertTimes(daily_at=time(8, 5)), "Daily at 08:05"),
        (Annotation(text="Lunch", tags=["food"]), "Lunch #food"),
        (Annotation(text="", tags=["food"]), "#food"), (Annotation(), "nothing"),
        (Attachment(name="a", kind="picture"), "a.jpg"),
        (AuditRun(started_at=NOON), "audit of 2 November 2026"),
        (Budget(category="food", currency="EUR"), "food in EUR"),
        (CategoryRule(name="Food"), "Food"),
        (Entry(direction="debit", amount=FIVE, currency="EUR"), "debit of 5.00 EUR"),
        (AccountEvent(account_id=ONE, number=7, kind="a"), f"{ONE} 7: a"),
        (MonthlyStatement(number=7, month=DAY), "statement 7 of 2026-11"),
        (OutsideAccount(name="Bank", currency="EUR"), "Bank, EUR"),
        (OutsideImport(name="a.csv", state="undone"), "a.csv: Undone"),
        (OutsideFilePart(number=7), "Part 7"),
        (OutsideEntry(booked_on=DAY, amount=FIVE), "2026-11-02: 5"),
        (OwnCategory(category="food"), "food"), (Payee(name="Ana"), "Ana"),
        (
            NamesAsked(user=User(name="Ana", email="a@b.c"), day=DAY, count=1000, numbers=2),
            "2026-11-02: 1,000 names, 2 numbers",
        ),
        (
            PaymentFile(name="a.csv", total=FIVE, refused_total=1, from_account=EUR),
            "a.csv, 4.00 EUR",
        ),
        (PaymentLine(number=7, typed_amount="5", typed_to="12"), "Line 7: 5 to 12"),
        (Reconciliation(name="a.csv"), "a.csv"),
        (ReconciliationLine(booked_on=DAY, amount=FIVE), "2026-11-02: 5"),
        (ReconciliationMatch(amount=FIVE), "5"), (SavedReport(name="Mine"), "Mine"),
        (Seal(number=7), "seal 7"), (SealedDay(day=DAY, seal_id=7), "2026-11-02 of seal 7"),
        (Occurrence(due_on=DAY, outcome="paid"), "2026-11-02: Paid"),
        (
            Transaction(status="pending", amount=FIVE, currency="EUR", type="transfer"),
            "hold of 5.00 EUR",
        ),
        (Webhook(url="https://a.example"), "https://a.example"),
        (WebhookQueue(webhook_id=ONE, account_id=TWO, position=3), f"{ONE} {TWO}: 3"),
        (WebhookDelivery(webhook_id=ONE, kind="a", status="sent"), f"a to {ONE}: sent"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_row_has_a_label(row: Any, label: str) -> None:
    assert label in str(row)


def test_a_reason_of_staff_has_a_label() -> None:
    assert str(StaffReason(action="refund", reason="Asked")).endswith(": Asked")


def test_a_statement_is_of_the_time_zone_of_today(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Prague"
    assert time_zone_now() == "Europe/Prague"
