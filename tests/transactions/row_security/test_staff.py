"""SQL that was smuggled into a page of staff, with row-level security on: a group can write only
the rows that its pages write.

The triggers of the tables are disabled, so that only policies decide.
"""

from copy import deepcopy
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection
from django.utils import timezone

from accounts.groups import (
    ANALYSTS,
    AUDITOR,
    MANAGER,
    OPERATIONS,
    PEOPLE_ADMIN,
    PERMISSIONS,
    SUPPORT,
)
from accounts.models import Account, ApprovalRequest, User
from ledger.db.rights.registered_tables import policies
from ledger.db.rights.row_security import RowScope
from tests.conftest import colleague, permissions
from tests.factories import UserFactory
from tests.transactions.row_security.rows import columns_of, count, token_of, web_role
from transactions.row_security.middleware import row_scope_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rows_secured")]
# Tables in which a group writes other people's rows. Nobody writes other tables: see below.
INSERTS: dict[str, set[str]] = {
    ANALYSTS: set(),
    SUPPORT: set(),
    OPERATIONS: {
        "account_status_changes", "accounts", "approval_requests", "audit_runs", "payment_files",
        "payment_lines", "reconciliation_lines", "reconciliation_matches", "reconciliations",
        "transaction_notes", "transactions", "users",
    },
    MANAGER: {
        "approval_requests", "audit_runs", "currencies", "limit_changes", "reconciliation_lines",
        "reconciliation_matches", "reconciliations", "users_groups",
    },
    AUDITOR: set(),
    PEOPLE_ADMIN: {
        "account_emailaddress", "account_emailconfirmation", "approval_requests", "households",
        "mfa_authenticator", "sessions", "sign_ins", "socialaccount_socialaccount", "users",
        "users_groups",
    },
}  # fmt: skip
CHANGES: dict[str, set[str]] = {
    ANALYSTS: set(),
    SUPPORT: set(),
    OPERATIONS: {
        "accounts", "payment_files", "payment_lines", "reconciliation_lines", "reconciliations",
        "transactions",
    },
    MANAGER: {
        "accounts", "approval_requests", "currencies", "reconciliation_lines", "reconciliations",
        "transactions", "users",
    },
    AUDITOR: set(),
    PEOPLE_ADMIN: {
        "account_emailaddress", "account_emailconfirmation", "api_tokens", "households",
        "mfa_authenticator", "sessions", "socialaccount_socialaccount", "users",
    },
}  # fmt: skip
UPDATES = {
    "api_tokens": "revoked_at = now(), reason = 'Lost'",
    "account_emailaddress": "verified = false", "account_emailconfirmation": "key = 'mine'",
    "accounts": "name = 'Mine'", "cache": "value = 'mine'", "currencies": "name = 'Mine'",
    "households": "name = 'Mine'", "mfa_authenticator": "type = 'mine'",
    "budgets": "category = 'mine'", "category_rules": "name = 'Mine'",
    "outside_accounts": "name = 'Mine'", "outside_entries": "is_double = true",
    "outside_imports": "name = 'Mine'",
    "own_categories": "category = 'mine'",
    "payees": "name = 'Mine'", "payment_files": "refused_count = 1",
    "payment_lines": "verdict = 'No'",
    "reconciliation_lines": "leftover = 'Mine'", "reconciliations": "signed_by_id = NULL",
    "standing_orders": "ended_why = 'mine'",
    "alerts": "read_at = now()", "alert_choices": "amount = 1", "alert_times": "daily_at = '01:00'",
    "payment_names_asked": "count = 0", "saved_reports": "name = 'Mine'",
    "sessions": "session_data = 'mine'",
    "socialaccount_socialaccount": "uid = 'mine'", "transactions": "status = 'voided'",
    "users": "name = 'Mine'", "webhook_deliveries": "again_at = now()",
    "webhooks": "reason = 'mine'",
}  # fmt: skip
DECIDE = "status = 'declined', decided_by_id = '{}', decided_at = now()"
EVERYBODY = {"cache"}  # signed values that pages share
# The columns that contain the author of a row.
AUTHOR = {
    "account_status_changes": "changed_by_id", "approval_requests": "requested_by_id",
    "audit_runs": "run_by_id", "limit_changes": "changed_by_id",
    "reconciliation_matches": "created_by_id", "reconciliations": "created_by_id",
    "transaction_notes": "written_by_id", "transactions": "created_by_id",
}  # fmt: skip
BELOW = {"transactions": "public.transactions"}  # for inserted rows


