"""The name that a person chose changes nothing of people who never had to do with them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.utils import timezone

from accounts import services as account_services
from accounts.erased import HOUSEHOLD_NAME
from accounts.models import (
    Account,
    ApprovalRequest,
    Change,
    Household,
    LimitChange,
    Read,
    User,
)
from explorer.models import QueryRun, SavedQuery
from ledger.db.facts import because
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.transactions.attachments.files import attached
from tests.transactions.outside.files import imported, outside_account
from tests.transactions.payment_files.files import checked, pay
from tests.transactions.reconciliation.files import settled, statement
from tests.transactions.standing_orders.orders import order_of
from tests.transactions.statement_files.shared import empty_statement
from transactions import services, staff_services
from transactions.models import (
    Alert,
    Budget,
    CategoryRule,
    OutsideAccount,
    OutsideImport,
    OwnCategory,
    Payee,
    SavedReport,
    StaffReason,
    Transaction,
)
from transactions.privacy.erasure import erase
from transactions.privacy.further import FURTHER
from transactions.privacy.leaving import leave
from transactions.privacy.traces import all_texts, traces_of

pytestmark = pytest.mark.django_db
SETTINGS = {"saved_reports", "own_categories", "budgets", "category_rules"}


def texts_of(ben: Account, shop: Account, text: str) -> Transaction:
    """The text wherever Ben can write it: settings, notes, orders, other banks and files."""
    person = ben.user
    paid = services.transfer(from_account=ben, to_account=shop, amount=Decimal(7))
    SavedReport.objects.create(id=uuid7(), owner=person, name=text, report="running-total")
    Payee.objects.create(id=uuid7(), owner=person, account=shop, name="The shop", note=text)
    Budget.objects.create(id=uuid7(), owner=person, category=text, currency="USD", amount=10)
    CategoryRule.objects.create(
        owner=person, position=1, name=text, query=f'to:"{text}"', category=text
    )
    OwnCategory.objects.create(transaction=paid, owner=person, category=text, change=uuid7())
    attached(paid, person, f"{text}.jpg")
    order = order_of(ben, shop, description=text, reference=text)
    Alert.objects.create(
        owner=person, kind="order_failed", about=order.pk, account=ben, detail=text
    )
    imported(outside_account(owner=person), f"Date,Amount,Description,Id\n2026-11-02,5,{text},1\n")
    OutsideAccount.objects.update(name=text)
    OutsideImport.objects.update(name=f"{text}.csv")
    checked(ben, pay(shop, 5, text), name=f"{text}.csv")
    return paid


def trail_of_staff(ben: Account, shop: Account, paid: Transaction, text: str, clerk: User) -> None:
    """The text wherever staff can write it."""
    account_services.change_account(
        account=ben, daily_limit=Decimal(77), reason=text, changed_by=clerk
    )
    because(text)
    User.objects.filter(pk=ben.user_id).update(household=Household.objects.create(name=text))
    because("")
    why: dict[str, Any] = {"reason": text, "message": text, "changed_by": clerk}
    account_services.freeze_account(account=ben, **why)
    account_services.unfreeze_account(account=ben, **why)
    ApprovalRequest.objects.create(
        kind="hold", transaction_id=uuid7(), from_account=ben, amount=1, currency=ben.currency,
        parameters={"message": text}, reason=text, requested_by=clerk, status="pending",
        expires_at=timezone.now() + timedelta(hours=1), note=text,
    )  # fmt: skip
    staff_services.book(
        services.Draft(from_account=shop, to_account=ben, amount=1, reverses=paid.pk),
        action=StaffReason.Action.REFUND, reason=text, message=text, written_by=clerk,
    )  # fmt: skip
    LogEntry.objects.create(
        user=clerk, action_flag=CHANGE, object_id="1", object_repr=text, change_message=text
    )
    for query in (f"q={text}", f"q={text.replace(' ', '%20')}"):
        Read.objects.create(
            reader=clerk, page="-", path="/", query=query, address="", people=[ben.user_id]
        )
    settled(statement(f"7.00,{text},{text},{text[:30]}", name=f"{text}.csv"), clerk, text)
    empty_statement(ben, names={str(shop.pk): text})
    saved: dict[str, Any] = {"sql": f"SELECT '{text}'", "parameters": {"who": text}}
    SavedQuery.objects.create(owner=clerk, title=text, **saved)
    ran = {"person": clerk, "scope": "bank", "form": "page", "outcome": "refused"}
    QueryRun.objects.create(**ran, **saved, message=text)


def rows_without(account: Account) -> dict[str, set[str]]:
    """By table, the rows that have neither the id of the account's person nor of the account."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            texts = {text for (text,) in cursor.fetchall()}
            about = (str(account.pk), str(account.user_id))
            rows[table] = {text for text in texts if not any(id in text for id in about)}
    return rows


