"""SQL that was smuggled into a web process, and that writes a reason of staff or a line of the
admin's log with a colleague's name or another time. The database refuses the name and sets the
time.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, ApprovalRequest, User
from ledger.db.history import facts
from ledger.db.history.facts import SETTING
from ledger.db.history.signed_facts import signed
from tests.attacks.forgeries import FORGED, told
from tests.conftest import set_role
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.refusals import constraint_of
from transactions import services
from transactions.models import StaffReason, Transaction
from transactions.staff_services import explain

pytestmark = pytest.mark.django_db

REASON = (
    "INSERT INTO transaction_notes (id, transaction_id, action, reason, message, written_by_id,"
    " created_at) VALUES (gen_random_uuid(), %(about)s, %(action)s, 'Asked', '', %(author)s,"
    " '2001-01-01')"
)
LINE = (
    "INSERT INTO django_admin_log (action_time, user_id, object_repr, action_flag, change_message)"
    " VALUES ('2001-01-01', %(author)s, 'Ana', 2, 'Forged')"
)
WRITES = {"note_by_its_author": REASON, "log_entry_by_its_author": LINE}


@pytest.fixture
def web() -> Iterator[None]:
    set_role(settings.LEDGER_WEB_ROLE)
    yield
    set_role(None)


@pytest.fixture
def paid() -> Transaction:
    account: Account = AccountFactory()
    return services.deposit(to_account=account, amount=Decimal(5))


@pytest.fixture
def victim() -> User:
    victim: User = UserFactory(name="Victim", is_staff=True)
    return victim


def write(sql: str, setting: str, author: User | None, about: Transaction, **more: Any) -> None:
    """Does what smuggled SQL can do: sets the facts, and writes."""
    row = {"about": about.pk, "author": author and author.pk, "action": "refund", **more}
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('{SETTING}', %s, true)", [setting])
        cursor.execute(sql, row)
        cursor.execute(f"SELECT set_config('{SETTING}', '', true)")


def refusal(write_it: Callable[[], object]) -> str | None:
    with pytest.raises(DatabaseError) as refused:
        write_it()
    return constraint_of(refused.value)


@pytest.mark.parametrize("rule", WRITES)
@pytest.mark.parametrize("forgery", [*FORGED, "without facts", "signed for somebody else"])
def test_nothing_is_written_in_the_name_of_a_colleague(
    rule: str, forgery: str, victim: User, paid: Transaction, web: None
) -> None:
    setting = FORGED[forgery](told(victim)) if forgery in FORGED else ""
    if forgery == "signed for somebody else":
        setting = signed(told(UserFactory()))
    assert refusal(lambda: write(WRITES[rule], setting, victim, paid)) == rule


def test_one_name_among_many_rows_is_enough(victim: User, paid: Transaction, web: None) -> None:
    mine = UserFactory(is_staff=True)
    rows = f"SELECT '2001-01-01', unnest(ARRAY['{mine.pk}', '{victim.pk}']::uuid[]), 'Ana', 2, ''"
    sql = LINE.partition(" VALUES")[0] + rows
    assert refusal(lambda: write(sql, signed(told(mine)), mine, paid)) == "log_entry_by_its_author"


def test_ones_own_name_is_taken_and_the_time_is_of_now(
    victim: User, paid: Transaction, web: None
) -> None:
    before = timezone.now()
    for sql in (REASON, LINE):
        write(sql, signed(told(victim)), victim, paid)
    reason, line = StaffReason.objects.get(), LogEntry.objects.get()
    assert (reason.written_by, line.user) == (victim, victim)
    for moment in (reason.created_at, line.action_time):
        assert abs((moment - before).total_seconds()) < 60


def test_the_owner_of_the_tables_names_anybody_and_no_other_time(
    victim: User, paid: Transaction
) -> None:
    for sql in (REASON, LINE):
        write(sql, "", victim, paid)
    assert StaffReason.objects.get().created_at.year > 2025
    assert LogEntry.objects.get().action_time.year > 2025


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_no_reason_names_nobody(
    is_signed_in: bool, victim: User, paid: Transaction, web: None
) -> None:
    setting = signed(told(victim)) if is_signed_in else ""
    assert refusal(lambda: write(REASON, setting, None, paid)) == "note_by_its_author"


@pytest.mark.parametrize(
    ("status", "action", "asked_by", "about", "words", "is_taken"),
    [
        ("done", "refund", "author", "it", ("Asked", ""), True),
        ("approved", "refund", "author", "it", ("Asked", ""), True),
        ("declined", "refund", "author", "it", ("Asked", ""), False),
        ("done", "release", "author", "it", ("Asked", ""), False),
        ("done", "refund", "somebody else", "it", ("Asked", ""), False),
        ("done", "refund", "author", "something else", ("Asked", ""), False),
        ("done", "refund", "author", "it", ("Another reason", ""), False),
        ("done", "refund", "author", "it", ("Asked", "Another message"), False),
    ],
)
def test_what_was_approved_names_who_asked(
    status: str,
    action: str,
    asked_by: str,
    about: str,
    words: tuple[str, str],
    is_taken: bool,
    paid: Transaction,
) -> None:
    """A manager executes the approved action, so the facts contain the manager's name."""
    author, manager = UserFactory(is_staff=True), UserFactory(is_staff=True)
    row = {
        "kind": "refund", "transaction_id": paid.pk if about == "it" else uuid4(), "amount": 5,
        "currency": "USD", "from_account": paid.to_account, "reason": words[0],
        "parameters": {"message": words[1]},
        "requested_by": author if asked_by == "author" else UserFactory(),
        "expires_at": timezone.now() + timedelta(days=1),
        "status": status, "decided_by": manager, "decided_at": timezone.now(),
        "used_at": timezone.now() if status == "done" else None,
        "used_amount": 5 if status == "done" else 0,
    }  # fmt: skip
    with walls_down("approval_requests"):
        ApprovalRequest.objects.create(**row)
    set_role(settings.LEDGER_WEB_ROLE)

    def write_it() -> None:
        write(REASON, signed(told(manager)), author, paid, action=action)

    if is_taken:
        write_it()
        assert StaffReason.objects.get().written_by == author
    else:
        assert refusal(write_it) == "note_by_its_author"
    set_role(None)


def test_pages_and_services_of_staff_send_the_facts(
    victim: User, paid: Transaction, web: None
) -> None:
    with facts.with_facts(lambda: {"person": str(victim.pk)}):
        explain([paid], action=StaffReason.Action.FILE, reason="Asked", written_by=victim)
        LogEntry.objects.create(user=victim, action_flag=CHANGE, object_repr="Ana")
    assert StaffReason.objects.get().written_by == victim


def test_a_page_of_the_admin_logs_in_the_name_of_its_reader(people_admin: Client) -> None:
    person = UserFactory(name="Ana")
    page = reverse("admin:accounts_user_change", args=[person.pk])
    people_admin.post(page, {"name": "Ana Maria", "reason": "Asked"})
    assert LogEntry.objects.get().object_id == str(person.pk)
