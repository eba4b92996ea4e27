"""SQL that was smuggled into a web process, and that makes or decides requests, or changes limits
or a status, in the name of another person. The database refuses it without facts that were signed
for this person.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.groups import OPERATIONS
from accounts.models import Account, ApprovalRequest, User
from ledger.db.history.facts import SETTING, without_facts
from ledger.db.history.signed_facts import signed
from tests.attacks.approvals import approved, as_web, asked, asked_limits, done
from tests.attacks.forgeries import FORGED, told
from tests.banking.reconciliation.files import sign, stored
from tests.conftest import colleague
from tests.factories import balances, walls_down
from tests.refusals import constraint_of

pytestmark = pytest.mark.django_db(transaction=True)

ASK = (
    "INSERT INTO approval_requests (id, kind, transaction_id, to_account_id, amount, currency,"
    " parameters, reason, requested_by_id, requested_at, expires_at, status, note, used_amount)"
    " SELECT gen_random_uuid(), 'deposit', gen_random_uuid(), %(account)s, 20000, 'USD', '{}', 'x',"
    " %(person)s, now(), now() + interval '1 day', 'pending', '', 0"
)
APPROVE = (
    "UPDATE approval_requests SET status = 'approved', decided_by_id = %(person)s,"
    " decided_at = now()"
)
DECLINE = APPROVE.replace("approved", "declined")
WITHDRAW = "UPDATE approval_requests SET status = 'withdrawn'"
LIMIT = (
    "INSERT INTO limit_changes (id, account_id, overdraft_limit, reason, changed_by_id, created_at)"
    " VALUES (gen_random_uuid(), %(account)s, 9000, '', %(person)s, now())"
)
FREEZE = (
    "INSERT INTO account_status_changes (id, account_id, from_status, to_status, reason, message,"
    " changed_by_id, created_at) VALUES (gen_random_uuid(), %(account)s, 'active', 'frozen', '',"
    " '', %(person)s, now())"
)
WRITES = {  # each with its rule and the person whose name it uses
    "ask": (ASK, "request_by_its_author", "clerk"),
    "approve": (APPROVE, "decided_by_its_author", "boss"),
    "decline": (DECLINE, "decided_by_its_author", "boss"),
    "withdraw": (WITHDRAW, "decided_by_its_author", "clerk"),
    "raise a limit": (LIMIT, "limits_by_their_author", "boss"),
    "freeze": (FREEZE, "status_by_its_author", "clerk"),
}


@pytest.fixture
def people(clerk: User, boss: User) -> dict[str, User]:
    return {"clerk": clerk, "boss": boss}


def smuggle(sql: str, setting: str, account: Account, person: User | None) -> None:
    """Does what smuggled SQL can do: sets the facts, and writes."""
    values = {"account": account.pk, "person": person.pk if person else None}
    with as_web(), without_facts(), db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('{SETTING}', %s, true)", [setting])
        cursor.execute(sql, values)


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize("forgery", [*FORGED, "without facts", "signed for somebody else"])
def test_nobody_acts_in_the_name_of_somebody_else(
    action: str, forgery: str, account: Account, clerk: User, people: dict[str, User]
) -> None:
    sql, rule, name = WRITES[action]
    request = asked(account, clerk)
    setting = FORGED[forgery](told(people[name])) if forgery in FORGED else ""
    if forgery == "signed for somebody else":
        setting = signed(told(colleague(OPERATIONS, "Eve")))
    with pytest.raises(DatabaseError) as refusal:
        smuggle(sql, setting, account, people[name])
    assert constraint_of(refusal.value) == rule
    request.refresh_from_db()
    account.refresh_from_db()
    assert (request.status, ApprovalRequest.objects.count()) == ("pending", 1)
    assert (account.status, account.overdraft_limit) == ("active", 0)


@pytest.mark.parametrize("action", ["raise a limit", "freeze"])
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_nobody_acts_in_the_name_of_nobody(
    action: str, is_signed_in: bool, account: Account, clerk: User
) -> None:
    """Without this rule, a request of nobody could bypass the rule about households and the sums of
    a day.
    """
    sql, rule, _ = WRITES[action]
    with pytest.raises(DatabaseError) as refusal:
        smuggle(sql, signed(told(clerk)) if is_signed_in else "", account, None)
    assert constraint_of(refusal.value) == rule
    account.refresh_from_db()
    assert (account.status, account.overdraft_limit) == ("active", 0)


@pytest.mark.parametrize("action", WRITES)
def test_everybody_acts_in_their_own_name(
    action: str, account: Account, clerk: User, people: dict[str, User]
) -> None:
    sql, _, name = WRITES[action]
    asked(account, clerk)
    smuggle(sql, signed(told(people[name])), account, people[name])


def test_a_clerk_approves_nothing_under_the_name_of_a_manager(
    account: Account, clerk: User, boss: User
) -> None:
    """SQL in a clerk's request has only the facts of the clerk, whatever name the SQL writes."""
    request = asked(account, clerk, 1_000_000)
    with pytest.raises(DatabaseError):
        smuggle(APPROVE, signed(told(clerk)), account, boss)
    mixed = json.dumps({**json.loads(told(clerk)), "decided_by": str(boss.pk)})
    with pytest.raises(DatabaseError):
        smuggle(APPROVE, signed(mixed), account, boss)
    request.refresh_from_db()
    assert (request.status, balances(account)) == ("pending", [50_000])


