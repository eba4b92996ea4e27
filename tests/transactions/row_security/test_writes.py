"""The rows that SQL in a customer's page could write, with row-level security on."""

from contextlib import nullcontext
from copy import deepcopy
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection
from django.utils import timezone

from accounts.models import Account, Household, ProviderGroup, User
from ledger.db.rights.row_security import NOBODY, RowScope
from tests.factories import AccountFactory
from tests.transactions.row_security.rows import columns_of, token_of, web_role
from transactions import services

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rows_secured")]
# Tables into which the web role may insert, but a customer must not insert for another person. The
# list excludes `reads` (test_forged_facts), and the lines and matches of reconciliations, because a
# trigger refuses their rows before the policy.
TABLES = (
    "account_emailaddress", "account_status_changes", "api_tokens", "approval_requests",
    "audit_runs", "budgets", "category_rules", "currencies", "django_admin_log", "households",
    "limit_changes", "mfa_authenticator", "outside_accounts",
    "outside_entries", "outside_file_parts", "outside_imports", "own_categories", "payees",
    "payment_files", "payment_lines", "payment_names_asked", "reconciliations",
    "saved_reports", "sessions",
    "sign_ins", "standing_order_days", "standing_orders",
    "alert_choices", "alert_times",
    "socialaccount_socialaccount", "transaction_notes", "users_groups", "webhooks",
)  # fmt: skip
CHANGES = {
    "approval_requests": "note = 'Mine'",
    "currencies": "name = 'Mine'",
    "households": "name = 'Mine'",
    "budgets": "category = 'theirs'",
    "category_rules": "name = 'Theirs'",
    "own_categories": "category = 'theirs'",
    "payees": "name = 'Theirs'",
    "outside_accounts": "name = 'Mine'",
    "outside_entries": "is_double = true",
    "outside_imports": "name = 'Mine'",
    "payment_files": "refused_count = 1",
    "standing_orders": "ended_why = 'Mine'",
    "alerts": "read_at = now()",
    "alert_choices": "amount = 1",
    "alert_times": "daily_at = '01:00'",
    "saved_reports": "name = 'Theirs'",
    "payment_lines": "verdict = 'No'",
    "reconciliation_lines": "leftover = 'Mine'",
    "reconciliations": "signed_by_id = NULL",
    "account_emailaddress": "verified = false",
    "mfa_authenticator": "type = 'mine'",
    "sessions": "session_data = 'Mine'",
    "webhook_deliveries": "again_at = now()",
    "webhooks": "reason = 'Mine'",
    "api_tokens": "revoked_at = now(), reason = 'Mine'",
}

# The web role has no right to these tables.
NEVER_DELETED = {
    "api_tokens", "approval_requests", "currencies", "households", "webhook_deliveries", "webhooks",
    "standing_orders", "alerts",
}  # fmt: skip


@pytest.fixture
def rows_secured(secured_ana: Account, db: None) -> None:
    """Installs row-level security once for the module."""


@pytest.fixture
def ana(secured_ana: Account) -> Account:
    return deepcopy(secured_ana)


def by_nobody() -> str:
    """Returns the token of a request before its person is known."""
    return token_of(User(pk=NOBODY), RowScope.SIGN_IN)


def row_of(table: str) -> dict[str, Any]:
    """Returns a row of Ana's as the owner reads it, with the columns that the web role may
    insert.
    """
    names = columns_of(table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'{name}::text' for name in names)} FROM {table}")
        return dict(zip(names, cursor.fetchone(), strict=True))


def anew(row: dict[str, Any]) -> dict[str, Any]:
    """Returns the row with another id, so that only a policy can refuse it, and not a unique
    constraint.
    """
    if "code" in row:
        return {**row, "code": "XXX"}
    if "daily_at" in row:
        return {**row, "owner_id": str(uuid4())}
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


@pytest.mark.parametrize("table", ["annotations", "attachments"])
def test_a_customer_writes_nothing_in_the_name_of_the_other_side(table: str, ana: Account) -> None:
    """A trigger refuses the row for other people's payments, and the policy refuses it for a shared
    payment.
    """
    friend = Account.objects.get(name="Friend")
    assert_refused(table, anew(row_of(table)), token_of(friend.user))