@pytest.mark.parametrize("name", ["groceries", "Select", "Ben Okafor"])
def test_erasing_a_person_changes_no_row_of_somebody_who_never_met_them(
    name: str, clerk: User
) -> None:
    ben = AccountFactory(user=UserFactory(name="Ben Okafor"), name=name, balance="100")
    shop = AccountFactory(user=UserFactory(name="The shop"))
    text = f"For {name} - select it"
    trail_of_staff(ben, shop, texts_of(ben, shop, text), text, clerk)
    stranger: Account = AccountFactory(user=UserFactory(name=name))
    leave(person=stranger.user)
    before = rows_without(stranger)
    traces = traces_of(stranger.user)
    found = [*all_texts(traces), *(each for data in FURTHER for each in data.texts(traces))]
    searched = SETTINGS | {each.rows.model._meta.db_table for each in found}
    assert searched <= {table for table, rows in before.items() if name in " ".join(rows)}

    erase(User.objects.get(pk=stranger.user_id))

    after = rows_without(stranger)
    changed = {table: rows - after[table] for table, rows in before.items()}
    assert {table: rows for table, rows in changed.items() if rows} == {}


def test_an_address_that_somebody_else_has_now_stays_in_texts(clerk: User) -> None:
    person = UserFactory(email="shared@mail.example")
    person.email = "own@mail.example"
    person.save()
    ben = AccountFactory(user=UserFactory(email="shared@mail.example"))
    for limit, reason in ((7, "shared@mail.example asked"), (8, "own@mail.example asked")):
        account_services.change_account(
            account=ben, daily_limit=Decimal(limit), reason=reason, changed_by=clerk
        )
    leave(person=person)
    person.refresh_from_db()
    erase(person)
    reasons = LimitChange.objects.order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["shared@mail.example asked", ""]


@pytest.mark.parametrize("knows", [True, False])
def test_a_name_goes_from_notes_of_people_of_the_household(knows: bool) -> None:
    home = Household.objects.create(name="Elm Street 4")
    person = UserFactory(name="Zo\u00eb Quirin", household=home)
    other = UserFactory(household=home if knows else None)
    note = "Aunt of ZO\u00cb  Quirin"
    payee = note_of(other, note)
    leave(person=person)
    erase(User.objects.get(pk=person.pk))
    payee.refresh_from_db()
    assert payee.note == ("" if knows else note)


def note_of(owner: User, note: str) -> Payee:
    """A payee of the owner with this note."""
    row: Payee = Payee.objects.create(
        id=uuid7(), owner=owner, account=AccountFactory(), name="Shop", note=note
    )
    return row


def test_another_household_of_the_same_name_is_not_the_persons() -> None:
    homes = [Household.objects.create(name="Smith") for _ in range(3)]
    own, of_strangers, empty = homes
    person = UserFactory(name="Anna Smith", household=own)
    stranger: Account = AccountFactory(user=UserFactory(name="Bob Smith", household=of_strangers))
    note = note_of(stranger.user, "Rent for Anna Smith, my daughter")
    order = order_of(
        stranger, AccountFactory(), description="Rent for Anna Smith", reference="Anna Smith"
    )
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    note.refresh_from_db()
    order.refresh_from_db()
    assert note.note == "Rent for Anna Smith, my daughter"
    assert (order.description, order.reference) == ("Rent for Anna Smith", "Anna Smith")
    empty.refresh_from_db()
    own.refresh_from_db()
    assert (empty.name, own.name) == ("Smith", HOUSEHOLD_NAME)
    named = Change.objects.filter(table_name="households", after__name="Smith")
    assert set(named.values_list("about", flat=True)) == {str(of_strangers.pk), str(empty.pk)}


def test_a_household_that_was_renamed_after_the_person_moved_out_is_found() -> None:
    home = Household.objects.create(name="Quirin, Elm Street 4")
    person = UserFactory(name="Zo\u00eb Quirin", household=home)
    note = note_of(UserFactory(household=home), "For Zo\u00eb Quirin")
    person.household = None
    person.save()
    home.name = "Elm Street 4"
    home.save()
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    note.refresh_from_db()
    assert note.note == ""
