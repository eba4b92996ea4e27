"""What SQL smuggled into a customer's page could write, with row-level security on."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import ProgrammingError, connection
from django.utils import timezone

from accounts.models import Account
from ledger.db.row_security import RowScope
from tests.attacks.rows import rows_of_a_customer, token_of, web_role
from tests.factories import AccountFactory
from transactions.row_security import installation

pytestmark = pytest.mark.django_db
# Tables into which the web role may insert, but that no customer writes for another person. A
# trigger refuses rows of `reads` before their policy is asked (test_forged_facts).
TABLES = (
    "account_emailaddress", "account_status_changes", "approval_requests", "audit_runs",
    "django_admin_log", "limit_changes", "mfa_authenticator", "payment_files",
    "payment_lines", "payment_names_asked", "sessions", "sign_ins",
    "socialaccount_socialaccount", "transaction_notes", "users_groups",
)  # fmt: skip
CHANGES = {
    "approval_requests": "note = 'Mine'",
    "payment_files": "name = 'Mine'",
    "payment_lines": "description = 'Mine'",
    "account_emailaddress": "verified = false",
    "mfa_authenticator": "type = 'mine'",
    "sessions": "session_data = 'Mine'",
}


@pytest.fixture(autouse=True)
def row_security(settings: Any, db: None) -> None:
    settings.LEDGER_ROW_SECURITY = True
    installation.apply()


@pytest.fixture
def ana() -> Account:
    return rows_of_a_customer()


@pytest.fixture
def eve() -> Account:
    account: Account = AccountFactory(balance="5")
    return account


def row_of(table: str) -> dict[str, Any]:
    """A row of Ana's, as the owner reads it, with columns that the web role may insert."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(attname) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' AND attidentity <> 'a'",
            [table],
        )
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute(f"SELECT {', '.join(f'{name}::text' for name in names)} FROM {table}")
        return dict(zip(names, cursor.fetchone(), strict=True))


def anew(row: dict[str, Any]) -> dict[str, Any]:
    """The row under another id, so that nothing but a policy refuses it for being there."""
    if "session_key" in row:
        return {**row, "session_key": "another"}
    is_uuid = len(row["id"]) == len(str(UUID(int=0)))
    return {**row, "id": str(uuid4()) if is_uuid else "99999"}


def assert_refused(table: str, row: dict[str, Any], token: str) -> None:
    holes = ", ".join(["%s"] * len(row))
    with pytest.raises(ProgrammingError) as refused, web_role(token) as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({holes})", [*row.values()])
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
    assert "row-level security" in str(refused.value)


@pytest.mark.parametrize("table", TABLES)
def test_a_customer_inserts_nothing_for_others(table: str, ana: Account, eve: Account) -> None:
    assert_refused(table, anew(row_of(table)), token_of(eve.user))


def test_a_customer_writes_no_note_in_the_name_of_the_other_side(ana: Account) -> None:
    """A trigger refuses notes on payments of others; on a shared one, the policy does."""
    friend = Account.objects.get(name="Friend")
    assert_refused("annotations", anew(row_of("annotations")), token_of(friend.user))


@pytest.mark.parametrize("table", CHANGES)
def test_a_customer_changes_and_removes_nothing_of_others(
    table: str, ana: Account, eve: Account
) -> None:
    """Without a condition, so that no policy of SELECT helps."""
    with web_role(token_of(eve.user)) as cursor:
        cursor.execute(f"UPDATE {table} SET {CHANGES[table]}")
        assert cursor.rowcount == 0
        if table != "approval_requests":
            cursor.execute(f"DELETE FROM {table}")
            assert cursor.rowcount == 0


@pytest.mark.parametrize("to_status", ["frozen", "active"])
def test_a_customer_only_closes_their_own_account(to_status: str, eve: Account) -> None:
    row = {
        "id": uuid4(), "account_id": eve.pk, "from_status": "active", "to_status": to_status,
        "reason": "", "message": "", "created_at": timezone.now(),
    }  # fmt: skip
    assert_refused("account_status_changes", row, token_of(eve.user, RowScope.POSTING))