@pytest.fixture
def rows(ana: Account) -> dict[str, dict[str, Any]]:
    """One row of Ana's in each table, as text by column. Triggers are then disabled."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in policies():
            names = ", ".join(f"{name}::text" for name in columns_of(table))
            cursor.execute(f"SELECT {names} FROM {table} LIMIT 1")
            found[table] = dict(zip(columns_of(table), cursor.fetchone(), strict=True))
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    return found


@pytest.fixture
def rows_secured(secured_ana: Account, db: None) -> None:
    """Installs row-level security once for the module."""


@pytest.fixture
def ana(secured_ana: Account) -> Account:
    return deepcopy(secured_ana)


def member_of(group: str) -> tuple[User, str]:
    """Returns a new member of a group, and the token of their requests."""
    person = colleague(group, group.title())
    person.is_staff = group != ANALYSTS
    person.save(update_fields=["is_staff"])
    return person, token_of(person, row_scope_of(person))


def written(sql: str, values: list[Any], token: str) -> int | None:
    """Returns the number of rows that the statement writes, or None if row-level security or a
    right refuses it.
    """
    try:
        with web_role(token) as cursor:
            cursor.execute(sql, values)
            count: int = cursor.rowcount
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError:
        return 1  # a constraint of the table refuses it, after the policies
    except ProgrammingError as error:
        if isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
            return None
        raise
    return count


def insert(table: str, row: dict[str, Any], token: str) -> int | None:
    into = f"INSERT INTO {BELOW.get(table, table)} ({', '.join(row)})"
    return written(f"{into} VALUES ({', '.join(['%s'] * len(row))})", [*row.values()], token)


def anew(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Returns a copy of the row with another id. A person becomes a new person of the bank."""
    fresh = {**row, **changes}
    if "password" in row:
        fresh |= {"is_staff": False, "household_id": None, "email": f"{uuid4()}@example.com"}
    is_uuid = len(fresh.get("id", "")) == len(str(UUID(int=0)))
    return {**fresh, "id": str(uuid4())} if is_uuid else fresh


def inserted_by(group: str, rows: dict[str, dict[str, Any]], *, own_name: bool = True) -> set[str]:
    """Returns the tables into which a member can insert a copy of Ana's row in the member's
    name.
    """
    person, token = member_of(group)
    found = set()
    for table, row in rows.items():
        name = {AUTHOR[table]: str(person.pk)} if own_name and table in AUTHOR else {}
        if insert(table, anew(row, **name), token):
            found.add(table)
    return found


def test_the_table_names_every_group() -> None:
    """A new group must be added to INSERTS and CHANGES."""
    assert PERMISSIONS.keys() == INSERTS.keys() == CHANGES.keys()


@pytest.mark.parametrize("group", PERMISSIONS)
def test_a_group_inserts_rows_of_others_only_where_its_pages_do(
    group: str, rows: dict[str, dict[str, Any]]
) -> None:
    assert inserted_by(group, rows) - EVERYBODY == INSERTS[group]


@pytest.mark.parametrize("group", PERMISSIONS)
def test_a_group_inserts_nothing_in_the_name_of_a_colleague(
    group: str, rows: dict[str, dict[str, Any]]
) -> None:
    assert inserted_by(group, rows, own_name=False) - EVERYBODY == INSERTS[group] - AUTHOR.keys()