def test_a_customer_removes_no_attachment_of_others(ana: Account, eve: Account) -> None:
    for account, count in ((eve, 0), (ana, 1)):
        with web_role(token_of(account.user)) as cursor:
            cursor.execute("DELETE FROM attachments")
            assert cursor.rowcount == count


@pytest.mark.parametrize("table", CHANGES)
def test_a_customer_changes_and_removes_nothing_of_others(
    table: str, ana: Account, eve: Account
) -> None:
    """Uses no condition, so that no policy for SELECT applies."""
    with web_role(token_of(eve.user)) as cursor:
        cursor.execute(f"UPDATE {table} SET {CHANGES[table]}")
        assert cursor.rowcount == 0
        if table not in NEVER_DELETED:
            cursor.execute(f"DELETE FROM {table}")
            assert cursor.rowcount == 0


@pytest.mark.parametrize("to_status", ["frozen", "active"])
def test_a_customer_only_closes_their_own_account(to_status: str, eve: Account) -> None:
    row = {
        "id": uuid4(), "account_id": eve.pk, "from_status": "active", "to_status": to_status,
        "reason": "", "message": "", "created_at": timezone.now(),
    }  # fmt: skip
    assert_refused("account_status_changes", row, token_of(eve.user, RowScope.POSTING))


def test_nobody_inserts_a_session_of_nobody_without_a_token(ana: Account) -> None:
    assert_refused("sessions", {**anew(row_of("sessions")), "user_id": None}, "")


@pytest.mark.parametrize("lives", [False, True])
def test_a_sign_up_lives_with_nobody(lives: bool, ana: Account) -> None:
    home = Household.objects.create(name="Elm Street 4") if lives else None
    row = {
        **anew(row_of("users")), "email": "new@example.com", "is_staff": False,
        "household_id": home and home.pk,
    }  # fmt: skip
    if lives:
        assert_refused("users", row, by_nobody())
    else:
        with web_role(by_nobody()) as cursor:
            holes = ", ".join(["%s"] * len(row))
            cursor.execute(
                f"INSERT INTO users ({', '.join(row)}) VALUES ({holes})", [*row.values()]
            )


def test_a_customer_ends_no_hold_on_their_own_money() -> None:
    mine = AccountFactory(balance="5")
    services.hold(from_account=mine, amount=Decimal(1))
    with web_role(token_of(mine.user)) as cursor:
        cursor.execute("SELECT id FROM transactions WHERE status = 'pending'")
        assert cursor.fetchall()
        cursor.execute("UPDATE transactions SET status = 'voided' WHERE status = 'pending'")
        assert cursor.rowcount == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET is_staff = true WHERE id = %(me)s",
        "UPDATE users SET session_version = 99 WHERE id = %(me)s",
        "INSERT INTO users_groups (user_id, group_id) SELECT %(me)s, id FROM auth_group",
    ],
)
def test_a_customer_gives_themselves_no_right(sql: str, eve: Account) -> None:
    with pytest.raises(ProgrammingError) as refused, web_role(token_of(eve.user)) as cursor:
        cursor.execute(sql, {"me": eve.user.pk})
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "change",
    ["is_staff = true", "is_superuser = true", "household_id = NULL", "session_version = 9",
     "email = 'eve@example.com'", "deleted_at = now()"],
)  # fmt: skip
def test_a_request_of_nobody_changes_no_right_address_or_closing(change: str, ana: Account) -> None:
    with pytest.raises(ProgrammingError) as refused, web_role(by_nobody()) as cursor:
        cursor.execute(f"UPDATE users SET {change}")
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_at_a_sign_in_only_groups_of_the_provider_come_and_go(ana: Account, eve: Account) -> None:
    give = (
        "INSERT INTO users_groups (user_id, group_id)"
        f" SELECT '{eve.user.pk}', id FROM auth_group WHERE name = 'auditor'"
    )
    with web_role(by_nobody()) as cursor:
        cursor.execute("DELETE FROM users_groups")
        assert cursor.rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"), web_role(by_nobody()) as by:
        by.execute(give)
    ProviderGroup.objects.create(name="auditor")
    with web_role(by_nobody()) as cursor:
        cursor.execute("UPDATE users SET is_staff = true WHERE id = %s", [eve.user.pk])
        cursor.execute(
            "INSERT INTO socialaccount_socialaccount (user_id, provider, uid, last_login,"
            " date_joined, extra_data) VALUES (%s, 'oidc', 'eve', now(), now(), '{}')",
            [eve.user.pk],
        )
        cursor.execute(give)
        cursor.execute("DELETE FROM users_groups")
        assert cursor.rowcount == 1


