"""Changes that the owner of the tables makes with disabled triggers. The audit compares each row
with its recorded changes, and finds the difference.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission
from django.db import connection

from accounts import services as account_services
from accounts.groups import MANAGER, OPERATIONS, PERMISSIONS, ensure_groups
from accounts.models import Account, Change, Currency, Household, User
from accounts.models.change_triggers import RECORDED_TABLES
from accounts.models.state import note_state
from tests.conftest import colleague
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.transactions.audit.breaking import found
from transactions.audit.audit import audit
from transactions.audit.checks.recorded import CHECKS_OF_TABLES, recorded
from transactions.privacy.erasure import erase

pytestmark = pytest.mark.django_db


def unseen(table: str, sql: str, *parameters: Any) -> None:
    """Runs a statement with disabled triggers, which only the owner can do."""
    with walls_down(table) as cursor:
        cursor.execute(sql, parameters)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account_services.change_account(account=account, daily_limit=Decimal(50))


@pytest.mark.parametrize(
    ("column", "value", "words", "before"),
    [
        ("overdraft_limit", "900", "overdraft limit 900.00 USD", "overdraft limit 0.00 USD"),
        ("daily_limit", "900", "daily limit 900.00 USD", "daily limit 50.00 USD"),
        ("daily_limit", None, "daily limit no limit", "daily limit 50.00 USD"),
        ("transfer_limit", "7", "transfer limit 7.00 USD", "transfer limit no limit"),
        ("name", "Rent", "name Rent", "name Everyday"),
    ],
)
def test_a_limit_or_name_that_nobody_set_is_found(
    account: Account, column: str, value: Any, words: str, before: str
) -> None:
    assert audit().clean
    unseen("accounts", f"UPDATE accounts SET {column} = %s WHERE id = %s", value, account.pk)
    finding = found("account")
    assert (finding.account, finding.found.replace("\xa0", " "), finding.broken) == (
        str(account.pk), words, 1,
    )  # fmt: skip
    assert finding.expected.replace("\xa0", " ") == before
    assert "disabled" in finding.sentence, "it says what to do"


def test_another_owner_of_an_account_is_found(account: Account) -> None:
    thief = UserFactory()
    sql = "UPDATE accounts SET user_id = %s WHERE id = %s"
    unseen("accounts", sql, thief.pk, account.pk)
    finding = found("account")
    assert (finding.found, finding.expected) == (f"owner {thief.pk}", f"owner {account.user_id}")
    assert finding.account == str(account.pk)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("is_superuser = true", "superuser yes"),
        ("is_staff = true", "right to enter the admin yes"),
        ("deleted_at = NULL", "closing of the sign-in empty"),
        ("email = 'thief@example.com'", "address thief@example.com"),
        ("household_id = NULL", "household empty"),
    ],
)
def test_rights_that_nobody_gave_are_found(change: str, words: str) -> None:
    person = UserFactory(
        household=Household.objects.create(name="Elm 4"),
        deleted_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert audit().clean
    unseen("users", f"UPDATE users SET {change} WHERE id = %s", person.pk)
    finding = found("person")
    assert finding.found == words
    assert str(person.pk) in finding.sentence


def test_a_superuser_inserted_without_triggers_is_found() -> None:
    person = UserFactory()
    with walls_down("users") as cursor:
        cursor.execute(
            "INSERT INTO users SELECT (jsonb_populate_record(users, jsonb_build_object("
            "'id', gen_random_uuid(), 'email', 'x@example.com', 'is_superuser', true))).*"
            " FROM users WHERE id = %s RETURNING id",
            [person.pk],
        )
        (forged,) = cursor.fetchone()
    finding = found("person")
    people = RECORDED_TABLES["users"]
    own = {"email", "name", "deleted_at", "is_staff", "is_superuser", "household_id"}
    assert own <= people.values.keys() - set(people.looked_up)
    assert finding.broken == len(people.values) - len(people.looked_up), "each of its values"
    assert "the history does not contain this addition" in finding.sentence
    assert str(forged) in finding.sentence


def test_memberships_and_permissions_that_nobody_gave_or_took_are_found() -> None:
    person, clerk = UserFactory(), colleague(OPERATIONS, "Clerk")
    boss = ensure_groups()[MANAGER]
    assert audit().clean
    unseen(
        "users_groups", "INSERT INTO users_groups (user_id, group_id) VALUES (%s, %s)",
        person.pk, boss.pk,
    )  # fmt: skip
    assert found("membership").found == "group manager"
    assert str(person.pk) in found("membership").sentence
    unseen("users_groups", "DELETE FROM users_groups")
    assert found("membership").expected == f"group {OPERATIONS}"
    assert str(clerk.pk) in found("membership").sentence
    right = Permission.objects.get(codename="change_limits")
    unseen(
        "auth_group_permissions",
        "INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (%s, %s)",
        ensure_groups()[OPERATIONS].pk, right.pk,
    )  # fmt: skip
    assert OPERATIONS in found("permission").sentence
    unseen("auth_group_permissions", "DELETE FROM auth_group_permissions")
    unseen(
        "users_user_permissions",
        "INSERT INTO users_user_permissions (user_id, permission_id) VALUES (%s, %s)",
        person.pk, right.pk,
    )  # fmt: skip
    assert str(person.pk) in found("permission").sentence


@pytest.mark.parametrize(("old", "new"), [("view_seal", "give_groups"), ("view_seal", "x")])
def test_a_right_under_the_name_of_another_is_found(old: str, new: str) -> None:
    """Renames a permission, so that the groups with the old permission have the new one. No
    membership and no group has changed.
    """
    ensure_groups()
    assert audit().clean
    with connection.cursor() as cursor:
        sql = "UPDATE auth_permission SET codename = %s WHERE codename = %s"
        cursor.execute(sql, ["y", new])
        cursor.execute(sql, [new, old])
    finding = found("permissions of a group")
    groups_with_it = [name for name, held in PERMISSIONS.items() if f"transactions.{old}" in held]
    groups_with_the_new = [name for name, held in PERMISSIONS.items() if f"accounts.{new}" in held]
    assert finding.broken == len({*groups_with_it, *groups_with_the_new})
    assert f"transactions.{new}" in finding.sentence
    assert f"it lacks transactions.{old}" in finding.sentence


def test_a_group_with_other_permissions_than_its_table_is_found() -> None:
    """The audit finds the change even if the history contains it, because the owner of the tables
    made the change with SQL.
    """
    operations = ensure_groups()[OPERATIONS]
    operations.permissions.add(Permission.objects.get(codename="change_limits"))
    assert "it also has accounts.change_limits" in found("permissions of a group").sentence
    ensure_groups()
    operations.permissions.remove(Permission.objects.get(codename="run_audit"))
    assert "it lacks transactions.run_audit" in found("permissions of a group").sentence
    ensure_groups()
    assert audit().clean


def test_an_address_factor_or_provider_that_nobody_added_is_found() -> None:
    person, other = UserFactory(), UserFactory()
    EmailAddress.objects.create(user=person, email=person.email, primary=True)
    Authenticator.objects.create(user=person, type="totp", data={})
    SocialAccount.objects.create(user=person, provider="oidc", uid="1")
    assert audit().clean
    unseen("account_emailaddress", "UPDATE account_emailaddress SET verified = true")
    finding = found("sign-in address")
    assert finding.found == "verified yes"
    assert str(person.pk) in finding.sentence
    for table, check in (
        ("mfa_authenticator", "factor"),
        ("socialaccount_socialaccount", "provider"),
    ):
        unseen(table, f"UPDATE {table} SET user_id = %s", other.pk)
        assert found(check).broken >= 2, "gone here, new there"


def test_a_currency_group_or_household_changed_unseen_is_found() -> None:
    Currency.objects.create(code="XTS", name="Points", minor_units=1)
    Household.objects.create(name="Elm 4")
    Group.objects.create(name="tellers")
    assert audit().clean
    unseen("currencies", "UPDATE currencies SET is_open = false WHERE code = 'XTS'")
    unseen("households", "UPDATE households SET name = 'Elm 5'")
    unseen("auth_group", "UPDATE auth_group SET name = 'bosses' WHERE name = 'tellers'")
    assert "XTS" in found("listed currency").sentence
    assert found("household").found == "name Elm 5"
    assert found("group").expected == "name tellers"


def test_a_change_taken_out_of_the_middle_of_a_history_is_found(account: Account) -> None:
    account_services.change_account(account=account, daily_limit=Decimal(70))
    account_services.change_account(account=account, daily_limit=Decimal(80))
    raised = Change.objects.get(about=str(account.pk), after__daily_limit="70.0000")
    assert audit().clean
    unseen("changes", "DELETE FROM changes WHERE id = %s", raised.pk)
    finding = found("account")
    assert (finding.found.replace("\xa0", " "), finding.expected.replace("\xa0", " ")) == (
        "daily limit 70.00 USD", "daily limit 50.00 USD",
    )  # fmt: skip
    assert "missing from the history" in finding.sentence
    assert finding.account == str(account.pk)
    gone = found("missing row")
    assert (gone.account, gone.expected) == (str(account.pk), f"changes: {raised.pk}")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("accounts", "about = ''"),
        ("auth_group", "about = ''"),
        ("accounts", """after = after || '{"daily_limit": "x"}'"""),
        ("accounts", """after = after || '{"daily_limit": []}'"""),
        ("users_groups", """after = after || '{"group_id": "x"}'"""),
    ],
)
def test_a_history_that_was_forged_into_no_id_or_amount_is_found(
    table: str, change: str, account: Account
) -> None:
    colleague(OPERATIONS, "Clerk")
    unseen("changes", f"UPDATE changes SET {change} WHERE table_name = %s", table)
    assert found(CHECKS_OF_TABLES[table]).sentence


def test_changes_by_the_owner_with_triggers_are_clean_in_any_time_zone(account: Account) -> None:
    person, group = account.user, Group.objects.create(name="tellers")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'Asia/Kathmandu'")
        cursor.execute("UPDATE users SET deleted_at = now(), is_staff = true")
        cursor.execute("SET LOCAL timezone = 'UTC'")
        cursor.execute("UPDATE accounts SET overdraft_limit = 5")
    person.groups.add(group)
    group.name = "desk"
    group.save()
    person.groups.clear()
    person.groups.add(group)
    group.delete()
    assert audit().clean


def test_a_row_that_moves_to_another_person_is_in_both_histories() -> None:
    person, other = UserFactory(), UserFactory()
    EmailAddress.objects.create(user=person, email="a@example.com")
    Authenticator.objects.create(user=person, type="totp", data={})
    EmailAddress.objects.update(user=other)
    Authenticator.objects.update(user=other)
    for table in ("account_emailaddress", "mfa_authenticator"):
        moves = Change.objects.filter(table_name=table).order_by("changed_at")
        assert [(change.action, change.about) for change in moves] == [
            ("insert", str(person.pk)), ("delete", str(person.pk)), ("insert", str(other.pk)),
        ]  # fmt: skip
    assert audit().clean


def test_rows_older_than_the_history_are_compared_from_where_they_were_noted(
    account: Account,
) -> None:
    unseen("changes", "DELETE FROM changes WHERE action <> 'update'")
    left = "SELECT id::text FROM changes"
    unseen("row_register", "DELETE FROM row_register WHERE table_name = 'changes'"
           f" AND row_id NOT IN ({left})")  # fmt: skip
    assert found("account").account == str(account.pk)
    with connection.cursor() as cursor:
        note_state(cursor)
    assert audit().clean
    account_services.change_account(account=account, overdraft_limit=Decimal(5))
    assert audit().clean
    unseen("accounts", "UPDATE accounts SET overdraft_limit = 6")
    assert found("account").expected.replace("\xa0", " ") == "overdraft limit 5.00 USD"


@pytest.mark.parametrize("tables", [["accounts"], ["users", "accounts"]])
def test_a_table_that_is_noted_again_leaves_the_history_of_the_others(
    account: Account, tables: list[str]
) -> None:
    """Tests a migration that adds a value to the history of a table, and a second migration for the
    same table.
    """
    for limit in (5, 6):
        with connection.cursor() as cursor:
            note_state(cursor, tables)
        account_services.change_account(account=account, overdraft_limit=Decimal(limit))
        assert audit().clean
    unseen("accounts", "UPDATE accounts SET overdraft_limit = 7")
    assert found("account").expected.replace("\xa0", " ") == "overdraft limit 6.00 USD"
    unseen("currencies", "UPDATE currencies SET name = 'Euros' WHERE code = 'EUR'")
    assert found("listed currency")


def test_who_was_erased_is_clean_and_a_name_cut_out_of_the_history_is_not(account: Account) -> None:
    account_services.close_account(account=AccountFactory(user=account.user))
    person = UserFactory(deleted_at=datetime(2020, 1, 1, tzinfo=UTC))
    EmailAddress.objects.create(user=person, email=person.email, primary=True)
    erase(person)
    assert audit().clean
    unseen(
        "changes",
        "UPDATE changes SET after = after - 'email' WHERE about = %s",
        str(account.user_id),
    )
    unseen("users", "UPDATE users SET email = 'thief@example.com' WHERE id = %s", account.user_id)
    assert found("person").found == "address thief@example.com"
    unseen("accounts", "UPDATE accounts SET name = 'Account' WHERE id = %s", account.pk)
    assert found("account").found == "name Account", "its history has a name"


def test_every_recorded_table_is_compared() -> None:
    assert CHECKS_OF_TABLES.keys() == RECORDED_TABLES.keys()


def test_a_clean_audit_of_the_last_days_covers_these_findings_too(account: Account) -> None:
    unseen("accounts", "UPDATE accounts SET overdraft_limit = 5")
    assert not audit(since=datetime.now(UTC)).clean


def test_history_of_a_person_without_changes_is_one_row() -> None:
    """With one row per person, the audit can compare nearly all rows as a whole."""
    person: User = UserFactory()
    assert Change.objects.filter(about=str(person.pk)).count() == 1


def test_a_setting_starts_from_its_default_where_the_history_is_older(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The daily limit represents a column that was added after the account was opened."""
    account = AccountFactory()
    monkeypatch.setattr(
        "transactions.audit.checks.recorded._defaults", lambda: {"daily_limit": None}
    )
    without = "UPDATE changes SET after = after - 'daily_limit' WHERE about = %s"
    unseen("changes", without, str(account.pk))
    assert list(recorded()) == []
    for limit in (Decimal(50), None):
        account_services.change_account(account=account, daily_limit=limit, reason="Wish")
        assert list(recorded()) == []
    unseen("accounts", "UPDATE accounts SET daily_limit = 60 WHERE id = %s", account.pk)
    (finding,) = recorded()
    assert finding.account == str(account.pk)