@pytest.mark.parametrize("group", PERMISSIONS)
def test_a_group_changes_rows_of_others_only_where_its_pages_do(
    group: str, rows: dict[str, dict[str, Any]]
) -> None:
    person, token = member_of(group)
    changed = set()
    updates = {**UPDATES, "approval_requests": DECIDE.format(person.pk)}
    for table, values in updates.items():
        own = 1 if table == "users" else 0  # the members themselves
        if (written(f"UPDATE {table} SET {values}", [], token) or 0) > own:
            changed.add(table)
    assert changed - EVERYBODY == CHANGES[group]


@pytest.mark.parametrize("group", [OPERATIONS, MANAGER])
def test_nobody_decides_in_the_name_of_a_manager(
    group: str, rows: dict[str, dict[str, Any]], boss: User
) -> None:
    person, token = member_of(group)
    ApprovalRequest.objects.update(requested_by=person)
    sql = "UPDATE approval_requests SET status = 'approved', decided_by_id = %s, decided_at = now()"
    assert written(sql, [boss.pk], token) is None


@pytest.mark.parametrize("group", PERMISSIONS)
def test_no_group_writes_passwords_or_addresses_or_reads_a_hash(
    group: str, rows: dict[str, dict[str, Any]], ana: Account
) -> None:
    person, token = member_of(group)
    for change in ("password = 'x'", "email = 'mine@example.com'"):
        assert not written(f"UPDATE users SET {change} WHERE id = %s", [ana.user.pk], token)
    with web_role(token) as cursor:
        cursor.execute("SELECT id FROM users WHERE password IS NOT NULL")
        assert cursor.fetchall() == [(person.pk,)]


@pytest.mark.parametrize("group", [SUPPORT, OPERATIONS, MANAGER, AUDITOR])
def test_only_who_looks_after_people_reads_how_others_sign_in(
    group: str, rows: dict[str, dict[str, Any]]
) -> None:
    _, token = member_of(group)
    with web_role(token) as cursor:
        for table in ("account_emailaddress", "mfa_authenticator", "sessions", "sign_ins"):
            cursor.execute(f"SELECT 1 FROM {table}")
            assert cursor.fetchall() == [], table


def test_a_token_of_staff_lets_nobody_write_who_is_staff_no_more(
    rows: dict[str, dict[str, Any]],
) -> None:
    for change in ({"is_staff": False}, {"deleted_at": "2026-01-01T00:00Z"}):
        person, token = member_of(OPERATIONS)
        User.objects.filter(pk=person.pk).update(**change)
        assert not written("UPDATE accounts SET name = 'Mine'", [], token)


def test_no_token_but_one_of_staff_lets_a_clerk_write_rows_of_others(
    rows: dict[str, dict[str, Any]],
) -> None:
    person, _ = member_of(OPERATIONS)
    for scope in set(RowScope) - {RowScope.STAFF, RowScope.AUDIT}:
        token = token_of(person, scope)
        assert not written("UPDATE accounts SET name = 'Mine'", [], token), scope


def test_a_manager_books_for_a_colleague_what_was_approved_alone(
    rows: dict[str, dict[str, Any]], boss: User, clerk: User
) -> None:
    token = token_of(boss, row_scope_of(boss))
    row = anew(rows["transactions"], created_by_id=str(clerk.pk))
    asked = ApprovalRequest.objects.all()
    asked.update(transaction_id=row["id"])
    assert insert("transactions", row, token) is None
    asked.update(status="approved", decided_by=boss, decided_at=timezone.now())
    assert insert("transactions", row, token)


@pytest.mark.parametrize(("more", "reads"), [((), False), (("view_contact_details",), True)])
def test_runs_of_queries_are_read_by_who_may_see_contact_details(
    more: tuple[str, ...], reads: bool, rows: dict[str, dict[str, Any]]
) -> None:
    person: User = UserFactory(is_staff=True)
    person.user_permissions.set(permissions("view_queryrun", *more))
    assert bool(count("explorer_runs", token_of(person, RowScope.STAFF))) is reads
