"""A status or a hold that changes without a recorded person: the database refuses the change. If
the owner of the tables made it, the audit finds it.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import DatabaseError, ProgrammingError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts import services as account_services
from accounts.groups import OPERATIONS
from accounts.models import Account, StatusChange
from tests.attacks.approvals import as_web
from tests.conftest import colleague, set_role
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.refusals import constraint_of, refused_by
from tests.transactions.audit.breaking import found
from transactions import services, staff_services
from transactions.audit.audit import audit
from transactions.audit.checks.explanations import unreleased
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db

OPEN_IT = "UPDATE accounts SET status = 'active' WHERE id = %s"
VOID_IT = "UPDATE transactions SET status = 'voided' WHERE id = %s"


@pytest.fixture
def frozen() -> Account:
    return account_services.freeze_account(account=AccountFactory(), reason="Stolen card")


@pytest.fixture
def hold() -> Transaction:
    return services.hold(from_account=AccountFactory(balance="100"), amount=Decimal(30))


@pytest.fixture
def web() -> Iterator[None]:
    set_role(settings.LEDGER_WEB_ROLE)
    yield
    set_role(None)


def test_the_web_role_cannot_set_a_status(frozen: Account, web: None) -> None:
    denied = pytest.raises(ProgrammingError, match="permission denied")
    with denied, db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(OPEN_IT, [frozen.pk])


def test_nobody_sets_a_status_without_its_row(frozen: Account) -> None:
    """The owner of the tables is refused too, while the triggers are enabled."""
    assert refused_by(OPEN_IT, frozen.pk) == "status_has_a_change"
    sql = "UPDATE accounts SET closed_at = now() WHERE id = %s"
    assert refused_by(sql, frozen.pk) == "status_has_a_change"


def test_a_row_is_what_sets_the_status(frozen: Account) -> None:
    """Because of this rule, smuggled SQL can unfreeze an account only with a row that stays and
    contains its person.
    """
    clerk = colleague(OPERATIONS, "Clerk")
    with as_web(clerk):
        StatusChange.objects.create(
            account=frozen, from_status="frozen", to_status="active", reason="", changed_by=clerk
        )
    frozen.refresh_from_db()
    assert (frozen.status, frozen.closed_at) == ("active", None)
    assert frozen.status_changes.count() == 2
    assert audit().clean


@pytest.mark.parametrize(
    ("before", "after"), [("active", "frozen"), ("frozen", "frozen"), ("closed", "active")]
)
def test_a_row_that_does_not_continue_the_history_is_refused(
    frozen: Account, web: None, before: str, after: str
) -> None:
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        StatusChange.objects.create(
            account=frozen, from_status=before, to_status=after, reason="Forged"
        )
    assert constraint_of(refused.value) == "status_change_continues"


def test_a_row_left_out_by_on_conflict_changes_no_status(frozen: Account) -> None:
    change = frozen.status_changes.get()
    change.from_status, change.to_status = "frozen", "active"
    StatusChange.objects.bulk_create([change], ignore_conflicts=True)
    frozen.refresh_from_db()
    assert frozen.is_frozen


def test_changes_have_an_order_whatever_the_clocks_of_processes_say(frozen: Account) -> None:
    early = timezone.now() - timedelta(days=1)
    for before, after in (("frozen", "active"), ("active", "frozen")):
        StatusChange.objects.create(
            account=frozen, from_status=before, to_status=after, reason="", created_at=early
        )
    words = frozen.status_changes.order_by("created_at").values_list("to_status", flat=True)
    assert list(words) == ["frozen", "active", "frozen"]
    assert audit().clean


def test_an_account_opens_active(web: None) -> None:
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        Account.objects.create(user=UserFactory(), currency="USD", status="frozen")
    assert constraint_of(refused.value) == "account_opens_empty"


def test_the_audit_names_the_account_whose_status_the_owner_changed(frozen: Account) -> None:
    with walls_down("accounts") as cursor:
        cursor.execute(OPEN_IT, [frozen.pk])
    finding = found("status")
    assert (finding.account, finding.expected, finding.found) == (
        str(frozen.pk), "frozen", "active",
    )  # fmt: skip


def test_the_audit_finds_a_status_change_that_the_owner_took_away(frozen: Account) -> None:
    account_services.unfreeze_account(account=frozen, reason="New card")
    account_services.freeze_account(account=frozen, reason="Stolen again")
    second = frozen.status_changes.order_by("created_at")[1]
    with walls_down("account_status_changes") as cursor:
        cursor.execute("DELETE FROM account_status_changes WHERE id = %s", [second.pk])
    finding = found("status")
    assert (finding.account, finding.expected, finding.found) == (
        str(frozen.pk), "frozen", "active",
    )  # fmt: skip
    gone = found("missing row")
    assert (gone.account, gone.expected) == (
        str(frozen.pk), f"account_status_changes: {second.pk}",
    )  # fmt: skip


def test_the_web_role_cannot_release_a_hold_without_a_reason(hold: Transaction, web: None) -> None:
    assert refused_by(VOID_IT, hold.pk) == "released_hold_has_reason"


def test_nor_can_the_owner(hold: Transaction) -> None:
    assert refused_by(VOID_IT, hold.pk) == "released_hold_has_reason"


def test_a_release_with_a_reason_and_one_by_code_are_both_on_record(hold: Transaction) -> None:
    staff_services.release(hold=hold, reason="Cancelled", written_by=UserFactory())
    other = services.hold(from_account=AccountFactory(balance="9"), amount=Decimal(1))
    services.void(hold=other)
    assert StaffReason.objects.filter(action="release").count() == 2
    assert audit().clean


def test_the_audit_names_the_hold_that_the_owner_released(hold: Transaction) -> None:
    with walls_down("transactions") as cursor:
        cursor.execute(VOID_IT, [hold.pk])
    finding = found("release")
    assert (finding.account, finding.transaction) == (str(hold.from_account_id), str(hold.pk))


@pytest.mark.parametrize("is_captured", [False, True])
def test_the_audit_names_the_hold_that_the_owner_made_pending_again(
    hold: Transaction, is_captured: bool
) -> None:
    services.void(hold=hold)
    assert audit().clean
    with walls_down() as cursor:
        cursor.execute("UPDATE transactions SET status = 'pending' WHERE id = %s", [hold.pk])
        cursor.execute("UPDATE accounts SET held = held + 30 WHERE id = %s", [hold.from_account_id])
    if is_captured:
        services.capture(hold=hold)
    (finding,) = audit().findings
    assert (finding.check, finding.account, finding.transaction, finding.found) == (
        "unreleased", str(hold.from_account_id), str(hold.pk),
        "captured" if is_captured else "pending",
    )  # fmt: skip
    reason = StaffReason.objects.get(action="release")
    assert [*unreleased(reason.created_at)] == [finding]
    assert [*unreleased(reason.created_at + timedelta(microseconds=1))] == []
