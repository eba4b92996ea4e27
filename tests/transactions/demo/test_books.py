"""What the demo leaves in the books, and who can sign in to them."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.test import TestCase

from accounts.groups import ANALYSTS, MANAGER, OPERATIONS, PERMISSIONS
from accounts.models import Account, StatusChange, User
from tests.factories import PASSWORD
from tests.transactions.demo.bank import NOON, play
from transactions.audit.audit import audit
from transactions.demo import seeding, stories
from transactions.demo.seeding import SeedingCounts
from transactions.demo.sign_ins import SIGN_INS
from transactions.models import Entry, Transaction


def test_people_without_money_pay_for_nothing_and_nothing_is_refused(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich = sum(1 for _ in play(months=1).drafts())
    monkeypatch.setattr(stories, "opening", lambda _person: iter(()))
    made = seeding.seed(users=24, months=1, seed=7, now=NOON)
    assert 0 < made.transactions < rich
    assert audit().clean


class TestBooks(TestCase):
    """All of them look at one demo, which takes a second or more to make."""

    demo: SeedingCounts

    @classmethod
    def setUpTestData(cls) -> None:
        cls.demo = seeding.seed(users=24, months=2, seed=7, now=NOON)

    def test_the_books_hold_exactly_the_drafts(self) -> None:
        drafts = {draft.id: draft for draft in play().drafts()}
        rows = Transaction.objects.in_bulk(list(drafts))
        assert self.demo.transactions == len(drafts) == len(rows) == Transaction.objects.count()
        for id, row in rows.items():
            draft = drafts[id]
            assert (row.from_account_id, row.to_account_id) == (
                draft.from_account,
                draft.to_account,
            )
            assert (row.amount, row.metadata) == (draft.amount, draft.metadata)
            assert (row.description, row.created_at) == (draft.description, draft.created_at)

    def test_the_audit_is_clean_after_seeding(self) -> None:
        result = audit()
        assert result.findings == []
        assert (result.accounts, result.transactions) == (
            self.demo.accounts,
            self.demo.transactions,
        )

    def test_the_demo_shows_an_overdraft_a_frozen_a_closed_and_an_unused_account(self) -> None:
        overdrawn = Account.objects.get(overdraft_limit__gt=0)
        assert -500 <= overdrawn.balance < 0
        assert Account.objects.get(status="frozen").balance > 0
        closed = Account.objects.get(status="closed")
        assert (closed.balance, closed.entries.exists()) == (0, True)
        change = StatusChange.objects.get(account=closed)
        assert change.reason
        assert change.changed_by == User.objects.get(email="staff@example.com")
        assert Account.objects.get(last_entry_at=None).user.name == "Tove Østergaard"

    def test_the_demo_shows_a_hold_of_each_kind_and_a_refund(self) -> None:
        ana = Transaction.objects.filter(from_account__user__email="ana@example.com")
        pending = ana.get(status="pending")
        assert (pending.description, pending.from_account.name) == ("Hotel Aurora", "Travel")
        assert pending.expires_at - NOON == timedelta(days=9)
        captured = ana.get(status="captured")
        assert captured.captured_by.get().amount < captured.amount
        released = ana.get(status="voided")
        assert released.reasons.get().action == "release"
        assert released.reasons.get().written_by.email == "staff@example.com"
        refund = Transaction.objects.get(description="Refund: Book Nook")
        assert refund.reverses in ana
        assert refund.reverses.description == "Book Nook"
        held = Account.objects.exclude(held=0)
        assert [(account.name, account.held) for account in held] == [("Travel", pending.amount)]

    def test_a_refund_reverses_the_payment_of_the_same_amount(self) -> None:
        refunds = Transaction.objects.filter(description__startswith="Refund: ")
        assert refunds.count() > 1
        for refund in refunds.select_related("reverses"):
            assert refund.reverses is not None
            assert refund.amount == refund.reverses.amount
            assert refund.metadata == refund.reverses.metadata

    def test_ana_has_her_three_accounts(self) -> None:
        ana = User.objects.get(email="ana@example.com")
        accounts = Account.objects.owned_by(ana).values_list("name", "currency")
        assert list(accounts) == [("Everyday", "USD"), ("Savings", "USD"), ("Travel", "EUR")]
        assert all(Entry.objects.for_account(account).exists() for account in ana.accounts.all())

    def test_those_who_are_listed_sign_in_with_the_password_and_nobody_else_does(self) -> None:
        for email in SIGN_INS.values():
            assert authenticate(None, username=email, password=PASSWORD) is not None
        assert sum(user.has_usable_password() for user in User.objects.all()) == len(SIGN_INS)

    def test_each_group_has_a_sign_in_and_limits_have_a_second_manager(self) -> None:
        people = User.objects.filter(email__in=SIGN_INS.values())
        groups = sorted(name for name in people.values_list("groups__name", flat=True) if name)
        assert groups == sorted([*PERMISSIONS, MANAGER])
        assert people.filter(is_staff=True).count() == len(PERMISSIONS)

    def test_the_manager_of_the_demo_is_another_person_than_the_clerk(self) -> None:
        clerk, manager = (User.objects.get(email=SIGN_INS[who]) for who in ("staff", "manager"))
        assert [group.name for group in manager.groups.all()] == [MANAGER]
        assert manager.is_staff
        assert not manager.has_perm("transactions.use_cash_desk")
        assert not clerk.has_perm("accounts.change_limits")

    def test_the_analyst_reads_the_books_and_staff_correct_people_and_accounts(self) -> None:
        ana, analyst, staff = (
            User.objects.get(email=f"{name}@example.com") for name in ("ana", "analyst", "staff")
        )
        assert [group.name for group in analyst.groups.all()] == [ANALYSTS]
        assert [group.name for group in staff.groups.all()] == [OPERATIONS]
        assert [(user.is_staff, user.is_superuser) for user in (ana, analyst, staff)] == [
            (False, False), (False, False), (True, False),
        ]  # fmt: skip
        assert not ana.get_all_permissions()
        assert analyst.has_perms(["transactions.view_transaction", "transactions.view_entry"])
        assert not analyst.has_perm("accounts.change_account")
        assert staff.has_perms(["accounts.change_account", "accounts.view_statuschange"])
        assert not any(
            staff.has_perm(f"transactions.{verb}_transaction")
            for verb in ("add", "change", "delete")
        )