def test_a_customer_writes_no_password_but_their_own(ana: Account, eve: Account) -> None:
    with web_role(token_of(eve.user)) as cursor:
        cursor.execute("UPDATE users SET password = 'x', name = 'Eve Two'")
        assert cursor.rowcount == 1
    eve.user.refresh_from_db()
    ana.user.refresh_from_db()
    assert (eve.user.password, eve.user.name) == ("x", "Eve Two")
    assert ana.user.password != "x"


@pytest.mark.parametrize("scope", [RowScope.OWN, RowScope.DIRECTORY, RowScope.POSTING])
def test_a_customer_changes_no_account_of_others(
    scope: RowScope, ana: Account, eve: Account
) -> None:
    with pytest.raises(ProgrammingError) if scope is RowScope.POSTING else nullcontext():  # noqa: SIM117
        with web_role(token_of(eve.user, scope)) as cursor:
            cursor.execute("UPDATE accounts SET name = 'Mine' WHERE id = %s", [ana.pk])
            assert cursor.rowcount == 0
    ana.refresh_from_db()
    assert ana.name != "Mine"


def payment(**values: object) -> dict[str, object]:
    """Returns the columns of a row of `transactions`."""
    return {
        "id": uuid4(), "amount": 1, "currency": "USD", "type": "transfer", "status": "completed",
        "description": "", "reference": "", "metadata": "{}", "created_at": timezone.now(),
        "value_date": "2026-01-01", **values,
    }  # fmt: skip


def test_a_customer_inserts_no_payment_from_an_account_of_others_or_from_outside(
    ana: Account, eve: Account
) -> None:
    token = token_of(eve.user, RowScope.POSTING)
    row = payment(from_account_id=ana.pk, to_account_id=eve.pk, created_by_id=eve.user.pk)
    assert_refused("public.transactions", row, token)
    outside = {"from_account_id": None, "type": "deposit"}
    assert_refused("public.transactions", {**row, **outside}, token)


def test_a_customer_holds_nothing_to_see_who_somebody_is(ana: Account, eve: Account) -> None:
    row = payment(from_account_id=eve.pk, to_account_id=ana.pk, status="pending")
    assert_refused("public.transactions", row, token_of(eve.user))


GUESSES: dict[str, dict[str, object]] = {
    "account_status_changes": {"from_status": "frozen", "to_status": "active", "message": ""},
    "limit_changes": {"overdraft_limit": 0, "transfer_limit": None, "daily_limit": None},
}
OTHER_GUESSES: dict[str, list[dict[str, object]]] = {
    "account_status_changes": [{}, {"from_status": "closed"}],
    "limit_changes": [{}],
}


@pytest.mark.parametrize("table", GUESSES)
def test_a_refused_insert_does_not_tell_whether_there_is_an_account(
    table: str, ana: Account, eve: Account
) -> None:
    def answer(account: UUID, clerk: User, **changes: object) -> str:
        values = {
            "id": uuid4(), "account_id": account, "reason": "", "changed_by_id": clerk.pk,
            "created_at": timezone.now(), **GUESSES[table], **changes,
        }  # fmt: skip
        holes = ", ".join(["%s"] * len(values))
        with pytest.raises(DatabaseError) as refused, web_role(token_of(eve.user)) as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({holes})", [*values.values()]
            )
        return f"{type(refused.value)} {str(refused.value).splitlines()[0]}"

    answers = {
        answer(account, clerk, **changes)
        for account in (ana.pk, uuid4())
        for clerk in (eve.user, ana.user)  # the account's holder: staff cannot serve themselves
        for changes in OTHER_GUESSES[table]
    }
    assert len(answers) == 1, answers