@pytest.mark.parametrize("is_approved", [False, True])
def test_a_request_for_other_limits_gives_nobody_its_name(
    is_approved: bool, account: Account, clerk: User, boss: User
) -> None:
    request = asked_limits(account, boss, overdraft_limit=Decimal(60_000))
    if is_approved:
        approved(request, colleague("manager", "Second"))
    sql = LIMIT.replace("gen_random_uuid()", f"'{request.transaction_id}'")
    with pytest.raises(DatabaseError) as refusal:
        smuggle(sql, signed(told(clerk)), account, boss)
    assert constraint_of(refusal.value) == "limits_by_their_author"


def test_approved_limits_have_the_words_of_their_request(
    account: Account, clerk: User, boss: User
) -> None:
    request = approved(
        asked_limits(account, boss, overdraft_limit=Decimal(60_000)), colleague("manager", "Second")
    )
    sql = LIMIT.replace("gen_random_uuid()", f"'{request.transaction_id}'").replace("9000", "60000")
    with pytest.raises(DatabaseError) as refusal:
        smuggle(sql, signed(told(clerk)), account, boss)
    assert constraint_of(refusal.value) == "limits_by_their_author"


def test_what_was_approved_is_changed_in_the_name_of_who_asked(
    account: Account, boss: User, people: dict[str, User]
) -> None:
    """The approving manager executes the action, so the facts contain this manager's name."""
    second = colleague("manager", "Second")
    limits: dict[str, Any] = {"overdraft_limit": Decimal(50_000)}
    request = approved(asked_limits(account, boss, **limits), second)
    done(request, by=second)
    account.refresh_from_db()
    assert account.overdraft_limit == 50_000
    assert account.limit_changes.get().changed_by == boss


def test_only_what_was_approved_uses_an_approval(account: Account, clerk: User, boss: User) -> None:
    request = approved(asked(account, clerk), boss)
    with walls_down("approval_requests"):  # like a request for a file that was paid in part
        ApprovalRequest.objects.update(used_at=timezone.now(), used_amount=1)
    sql = "UPDATE approval_requests SET status = 'done'"
    with pytest.raises(DatabaseError) as refusal:
        smuggle(sql, signed(told(clerk)), account, clerk)
    assert constraint_of(refusal.value) == "request_used_by_rows"
    request.refresh_from_db()
    assert request.status == "approved"


def test_a_row_that_is_not_written_uses_no_approval(
    account: Account, other: Account, clerk: User, boss: User
) -> None:
    """ON CONFLICT skips the row, so the row counts in no sum of a day either."""
    request = approved(
        asked_limits(account, boss, overdraft_limit=Decimal(50_000)), colleague("manager", "Second")
    )
    sql = LIMIT.replace("gen_random_uuid()", f"'{request.transaction_id}'")
    smuggle(sql.replace("9000", "0"), signed(told(clerk)), other, clerk)
    smuggle(sql.replace("9000", "50000") + " ON CONFLICT DO NOTHING", "", account, boss)
    smuggle(sql + " ON CONFLICT DO NOTHING", "", account, boss)
    request.refresh_from_db()
    assert request.status == "approved"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM staff_sums")
        assert cursor.fetchone() == (0,)


SIGN = "UPDATE reconciliations SET signed_by_id = %(person)s"
COUNTERSIGN = "UPDATE reconciliations SET countersigned_by_id = %(person)s"


@pytest.mark.parametrize("sql", [SIGN, COUNTERSIGN])
@pytest.mark.parametrize("forgery", [*FORGED, "without facts", "signed for somebody else"])
def test_nobody_signs_a_reconciliation_in_the_name_of_somebody_else(
    sql: str, forgery: str, account: Account, clerk: User, boss: User
) -> None:
    whose = stored((0, ""))
    if sql == COUNTERSIGN:
        sign(whose, clerk)
    setting = FORGED[forgery](told(boss)) if forgery in FORGED else ""
    if forgery == "signed for somebody else":
        setting = signed(told(clerk))
    with pytest.raises(DatabaseError) as refusal:
        smuggle(sql, setting, account, boss)
    assert constraint_of(refusal.value) == "reconciliation_by_its_signers"
    whose.refresh_from_db()
    assert boss not in (whose.signed_by, whose.countersigned_by)
    smuggle(sql, signed(told(boss)), account, boss)


def test_who_may_not_reconcile_signs_nothing(account: Account) -> None:
    stored((0, ""))
    with pytest.raises(DatabaseError) as refusal:
        smuggle(SIGN, signed(told(account.user)), account, account.user)
    assert constraint_of(refusal.value) == "reconciliation_by_its_signers"
