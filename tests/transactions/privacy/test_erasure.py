"""What names a person is erased after the keeping time; the books stay."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.db.transaction import atomic
from django.utils import timezone

from accounts import services as account_services
from accounts.erased import NAME
from accounts.groups import ANALYSTS
from accounts.models import (
    Account,
    ApiToken,
    ApprovalRequest,
    Change,
    Household,
    Read,
    SignIn,
    User,
    WebSession,
)
from banking.alerts.models import Alert, AlertChoice, AlertKind, AlertTimes
from banking.alerts.services import choose
from banking.attachments.models import Attachment
from banking.outside.models import OutsideAccount, OutsideImport
from banking.payment_files.models import PaymentLine
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import end, record_refusal, skip
from explorer.models import QueryRun, SavedQuery
from ledger.db.history.facts import set_reason, with_facts
from ledger.db.ids import uuid7
from tests.accounts.tokens import add_token
from tests.banking.attachments.files import attached
from tests.banking.outside.files import imported, outside_account, uploaded
from tests.banking.payment_files.files import checked, pay
from tests.banking.standing_orders.orders import order_of
from tests.banking.statement_files.shared import empty_statement
from tests.factories import AccountFactory, UserFactory
from tests.sign_in import add_app
from tests.worker_role import as_worker
from transactions import services, staff_services
from transactions.annotations.models import Annotation, OwnCategory
from transactions.annotations.services import annotate
from transactions.audit.audit import audit
from transactions.audit.sealing import seal
from transactions.categories.models import Budget, CategoryRule
from transactions.models import NamesAsked, SavedReport, StaffReason
from transactions.payees.models import Payee
from transactions.privacy.erasure import due_before, erase
from transactions.privacy.leaving import leave
from transactions.privacy.lifting import triggers_lifted
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db


def logged(staff: User, row: Model) -> None:
    """As the admin logs a change."""
    LogEntry.objects.create(
        user=staff, action_flag=CHANGE, object_id=str(row.pk), object_repr=str(row)[:200],
        content_type=ContentType.objects.get_for_model(row), change_message="Ferreira",
    )  # fmt: skip


def written_by_staff(ana: Account) -> None:
    """What staff write about Ana: her household, reasons, a request, logs, a search for her."""
    clerk = UserFactory(is_staff=True)
    home = Household.objects.create(name="Ferreira, Elm Street 4")
    person = User.objects.get(pk=ana.user_id)
    person.household = home
    person.save()
    address = EmailAddress.objects.create(user=person, email=person.email, primary=True)
    why = "Ms Ferreira called"
    account_services.change_account(
        account=ana, daily_limit=Decimal(77), reason=why, changed_by=clerk
    )
    account_services.freeze_account(account=ana, reason=why, message="Hello Ana", changed_by=clerk)
    account_services.unfreeze_account(
        account=ana, reason=why, message="Ana, it is open", changed_by=clerk
    )
    ApprovalRequest.objects.create(
        kind="hold", transaction_id=uuid7(), from_account=ana, amount=1, currency=ana.currency,
        parameters={
            "message": "Ana", "description": "Hold for Ana", "reference": "Ferreira 1",
            "metadata": {"for": "Ana"},
        },
        reason="Ana asked", requested_by=clerk, status="pending",
        expires_at=timezone.now() + timedelta(hours=1), note="For Ana",
    )  # fmt: skip
    Read.objects.create(
        reader=clerk, page="-", path="/admin/find/", query="q=Ferreira", address="",
        people=[person.pk],
    )  # fmt: skip
    for row in (person, ana, home, address):
        logged(clerk, row)


def name_in_files(ana: Account, friend: Account) -> None:
    """Ana's own file, and one of a friend that pays her and waits for approval, with her name in
    each.
    """
    clerk = UserFactory(is_staff=True)
    logged(clerk, checked(ana, pay(friend, 5, "Ben"), name="ferreira.csv"))
    rent = checked(friend, pay(ana, 5, "Ana Ferreira"), name="rent-Ana.csv")
    logged(clerk, rent)
    ApprovalRequest.objects.create(
        kind="payment_file", transaction_id=rent.pk, from_account=friend, amount=5,
        currency=friend.currency, parameters={"description": rent.name, "lines": 1},
        reason="Above the threshold", requested_by=UserFactory(is_staff=True),
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    PaymentLine.objects.filter(to_account=ana).update(typed_name="Ms Ferreira")


def refunded(ana: Account, friend: Account) -> None:
    """Staff send a payment of a friend back, with her name in the reason."""
    stray = services.transfer(from_account=friend, to_account=ana, amount=Decimal(1))
    logged(UserFactory(is_staff=True), stray)
    staff_services.book(
        services.Draft(from_account=ana, to_account=friend, amount=1, reverses=stray.pk),
        action=StaffReason.Action.REFUND, reason="Ferreira asked", message="From Ana",
        written_by=UserFactory(is_staff=True),
    )  # fmt: skip


def ways_in_and_rights(person: User) -> None:
    """What is deleted whole: ways to sign in, sessions, counts, and rights of a former clerk."""
    connection = SocialAccount(user=person, provider="oidc", uid="digest")
    connection.extra_data = {"email": person.email}
    SocialAccount.objects.bulk_create([connection])  # nobody connects one after leaving
    Authenticator.objects.create(
        user=person, type="webauthn", data={"name": "Phone of Ana", "credential": {}}
    )
    WebSession.objects.create(
        session_key="digest", user=person, expire_date=timezone.now(), session_data="Ana",
        started_at=timezone.now(), last_seen_at=timezone.now(),
    )  # fmt: skip
    NamesAsked.objects.create(user=person, day=timezone.localdate(), count=1)
    person.groups.add(Group.objects.get(name=ANALYSTS))
    person.user_permissions.add(Permission.objects.all()[0])
    User.objects.filter(pk=person.pk).update(last_login=timezone.now(), is_staff=True)


def worked_here(person: User) -> None:
    """A former clerk: from where they worked, and a request to give them a group."""
    with with_facts(lambda: {"person": str(person.pk), "address": ADDRESS}):
        for name in ("Ana Ferreira Lopes", "Ana Ferreira"):
            User.objects.filter(pk=person.pk).update(name=name)
        Read.objects.create(reader=person, page="-", path="/", address=ADDRESS, people=[])
    ApprovalRequest.objects.create(
        kind="group", person=person, transaction_id=uuid7(), amount=0,
        parameters={"group": "operations"}, reason="Ana is to help", note="Ask Ana first",
        requested_by=UserFactory(is_staff=True), expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip


# With the name of the person in each.
DELETED: dict[type[Model], str] = {
    Alert: "owner",
    AlertChoice: "owner",
    AlertTimes: "owner",
    Annotation: "owner",
    Attachment: "owner",
    Budget: "owner",
    CategoryRule: "owner",
    OutsideAccount: "owner",
    OutsideImport: "account__owner",
    OwnCategory: "owner",
    Payee: "owner",
    SavedReport: "owner",
    StandingOrder: "owner",
    **dict.fromkeys(
        (EmailAddress, Authenticator, SocialAccount, WebSession, SignIn, NamesAsked, ApiToken),
        "user",
    ),
}
# Names of categories, rules, budgets and reports that a friend chose stay.
SETTINGS_OF_OTHERS = {"saved_reports", "own_categories", "budgets", "category_rules"}
ADDRESS = "203.0.113.77"
PLANTED = (
    "mfa_authenticator", "socialaccount_socialaccount", "sessions",
    "households", "changes", "django_admin_log", "account_status_changes", "limit_changes", "reads",
    "approval_requests", "payment_files", "payment_lines", "transaction_notes", "annotations",
    "attachments", "users", "accounts", "account_emailaddress", "sign_ins", "api_tokens",
    "saved_reports", "budgets", "category_rules", "own_categories", "payees", "standing_orders",
    "standing_order_days", "alerts", "monthly_statements",
    "outside_accounts", "outside_imports", "outside_entries",
    "explorer_queries", "explorer_runs",
)  # fmt: skip
FACTS = re.compile(
    r"\b(ana|ferreira|elm street|porto)\b|ana@mail.example|203\.0\.113\.77", re.IGNORECASE
)


@pytest.fixture
def left(ana: Account) -> Account:
    """Ana has left; ten days before, she had paid, and those days are sealed."""
    moment = timezone.now() - timedelta(days=10)
    services.book(services.Draft(to_account=ana, amount=10, created_at=moment))
    friend = AccountFactory(user=UserFactory(name="Ben"))
    paid = services.book(
        services.Draft(
            from_account=ana, to_account=friend, amount=10, created_at=moment + timedelta(hours=1),
            description="Rent", created_by=ana.user,
        )
    )  # fmt: skip
    annotate(transaction=paid, owner=ana.user, text="Ana was here")
    annotate(transaction=paid, owner=friend.user, text="From Ana Ferreira")
    for owner, other in ((ana.user, friend), (friend.user, ana)):
        SavedReport.objects.create(
            id=uuid7(), owner=owner, name="Ana Ferreira", report="running-total"
        )
        Payee.objects.create(id=uuid7(), owner=owner, account=other, name="Ana Ferreira")
        Budget.objects.create(
            id=uuid7(), owner=owner, category="ana ferreira", currency="USD", amount=10
        )
        CategoryRule.objects.create(
            owner=owner, position=1, name="Ana", query='to:"Ana Ferreira"', category="rent"
        )
        OwnCategory.objects.create(
            transaction=paid, owner=owner, category="ana ferreira", change=uuid7()
        )
        attached(paid, owner, "Ana Ferreira.jpg")
        mine = owner.accounts.get()
        order = order_of(mine, other, owner=owner, description="To Ana Ferreira")
        skip(order=order, day=order.first_on, why="Ana Ferreira is away")
        record_refusal(order=order, why="Ana Ferreira is away", at=timezone.now())
        end(order=order, why="The bank ended it. Ana Ferreira has died.")
        logged(UserFactory(is_staff=True), order)
        choose(owner=owner, kind=AlertKind.NEW_DEVICE)
        AlertTimes.objects.create(owner=owner)
        Alert.objects.create(
            owner=owner, kind="order_failed", about=order.pk, account=mine, detail="To Ana Ferreira"
        )
        outside = outside_account(owner=owner, name="Ana Ferreira")
        text = (
            "Date,Amount,Description,Id\n2026-11-02,5,Ana Ferreira,ana@mail.example/1\n"
            "2026-11-03,6,Lunch,2\n"
        )
        imported(outside, text)
        if owner == ana.user:
            uploaded(outside, text + "2026-11-04,7,Ana Ferreira,3\n", name="Ana Ferreira.csv")
        OutsideImport.objects.filter(account=outside).update(name="Ana Ferreira.csv")
        query = {"sql": "SELECT 'ana@mail.example'", "parameters": {"who": "ana@mail.example"}}
        SavedQuery.objects.create(owner=owner, title="Of ana@mail.example", **query)
        ran = {"person": owner, "scope": "own", "form": "page", "outcome": "refused"}
        QueryRun.objects.create(**ran, **query, message="ana@mail.example")
    SignIn.objects.create(user=ana.user, outcome="ok", device="Firefox", place="Porto")
    ApiToken.objects.filter(pk=add_token(ana.user).pk).update(
        last_used_from="Porto", revoked_at=timezone.now(), reason="Ana has lost it"
    )
    add_app(ana.user)
    written_by_staff(ana)
    name_in_files(ana, friend)
    refunded(ana, friend)
    ana.refresh_from_db()
    assert seal() is not None
    for holder, other in ((ana, friend), (friend, ana)):
        empty_statement(holder, names={str(other.pk): other.user.name})
    worked_here(ana.user)
    leave(person=ana.user)
    ways_in_and_rights(ana.user)
    return ana


def tables_that_name_her() -> dict[str, str]:
    """The tables of which a row has a fact about Ana, each with such a row."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            rows = [str(row) for (row,) in cursor.fetchall() if FACTS.search(str(row))]
            if rows:
                found[table] = rows[0]
    return found


