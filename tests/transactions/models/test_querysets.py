"""Which rows a queryset has and in which order, and whose data it read."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any

import pytest
from django.contrib.auth.models import Group
from pytest_django import DjangoAssertNumQueries

from accounts.models import Account, Household, User
from accounts.shown import collect
from banking.alerts.models import Alert
from banking.attachments.models import Attachment
from banking.events.models import Webhook
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.standing_orders.models import StandingOrder
from ledger.db.ids import uuid7
from tests.banking.events.shared import webhook_of
from tests.banking.reconciliation.files import paid_in
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.annotations.models import Annotation, OwnCategory
from transactions.categories.models import Budget, CategoryRule
from transactions.models import Entry, SavedReport, Transaction
from transactions.payees.models import Payee

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def ana() -> User:
    return UserFactory()


@pytest.fixture
def ben() -> User:
    return UserFactory()


@pytest.fixture
def account() -> Account:
    return AccountFactory()


def names(rows: Iterable[Any]) -> list[str]:
    return [row.name for row in rows]


def test_alerts_are_of_their_owner_unread_and_the_newest_first(ana: User, ben: User) -> None:
    def alert(owner: User, hours: int, read_at: datetime | None = None) -> Alert:
        return Alert.objects.create(
            pk=uuid7(), owner=owner, kind="signed_in", about=uuid7(), read_at=read_at,
            created_at=NOON + timedelta(hours=hours),
        )  # fmt: skip

    late, early, read, other = alert(ana, 2), alert(ana, 1), alert(ana, 3, NOON), alert(ben, 4)
    assert list(Alert.objects.newest_first()) == [other, read, late, early]
    assert list(Alert.objects.owned_by(ana).unread().newest_first()) == [late, early]
    same = alert(ana, 2)
    assert list(Alert.objects.owned_by(ana).unread().newest_first()) == [same, late, early]


def test_webhooks_are_those_that_their_owner_has_not_removed(ana: User, ben: User) -> None:
    hooks = [
        webhook_of(ana, status=status, created_at=NOON + timedelta(hours=hours), secrets=["s"])
        for hours, status in enumerate(("active", "paused", "disabled", "removed"))
    ]
    webhook_of(ben)
    assert list(Webhook.objects.owned_by(ana)) == hooks[2::-1]
    hooks[0].url = "https://not.saved"
    hooks[0].remove()
    hooks[0].refresh_from_db()
    assert (hooks[0].status, hooks[0].secrets) == ("removed", [])
    assert hooks[0].url == "https://receiver.example/hook"
    assert list(Webhook.objects.owned_by(ana)) == hooks[2:0:-1]


def test_rules_are_asked_in_the_order_of_their_positions(ana: User, ben: User) -> None:
    for owner, name, position in ((ana, "B", 2), (ana, "A", 1), (ana, "C", 2), (ben, "D", 0)):
        CategoryRule.objects.create(
            owner=owner, name=name, position=position, query="a", category="food"
        )
    assert names(CategoryRule.objects.owned_by(ana).in_order()) == ["A", "B", "C"]
    assert names(CategoryRule.objects.in_order()) == ["D", "A", "B", "C"]


def test_payees_are_by_name_with_their_holders(
    ana: User, ben: User, account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for owner, name in ((ana, "Zoe"), (ana, "Amy"), (ben, "Bob")):
        Payee.objects.create(pk=uuid7(), owner=owner, account=account, name=name)
    with django_assert_num_queries(1):
        rows = list(Payee.objects.owned_by(ana).by_name())
        assert {row.account.user for row in rows} == {account.user}
    assert names(rows) == ["Amy", "Zoe"]


def test_budgets_are_of_their_owner(ana: User, ben: User) -> None:
    for owner in (ana, ben):
        Budget.objects.create(pk=owner.pk, owner=owner, category="food", currency="USD", amount=5)
    assert [budget.owner for budget in Budget.objects.owned_by(ana)] == [ana]


def file_of(account: Account, **facts: Any) -> PaymentFile:
    return PaymentFile.objects.create(**{"from_account": account, "digest": "a"} | facts)


def test_files_of_payments_are_of_the_account_that_pays(
    account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    file = file_of(account, name="A")
    later = file_of(account, name="B", line_count=1, booked_count=1)
    for facts in ({"digest": "b", "booked_count": 1}, {"booked_count": 0}):
        file_of(account, name="C", line_count=1, created_at=NOON, **facts)
    other = file_of(AccountFactory(), name="D", line_count=1, booked_count=1, created_at=NOON)
    assert list(PaymentFile.objects.same_as(file)) == [later]
    assert list(PaymentFile.objects.same_as(later)) == []
    found = names(PaymentFile.objects.visible_to(account.user).newest_first())
    assert found == ["B", "A", "C", "C"]
    with django_assert_num_queries(1):
        assert PaymentFile.objects.with_account().get(pk=other.pk).from_account.currency == "USD"
    with collect() as shown:
        PaymentFile.objects.get(pk=file.pk)
    assert shown.accounts == {account.pk}


def test_the_counts_of_a_file_of_payments() -> None:
    account = Account(user_id=uuid7(), currency="JPY")
    file = PaymentFile(
        from_account=account, created_by_id=account.user_id, line_count=10, total=Decimal(100),
        booked_count=3, booked_total=Decimal(30), refused_count=2, refused_total=Decimal(25),
    )  # fmt: skip
    assert (file.waiting_count, file.waiting_total) == (5, 45)
    assert (file.decided_count, file.payable_total) == (5, 75)
    assert (file.currency, file.is_from_bank) == ("JPY", False)
    assert PaymentFile(from_account=account, created_by_id=uuid7()).is_from_bank
    assert PaymentFile(from_account=account).is_from_bank


LINES: list[dict[str, Any]] = [
    {"amount": 1}, {"amount": 2, "booked": True}, {"amount": 3, "verdict": "No"},
    {"amount": None, "verdict": "No"}, {"amount": 5, "to_account": None, "verdict": "No"},
    {"amount": 6, "typed_name": "Ana", "name_check": "close"},
    {"amount": 7, "typed_name": "Ana", "name_check": "match"}, {"amount": 8, "repeats": 1},
    {"amount": 8, "typed_name": "Ana"},
]  # fmt: skip


def numbers(rows: Any) -> list[int]:
    return [row.number for row in rows]


def test_lines_of_a_file_of_payments(account: Account) -> None:
    file, other = file_of(account), file_of(account, digest="b")
    PaymentLine.objects.bulk_create(
        PaymentLine(
            **{"pk": uuid7(), "file": file, "number": number, "to_account": account} | facts
        )
        for number, facts in reversed(list(enumerate(LINES, start=1)))
    )
    PaymentLine.objects.create(pk=uuid7(), file=other, number=1, to_account=account, amount=9)
    of_file = PaymentLine.objects.of(file)
    lines = of_file.in_order()
    assert numbers(lines) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert numbers(lines.readable()) == [1, 2, 3, 6, 7, 8, 9]
    assert numbers(lines.waiting()) == [1, 6, 7, 8, 9]
    assert numbers(lines.refused()) == [3, 4, 5]
    assert numbers(of_file.for_reading()) == [3, 4, 5, 6, 8, 9, 1, 2, 7]
    assert of_file.refused().digest() == md5(b"3,4,5").hexdigest()  # noqa: S324
    assert of_file.none().digest() == md5(b"").hexdigest()  # noqa: S324
    with collect() as shown:
        of_file.get(number=1), of_file.get(number=5)
    assert shown.accounts == {account.pk}


def test_lines_that_pay_a_person_or_their_household(ana: User, ben: User) -> None:
    home = Household.objects.create(name="Home")
    accounts = [AccountFactory(user=who) for who in (ana, ben)]
    file = file_of(accounts[0])
    for number, to in enumerate(accounts):
        PaymentLine.objects.create(pk=uuid7(), file=file, number=number, to_account=to, amount=9)

    def close_to(who: User) -> list[int]:
        rows = PaymentLine.objects.in_order()
        return numbers(rows.paying_close_to(User.objects.get(pk=who.pk)))

    assert (close_to(ana), close_to(ben), close_to(UserFactory())) == ([0], [1], [])
    User.objects.update(household=home)
    assert close_to(ben) == [0, 1]


def test_standing_orders_are_due_in_order(
    account: Account, ben: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    theirs = AccountFactory(user=ben)

    def order(first_on: date, status: str = "active", sides: Any = (account, theirs)) -> Any:
        return StandingOrder.objects.create(
            pk=uuid7(), owner=sides[0].user, from_account=sides[0], to_account=sides[1], amount=5,
            every="month", first_on=first_on, status=status,
        )  # fmt: skip

    late, early = order(date(2027, 2, 1)), order(date(2027, 1, 1))
    paused, ended = order(date(2027, 1, 1), "paused"), order(date(2027, 1, 2), "ended")
    other = order(date(2026, 1, 1), sides=(theirs, account))
    rows = StandingOrder.objects.in_order()
    assert list(rows) == [other, early, paused, ended, late]
    assert list(rows.owned_by(account.user).active()) == [early, late]
    assert list(rows.not_ended()) == [other, early, paused, late]
    with django_assert_num_queries(1), collect() as shown:
        found = StandingOrder.objects.with_accounts().get(pk=late.pk)
        assert (found.currency, found.to_account.user) == ("USD", ben)
    assert {account.user_id, ben.pk} <= shown.people
    with collect() as shown:
        StandingOrder.objects.get(pk=late.pk)
    assert (shown.people, shown.accounts) == ({account.user_id}, {account.pk, theirs.pk})


def test_transactions_are_those_of_the_holders_of_both_sides(
    account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    theirs = AccountFactory()
    first, second = paid_in(account, "50"), paid_in(theirs, "5")
    moved = services.transfer(from_account=account, to_account=theirs, amount=Decimal(7))
    held = services.hold(from_account=account, amount=Decimal(3))
    rows = Transaction.objects.oldest_first()
    assert list(rows) == [first, second, moved, held]
    assert list(Transaction.objects.newest_first()) == [held, moved, second, first]
    assert list(rows.visible_to(account.user)) == [first, moved, held]
    assert list(rows.visible_to(theirs.user)) == [second, moved]
    assert list(rows.pending()) == [held]
    counted = rows.counted_against_limit
    assert list(counted(account, moved.created_at)) == [moved, held]
    assert list(counted(account.pk, moved.created_at + timedelta(microseconds=1))) == [held]
    assert list(rows.counted_since(second.created_at)) == [second, moved, held]
    with django_assert_num_queries(1), collect() as shown:
        found = rows.with_sides().get(pk=moved.pk)
        assert found.from_account is not None
        assert (found.from_account.user, found.created_by) == (account.user, None)
        assert found.to_account is not None
        assert found.to_account.user == theirs.user
    assert shown.accounts == {account.pk, theirs.pk}
    assert "search" in Transaction.objects.get(pk=moved.pk).get_deferred_fields()


def test_a_limit_counts_no_voided_hold_capture_or_reversal(account: Account) -> None:
    paid = paid_in(account, "50")
    void, held = (services.hold(from_account=account, amount=Decimal(n)) for n in (3, 4))
    services.void(hold=void)
    services.capture(hold=held)
    services.reverse(transaction=paid, amount=Decimal(1))
    counted = Transaction.objects.counted_against_limit(account, paid.created_at)
    assert list(counted) == [held]


def test_entries_are_of_an_account_in_a_time(account: Account) -> None:
    theirs = AccountFactory()
    first = paid_in(account, "50")
    moved = services.transfer(from_account=account, to_account=theirs, amount=Decimal(7))
    services.hold(from_account=account, amount=Decimal(3))

    def ids(rows: Any) -> list[Any]:
        return [entry.transaction_id for entry in rows.order_by("created_at", "direction")]

    rows = Entry.objects.for_account(account)
    assert ids(Entry.objects.all()) == [first.pk, moved.pk, moved.pk]
    assert ids(Entry.objects.for_account(theirs.pk)) == [moved.pk]
    assert ids(rows.between(moved.created_at, None)) == [moved.pk]
    assert ids(rows.between(None, moved.created_at)) == [first.pk]
    assert ids(rows.between(None, None)) == [first.pk, moved.pk]
    assert ids(rows.between(first.created_at, moved.created_at)) == [first.pk]
    assert ids(rows.directed("in")) == ids(rows.credits()) == [first.pk]
    assert ids(rows.directed("out")) == ids(rows.debits()) == [moved.pk]
    assert ids(rows.directed("both")) == [first.pk, moved.pk]
    assert [entry.transaction_id for entry in rows.newest_first()] == [moved.pk, first.pk]
    assert [entry.transaction_id for entry in rows.for_files()] == [first.pk, moved.pk]
    assert rows.balance_at(account, first.created_at) is None
    assert rows.balance_at(account, moved.created_at) == 50
    assert rows.balance_at(account.pk, moved.created_at + timedelta(seconds=1)) == 43
    with collect() as shown:
        rows.directed("out").get()
    assert shown.accounts == {account.pk, theirs.pk}


def test_saved_reports_are_ones_own_and_those_of_ones_groups(ana: User, ben: User) -> None:
    group, other = (Group.objects.create(name=name) for name in ("Readers", "Others"))
    ana.groups.add(group)
    ben.groups.add(group, other)
    for owner, name, shared in (
        (ana, "Mine", None), (ben, "Shared", group), (ben, "Elsewhere", other), (ben, "His", None),
    ):  # fmt: skip
        SavedReport.objects.create(pk=uuid7(), owner=owner, name=name, report="a", group=shared)
    rows = SavedReport.objects.readable_by(ana).by_name()
    found = [(row.name, row.owner_name, row.group) for row in rows]
    assert found == [("Mine", ana.name, None), ("Shared", ben.name, group)]


@pytest.mark.parametrize("model", [Annotation, OwnCategory])
def test_the_newest_row_of_an_owner_and_a_transaction_counts(account: Account, model: Any) -> None:
    theirs, other = AccountFactory(), paid_in(account, "6")
    paid = services.transfer(from_account=account, to_account=theirs, amount=Decimal(5))

    def row(about: Transaction, text: str, hours: int, owner: User = account.user) -> Any:
        facts: dict[str, Any] = {"text": text}
        if model is OwnCategory:
            facts = {"category": text, "change": uuid7()}
        moment = NOON + timedelta(hours=hours)
        return model.objects.create(transaction=about, owner=owner, created_at=moment, **facts)

    new, old, elsewhere = row(paid, "new", 2), row(paid, "old", 1), row(other, "other", 3)
    row(paid, "of the other side", 3, theirs.user)
    owner = account.user
    rows = model.objects.of(owner)
    assert list(rows.newest_first()) == [elsewhere, new, old]
    assert set(rows.latest()) == {new, elsewhere}
    assert not model.objects.of(UserFactory()).exists()
    assert set(model.objects.of(owner.pk)) == {new, old, elsewhere}
    if model is Annotation:
        assert set(rows.about(paid)) == {new, old}
        empty = Annotation.objects.create(transaction=paid, owner=owner)
        tagged = Annotation.objects.create(transaction=paid, owner=owner, tags=["a"])
        assert empty not in rows.present()
        assert set(rows.present()) == {new, old, elsewhere, tagged}


def test_attachments_are_read_without_their_content(account: Account) -> None:
    paid, other = paid_in(account, "5"), paid_in(account, "6")
    facts = {"owner": account.user, "kind": "document", "content": b"PDF", "size": 3}
    late, early, elsewhere = (
        Attachment.objects.create(
            pk=uuid7(), transaction=about, created_at=NOON + timedelta(hours=hours), **facts
        )
        for about, hours in ((paid, 2), (paid, 1), (other, 0))
    )
    rows = Attachment.objects.of(account.user).in_order()
    assert list(rows) == [elsewhere, early, late]
    assert list(rows.about(paid)) == list(rows.about(paid.pk)) == [early, late]
    assert {tuple(row.get_deferred_fields()) for row in rows} == {("content",)}
    assert not Attachment.objects.of(UserFactory()).exists()
