"""Each step of staff in the admin waits for a lock while the person's sign-in is closed, and then
changes nothing. The addresses are from the table in `rights_of_groups`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import approvals
from accounts import services as people
from accounts.groups import MANAGER, OPERATIONS, PEOPLE_ADMIN
from accounts.models import Account, ApprovalRequest, Currency, Household, User
from banking.payment_files.models import PaymentFile
from banking.reconciliation.models import Reconciliation, ReconciliationMatch
from banking.reconciliation.services import match_sure
from banking.reconciliation.triggers import LOCK
from banking.standing_orders.models import StandingOrder
from ledger.db.ids import uuid7
from ledger.db.locking.named import wait_for_lock
from tests.attacks.approvals import asked, slip
from tests.attacks.digests import OF_EVERY_VISIT, table_digests
from tests.attacks.forms import forms_of
from tests.attacks.people import signed_in
from tests.attacks.rights_of_groups import ACTIONS, POSTS, STEPS
from tests.attacks.waiting import after_waiting_for
from tests.banking.payment_files.files import checked, pay, press
from tests.banking.reconciliation.files import (
    line_of,
    paid_in,
    seen_now,
    settled,
    sign,
    statement,
)
from tests.banking.standing_orders.orders import order_of
from tests.conftest import colleague
from tests.factories import AccountFactory, UserFactory
from tests.reviews import reviewed
from transactions import services
from transactions.models import Transaction
from transactions.synonyms.models import Synonym

pytestmark = pytest.mark.django_db(transaction=True)
SUPERUSER = "superuser"
LOCKED = (
    User, Account, Currency, Household, Transaction, ApprovalRequest, PaymentFile, Reconciliation,
    StandingOrder, Synonym,
)  # fmt: skip
rows = partial(table_digests, OF_EVERY_VISIT)
Request = Callable[[], Any]


@dataclass(slots=True)
class Staff:
    """A member of staff with a browser, and an account of a customer."""

    user: User
    client: Client
    account: Account

    def post(self, name: str, /, *arguments: Any, **fields: Any) -> Request:
        return partial(self.client.post, reverse(name, args=arguments), fields)

    def change(self, name: str, /, *arguments: Any, **fields: Any) -> Request:
        """Returns a request that sends the form of a page with these fields changed."""
        url = reverse(name, args=arguments)
        found = forms_of(self.client.get(url).content.decode(), url)
        (form,) = (each for each in found if fields.keys() <= each.values.keys())
        values = {name: value for name, value in form.filled(fields).items() if value}
        return partial(self.client.post, url, values)

    def act(self, name: str, action: str, *ids: object) -> Request:
        return self.post(
            f"admin:{name}_changelist", **{ACTION_CHECKBOX_NAME: ids}, action=action, reason="x"
        )

    def book(self, name: str, /, *arguments: Any, step: str = "book", **fields: Any) -> Request:
        url = reverse(name, args=arguments)
        fields = {"id": str(uuid7()), "reason": "x", **fields}
        return partial(self.client.post, url, {**reviewed(self.client, url, fields), "step": step})


Before = Callable[[Staff], object]


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """A step, and the group whose members may take it."""

    who: str
    prepare: Callable[[Staff], Request]


def on_account(name: str, before: Before = lambda _staff: None) -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        before(staff)
        return staff.post(f"admin:accounts_account_{name}", staff.account.pk, reason="x")

    return WaitingStep(OPERATIONS, prepare)


def freeze(staff: Staff) -> None:
    people.freeze_account(account=staff.account)


def empty(staff: Staff) -> None:
    services.withdraw(from_account=staff.account, amount=Decimal(100))


def action_on_person(name: str, *, is_open: bool) -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        people.set_sign_in(user=staff.account.user, is_open=is_open)
        return staff.act("accounts_user", name, staff.account.user_id)

    return WaitingStep(PEOPLE_ADMIN, prepare)


def action_on_account(name: str, before: Before = lambda _staff: None) -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        before(staff)
        return staff.act("accounts_account", name, staff.account.pk)

    return WaitingStep(OPERATIONS, prepare)


def household(staff: Staff) -> Request:
    home = Household.objects.create(name="Elm Street 4")
    return staff.change("admin:accounts_household_change", home.pk, name="Elm 5", reason="x")


def move_house(staff: Staff) -> Request:
    home = Household.objects.create(name="Elm Street 4")
    name, person = "admin:accounts_user_change", staff.account.user_id
    return staff.change(name, person, household=str(home.pk), reason="x")


def approval(step: str, *, mine: bool = False, is_approved: bool = False) -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        asker = staff.user if mine else colleague(OPERATIONS, "Asker")
        request = asked(staff.account, asker)
        if is_approved:
            approvals.approve(request=request, by=colleague(MANAGER, "Another manager"))
        return staff.post("admin_approval_step", request.pk, step=step, note="x")

    return WaitingStep(OPERATIONS if mine else MANAGER, prepare)


def on_file(step: str) -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        file = checked(staff.account, pay(AccountFactory(), 5), created_by=staff.user)
        if step == "check":
            services.withdraw(from_account=staff.account, amount=Decimal(100))
        url = reverse("admin:payment_files_paymentfile_change", args=[file.pk])
        page = forms_of(staff.client.get(url).content.decode(), url)
        sent = next(each.values for each in page if "agreed" in each.values)
        name = "admin:payment_files_paymentfile_step"
        return staff.post(name, file.pk, **{**sent, **press(file, step, reason="x")})

    return WaitingStep(OPERATIONS, prepare)


def on_reconciliation(step: str, state: str = "new") -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        paid_in(staff.account, "40")
        whose = statement("40.00,,,", "7.00,,,")
        if state != "new":
            settled(whose, staff.user)
        if state == "signed":
            sign(whose, UserFactory())
        name = "admin:reconciliation_reconciliation_step"
        return staff.post(name, whose.pk, step=step, seen=seen_now(whose))

    return WaitingStep(OPERATIONS, prepare)


def on_line(step: str) -> WaitingStep:
    def prepare(staff: Staff) -> Request:
        paid = paid_in(staff.account, "40")
        whose = statement("40.00,,,", "7.00,,,")
        fields: dict[str, Any] = {"id": str(paid.pk), "reason": "x"}
        if step == "unmatch":
            match_sure(reconciliation=whose, by=staff.user)
            fields["id"] = str(ReconciliationMatch.objects.get().pk)
        number = line_of(whose, 1).number
        name = "admin:reconciliation_reconciliation_line"
        return staff.post(name, whose.pk, number, step=step, **fields)

    return WaitingStep(OPERATIONS, prepare)


def hold_of(staff: Staff) -> Transaction:
    expires_at = timezone.now() + timedelta(days=3)
    other, amount = AccountFactory(), Decimal(10)
    return services.hold(
        from_account=staff.account, to_account=other, amount=amount, expires_at=expires_at
    )


def hold(staff: Staff) -> Request:
    fields = {"number": staff.account.number, "amount": "5", "description": "A hotel"}
    fields["until"] = str(timezone.localdate() + timedelta(days=3))
    return staff.book("admin:transactions_transaction_hold", **fields)


def refund(staff: Staff) -> Request:
    paid = services.transfer(
        from_account=AccountFactory(balance="50"), to_account=staff.account, amount=Decimal(5)
    )
    return staff.book("admin:transactions_transaction_refund", paid.pk, amount="5")


def ask_at_the_desk(staff: Staff) -> Request:
    name, fields = "admin:transactions_transaction_cash_desk", slip(staff.account)
    return staff.book(name, **fields, step="ask", why="x")


def new_password(staff: Staff) -> Request:
    new = {"password1": "nine green boats at dawn", "password2": "nine green boats at dawn"}
    name, person = "admin:auth_user_password_change", staff.account.user_id
    return staff.post(name, person, **new, usable_password="true", reason="x")


def end_order(staff: Staff) -> Request:
    order = order_of(staff.account, AccountFactory())
    return staff.act("standing_orders_standingorder", "end", order.pk)


def first_synonym() -> UUID:
    return Synonym.objects.earliest("name").pk


CASES: dict[str, WaitingStep] = {
    "admin:accounts_account_add": WaitingStep(OPERATIONS, lambda staff: staff.post(
        "admin:accounts_account_add", user=str(staff.account.user_id), currency="USD", name="x",
        reason="x",
    )),
    "admin:accounts_account_change": WaitingStep(OPERATIONS, lambda staff: staff.change(
        "admin:accounts_account_change", staff.account.pk, name="Another", reason="x"
    )),
    "admin:accounts_account_freeze": on_account("freeze"),
    "admin:accounts_account_unfreeze": on_account("unfreeze", freeze),
    "admin:accounts_account_close": on_account("close", empty),
    "admin:accounts_currency_change": WaitingStep(MANAGER, lambda staff: staff.change(
        "admin:accounts_currency_change", "USD", name="Dollars", reason="x"
    )),
    "admin:accounts_household_change": WaitingStep(PEOPLE_ADMIN, household),
    "admin:synonyms_synonym_change": WaitingStep(MANAGER, lambda staff: staff.change(
        "admin:synonyms_synonym_change", first_synonym(), name="Another"
    )),
    "admin:synonyms_synonym_delete": WaitingStep(OPERATIONS, lambda staff: staff.post(
        "admin:synonyms_synonym_delete", first_synonym(), post="yes"
    )),
    "admin:accounts_user_change household": WaitingStep(PEOPLE_ADMIN, move_house),
    "admin:accounts_user_change address": WaitingStep(SUPERUSER, lambda staff: staff.change(
        "admin:accounts_user_change", staff.account.user_id, email="evil@mail.example", reason="x"
    )),
    "admin:auth_user_password_change": WaitingStep(SUPERUSER, new_password),
    **{
        f"admin:payment_files_paymentfile_step {step}": on_file(step)
        for step in ("ask", "check", "whole", "pay", "discard")
    },
    "admin:reconciliation_reconciliation_step sure": on_reconciliation("sure"),
    "admin:reconciliation_reconciliation_step sign": on_reconciliation("sign", "settled"),
    "admin:reconciliation_reconciliation_step countersign": on_reconciliation("sign", "signed"),
    "admin:reconciliation_reconciliation_step take_back": on_reconciliation("take_back", "signed"),
    "admin:reconciliation_reconciliation_step discard": on_reconciliation("discard"),
    **{
        f"admin:reconciliation_reconciliation_line {step}": on_line(step)
        for step in ("match", "unmatch", "leftover")
    },
    "admin:transactions_transaction_cash_desk": WaitingStep(OPERATIONS, lambda staff: staff.book(
        "admin:transactions_transaction_cash_desk", **slip(staff.account, "5")
    )),
    "admin:transactions_transaction_cash_desk ask": WaitingStep(OPERATIONS, ask_at_the_desk),
    "admin:transactions_transaction_hold": WaitingStep(OPERATIONS, hold),
    "admin:transactions_transaction_refund": WaitingStep(OPERATIONS, refund),
    "admin:transactions_transaction_capture": WaitingStep(OPERATIONS, lambda staff: staff.book(
        "admin:transactions_transaction_capture", hold_of(staff).pk, amount="10"
    )),
    "admin:transactions_transaction_release": WaitingStep(OPERATIONS, lambda staff: staff.post(
        "admin:transactions_transaction_release", hold_of(staff).pk, reason="x"
    )),
    "admin_approval_step approve": approval("approve"),
    "admin_approval_step decline": approval("decline"),
    "admin_approval_step withdraw": approval("withdraw", mine=True),
    "admin_approval_step do": approval("do", is_approved=True),
    "accounts_account.freeze": action_on_account("freeze"),
    "accounts_account.unfreeze": action_on_account("unfreeze", freeze),
    "accounts_account.close": action_on_account("close", empty),
    "accounts_user.close_sign_in": action_on_person("close_sign_in", is_open=True),
    "accounts_user.restore_sign_in": action_on_person("restore_sign_in", is_open=False),
    "standing_orders_standingorder.end": WaitingStep(OPERATIONS, end_order),
    "transactions_transaction.release": WaitingStep(OPERATIONS, lambda staff: staff.act(
        "transactions_transaction", "release", hold_of(staff).pk
    )),
}  # fmt: skip
# Explained in docs/security.md: these steps only remove access, or only add a row that waits for
# nothing.
LEFT_OUT = {
    "accounts_user.revoke_tokens", "accounts_user.sign_out", "admin:accounts_currency_add",
    "admin:accounts_household_add", "admin:accounts_user_add", "admin:transactions_auditrun_run",
    "admin:payment_files_paymentfile_add", "admin:reconciliation_reconciliation_add",
    "admin:synonyms_synonym_add",
}  # fmt: skip
# Pages that only show something. Their changes are actions of the list, or on a separate page.
READ = (
    "_changelist", "_history", "_result", "app_list", "auditrun_change", "index", "login",
    "/password_change/",
)  # fmt: skip


@pytest.fixture
def staff_of() -> Callable[[str], Staff]:
    def make(group: str) -> Staff:
        if group == SUPERUSER:
            user = User.objects.create_superuser("root@example.com", name="Root")
        else:
            user = colleague(group, group)
        account = AccountFactory(balance="100", user__name="Ana Ferreira")
        return Staff(user, signed_in(user), account)

    return make


ANY_REQUEST = "approval of anything"


def lock_everything() -> None:
    """Takes every lock for which a step may wait."""
    for model in LOCKED:
        list(model.objects.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    wait_for_lock(ANY_REQUEST)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


@pytest.mark.parametrize("name", CASES)
def test_a_step_that_waited_changes_nothing_once_the_sign_in_is_closed(
    name: str, staff_of: Callable[[str], Staff], monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, at_the_end = staff_of(CASES[name].who), {}
    request = CASES[name].prepare(staff)

    def end() -> None:
        lock_everything()
        User.objects.filter(pk=staff.user.pk).update(deleted_at=timezone.now())
        at_the_end.update(rows())
        mail.outbox.clear()

    monkeypatch.setattr(approvals, "wait_for_lock", lambda _name: wait_for_lock(ANY_REQUEST))
    after_waiting_for(end, request)
    assert rows() == at_the_end
    assert mail.outbox == []


@pytest.mark.parametrize("name", CASES)
def test_the_same_step_counts_while_the_sign_in_is_open(
    name: str, staff_of: Callable[[str], Staff]
) -> None:
    request = CASES[name].prepare(staff_of(CASES[name].who))
    before = rows()
    request()
    assert rows() != before


def test_each_step_of_staff_is_tried() -> None:
    steps = {name for name, who in POSTS.items() if who and not name.endswith(READ)}
    steps |= {*ACTIONS, "admin:auth_user_password_change"}
    assert steps == {name.split()[0] for name in CASES} | LEFT_OUT
    decisions = {f"admin_approval_step {name}" for name, who in STEPS.items() if who}
    assert decisions <= CASES.keys()