@pytest.mark.parametrize(
    "signed_in",
    [
        pytest.param(nullcontext, id="owner"),
        pytest.param(as_worker, marks=pytest.mark.django_db(transaction=True), id="worker"),
    ],
)
def test_nothing_names_an_erased_person_and_the_books_and_seals_are_whole(
    left: Account, signed_in: Callable[[], AbstractContextManager[None]]
) -> None:
    person = User.objects.get(pk=left.user_id)
    assert set(PLANTED) <= set(tables_that_name_her())
    with signed_in():
        erase(person)
    assert set(tables_that_name_her()) == SETTINGS_OF_OTHERS
    person.refresh_from_db()
    assert person.name == NAME
    assert not person.has_usable_password()
    assert (person.last_login, person.is_staff, person.is_superuser) == (None, False, False)
    assert not person.groups.exists()
    assert not person.user_permissions.exists()
    kept = [
        model
        for model, column in DELETED.items()
        if model._default_manager.filter(**{column: person}).exists()
    ]
    assert kept == []
    assert left.sent.get(reverses=None).description == "Rent"
    found = audit()  # compares every balance, and each seal's digest with its rows
    assert found.clean, found.findings
    erase(person)


def test_an_address_goes_from_texts_about_others_and_from_searches_as_pages_send_them(
    clerk: User,
) -> None:
    person: User = UserFactory(name="Zo\u00eb Quirin", email="zq@mail.example")
    other: Account = AccountFactory(user=UserFactory(name="Ben"))
    set_reason("Moved in with zq@mail.example")
    User.objects.filter(pk=other.user_id).update(household=Household.objects.create(name="Elm 4"))
    set_reason("")
    why: dict[str, Any] = {"reason": "A quarrel with ZQ@mail.example.", "changed_by": clerk}
    account_services.change_account(account=other, daily_limit=Decimal(77), **why)
    account_services.freeze_account(account=other, message="zq@mail.example asked", **why)
    slip = services.Draft(to_account=other, amount=20_000, created_by=clerk)
    request = ask_for(services.preview(slip), reason="zq@mail.example asked", asked_by=clerk)
    request.parameters["message"] = request.note = "By zq@mail.example"
    with atomic(), triggers_lifted("approval_requests"):
        request.save(update_fields=["parameters", "note"])
    searches = ("q=zq@mail.example", "q=x+zq%40mail.example+y", "q=ZQ%40mail.example",
                "q=z%71%40mail%2eexample",
                "_changelist_filters=q%3Dzq%2540mail.example")  # fmt: skip
    others = {"q=zo%C3%AB+quirin", "q=x.zq%40mail.example", "q=x-zq@mail.example",
              "q=zq%40mail.example.au", "q=zq@mail.example-shop"}  # fmt: skip
    seen = {"reader": clerk, "page": "-", "path": "/", "address": ""}
    for query in (*searches, *others):
        Read.objects.create(**seen, query=query, people=[other.user_id])
    Read.objects.create(**seen, query="q=Quirin", people=[other.user_id, person.pk])
    texts = ("changes", "account_status_changes", "limit_changes", "approval_requests")
    assert all(_has(table, "zq@mail") for table in texts)
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    assert not [table for table in texts if _has(table, "zq@mail")]
    assert set(Read.objects.values_list("query", flat=True)) == {"", *others}


def _has(table: str, word: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT count(*) FROM "{table}" WHERE "{table}"::text ILIKE %s', [f"%{word}%"]
        )
        return bool(cursor.fetchone()[0])


def test_a_household_in_which_others_live_keeps_its_name(left: Account) -> None:
    home = Household.objects.get()
    child = UserFactory(name="Rui", household=home)
    erase(User.objects.get(pk=left.user_id))
    home.refresh_from_db()
    assert home.name == "Ferreira, Elm Street 4"
    assert Change.objects.filter(about=str(home.pk), after__name=home.name).exists()
    assert User.objects.get(pk=left.user_id).household is None
    assert User.objects.get(pk=child.pk).household == home


def test_erased_rows_cannot_be_changed_afterwards_either(left: Account) -> None:
    erase(User.objects.get(pk=left.user_id))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal")
        assert cursor.fetchone() == (0,)


def test_only_people_without_an_open_account_are_due_and_only_after_the_keeping_time(
    left: Account,
) -> None:
    now = timezone.now()
    assert list(due_before(now - timedelta(days=1))) == []
    later = now + timedelta(days=1)
    assert [person.pk for person in due_before(later)] == [left.user_id]
    deactivated = AccountFactory(balance="5").user
    account_services.deactivate_user(user=deactivated)
    assert [person.pk for person in due_before(later)] == [left.user_id]
    erase(User.objects.get(pk=left.user_id))
    assert list(due_before(later)) == []


def test_the_command_lists_first_and_erases_then(
    left: Account, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("erase_people", "--dry-run")
    assert "0 due" in capsys.readouterr().out
    User.objects.filter(pk=left.user_id).update(deleted_at=timezone.now() - timedelta(days=4000))
    call_command("erase_people", "--dry-run")
    assert f"due: {left.user_id}" in capsys.readouterr().out
    assert User.objects.get(pk=left.user_id).name == "Ana Ferreira"
    call_command("erase_people")
    assert User.objects.get(pk=left.user_id).name == NAME
