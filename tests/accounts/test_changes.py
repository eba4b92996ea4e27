"""The history of changes: each write of people, accounts, groups and currencies, however made."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, connections
from django.db import transaction as db_transaction
from django.test import Client

from accounts import services
from accounts.models import Account, Change, Currency, Household, User
from accounts.models.change import RECORDED
from accounts.models.change_triggers import RECORDED_TABLES
from accounts.models.state import NOTED, note_state
from ledger.db.history import facts
from tests.conftest import read_as, set_role
from tests.factories import PASSWORD, AccountFactory, UserFactory, balances
from tests.refusals import refused_by
from transactions import services as payments

pytestmark = pytest.mark.django_db


def newest(**fields: Any) -> Change:
    found: Change = Change.objects.filter(**fields).latest("changed_at")
    return found


def test_bulk_updates_and_raw_sql_are_seen() -> None:
    account = AccountFactory()
    Account.objects.filter(pk=account.pk).update(daily_limit=Decimal(50), name="Rent")
    change = newest(about=account.pk)
    assert (change.table_name, change.action) == ("accounts", "update")
    assert change.before == {"daily_limit": None, "name": "Everyday"}
    assert change.after == {"daily_limit": "50.0000", "name": "Rent"}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET is_staff = true WHERE id = %s", [account.user_id])
    assert newest(about=account.user_id).after == {"is_staff": True}


def test_the_state_of_all_tables_or_of_some_is_noted_once_for_each_row() -> None:
    AccountFactory()
    rows = dict[str, int]()
    with connection.cursor() as cursor:
        for table in RECORDED_TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            (rows[table],) = cursor.fetchone()
        before = list(Change.objects.values_list("pk", flat=True))
        note_state(cursor, ["currencies"])
        noted = Change.objects.exclude(pk__in=before)
        assert Counter(noted.values_list("table_name", "action")) == {
            ("currencies", NOTED): rows["currencies"]
        }
        note_state(cursor)
    found = Counter(noted.values_list("table_name", flat=True))
    assert found - Counter(currencies=rows["currencies"]) == +Counter(rows)


def test_the_facts_of_the_block_are_with_the_row_and_the_role_is_what_it_is() -> None:
    person, account = UserFactory(), AccountFactory()
    said: dict[str, str | None] = {
        "person": str(person.pk),
        "address": "192.0.2.7",
        "path": "/here/",
        "request": "r-1",
    }
    with facts.with_facts(lambda: said):
        facts.set_reason("They asked")
        services.change_account(account=account, name="Rent")
        services.freeze_account(account=account, reason="Stolen")
    renamed, frozen = Change.objects.filter(about=account.pk, action="update").order_by(
        "changed_at"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()::text")
        (session,) = cursor.fetchone()
    for change in (renamed, frozen):
        assert (change.person, change.address, change.path, change.request, change.reason) == (
            person, "192.0.2.7", "/here/", "r-1", "They asked",
        )  # fmt: skip
        assert change.role == connection.settings_dict["USER"]
        assert change.session.startswith(session)
    assert frozen.after == {"status": "frozen"}


@pytest.mark.parametrize("reason", [r"check \u0000", r"a\u0000b", r"\u0000u0041"])
def test_a_backslash_in_a_reason_stays(reason: str) -> None:
    account = AccountFactory()
    with facts.with_facts(lambda: {"path": "/here/\0"}):
        facts.set_reason(reason)
        services.freeze_account(account=account, reason=reason)
    frozen = newest(about=account.pk)
    assert (frozen.reason, frozen.path) == (reason, "/here/")


def test_a_write_that_commits_by_itself_carries_the_facts(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = UserFactory()
    with facts.with_facts(lambda: {"path": "/by-itself/"}):
        assert connection.get_autocommit()
        User.objects.filter(pk=person.pk).update(name="Renamed")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('ledger.facts', true)")
            assert cursor.fetchone()[0] in ("", None), "gone with the transaction"
    assert newest(about=person.pk).path == "/by-itself/"
    User.objects.filter(pk=person.pk).update(name="Again")
    assert newest(about=person.pk).path == ""


def test_groups_memberships_and_permissions_are_in_the_history() -> None:
    person, group = UserFactory(), Group.objects.create(name="tellers")
    permission = Permission.objects.get(codename="view_user")
    person.groups.add(group)
    group.permissions.add(permission)
    person.user_permissions.add(permission)
    assert newest(table_name="users_groups").after == {
        "group": "tellers", "group_id": group.pk,
    }  # fmt: skip
    assert newest(table_name="auth_group_permissions").after == {
        "permission": "accounts.view_user", "permission_id": permission.pk,
    }  # fmt: skip
    assert newest(table_name="auth_group_permissions").about == str(group.pk)
    assert newest(table_name="users_user_permissions").about == str(person.pk)
    pk, group.name = group.pk, "desk"
    group.save()
    group.delete()
    assert newest(table_name="users_groups", action="delete", before__group="desk")
    own = Change.objects.filter(table_name="auth_group", about=str(pk))
    words = own.order_by("changed_at")
    assert [change.action for change in words] == ["insert", "update", "delete"]


def test_currencies_and_sign_in_addresses_are_in_the_history() -> None:
    Currency.objects.create(code="XTS", name="Points", minor_units=1)
    Currency.objects.filter(code="XTS").update(is_open=False)
    assert newest(table_name="currencies", about="XTS").after == {"is_open": False}
    services.change_email(user=UserFactory(), email="new@example.com")
    assert newest(table_name="account_emailaddress", after__email="new@example.com")


def test_a_password_is_never_in_the_history_only_that_it_changed() -> None:
    person = UserFactory(password=PASSWORD)
    person.set_password("another-ledger-demo")
    person.save()
    change = newest(about=person.pk)
    assert (change.before, change.after) == ({"password": None}, {"password": "set anew"})
    for _ in range(2):  # the second time there is none to remove
        person.set_unusable_password()
        person.save()
    told = Change.objects.filter(about=str(person.pk), after__password="removed")
    assert told.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(changes::text, ' ') FROM changes")
        everything = cursor.fetchone()[0]
    assert "md5$" not in everything
    assert person.password not in everything


def test_signing_in_and_payments_are_no_changes(client: Client) -> None:
    account = AccountFactory(balance="100", user=UserFactory(password=PASSWORD))
    other, before = AccountFactory(), Change.objects.count()
    client.login(email=account.user.email, password=PASSWORD)
    payments.transfer(from_account=account, to_account=other, amount=Decimal(1))
    payments.hold(from_account=account, amount=Decimal(1))
    account.user.save()
    assert Change.objects.count() == before


def test_reads_and_payments_are_sent_as_before(django_assert_num_queries: Any) -> None:
    account, other = AccountFactory(balance="100"), AccountFactory()
    with facts.with_facts(dict), django_assert_num_queries(1):
        list(Account.objects.all())
    with django_assert_num_queries(3) as alone:
        payments.transfer(from_account=account, to_account=other, amount=Decimal(1))
    with facts.with_facts(dict), django_assert_num_queries(len(alone)):
        payments.transfer(from_account=account, to_account=other, amount=Decimal(1))
    assert balances(account) == [98]


def test_no_trigger_of_the_history_looks_at_a_column_that_a_payment_writes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_trigger JOIN pg_attribute"
            " ON attrelid = tgrelid AND attnum = ANY (tgattr::int2[])"
            " WHERE tgrelid = 'accounts'::regclass AND tgname LIKE '%%change_is_recorded%%'"
        )
        watched = {name for (name,) in cursor.fetchall()}
    assert watched >= {"name", "status", "overdraft_limit"}
    assert not watched & {"balance", "held", "last_entry_at", "available"}


@pytest.mark.parametrize("role", [None, "ledger_web"])
@pytest.mark.parametrize(
    "sql",
    ["UPDATE changes SET reason = ''", "DELETE FROM changes", "TRUNCATE changes"],
)
def test_nobody_changes_the_history(sql: str, role: str | None) -> None:
    AccountFactory()
    connection.check_constraints()
    set_role(role)
    try:
        if role:
            with pytest.raises(DatabaseError, match="permission denied"), db_transaction.atomic():
                connection.cursor().execute(sql)
        else:
            assert refused_by(sql) in {"change_stays", "changes_stay"}
    finally:
        set_role(None)


def test_the_web_role_forges_no_row_and_is_recorded_all_the_same() -> None:
    account = AccountFactory()
    set_role("ledger_web")
    try:
        with pytest.raises(DatabaseError, match="permission denied"), db_transaction.atomic():
            connection.cursor().execute("INSERT INTO changes SELECT * FROM changes")
        with read_as(account.user), connection.cursor() as cursor:
            cursor.execute("SET pgtrigger.ignore = '{accounts:change_is_recorded}'")
            cursor.execute("UPDATE accounts SET name = 'Mine' WHERE id = %s", [account.pk])
            cursor.execute("RESET pgtrigger.ignore")
    finally:
        set_role(None)
    change = newest(about=account.pk)
    assert (change.role, change.after) == ("ledger_web", {"name": "Mine"})


def test_every_table_with_a_trigger_of_the_history_gets_the_facts() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger"
            " WHERE tgname LIKE '%%change_is_recorded%%'"
            " AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        )
        tables = {name for (name,) in cursor.fetchall()}
    proved = {"reads", "transaction_notes", "django_admin_log", "approval_requests"}
    assert tables | proved | {"account_status_changes", "limit_changes"} == RECORDED
    assert facts.send_facts in connections["default"].execute_wrappers


def test_a_move_between_households_of_one_name_is_in_the_history() -> None:
    old, new = (Household.objects.create(name="Elm 4") for _ in range(2))
    person = UserFactory(household=old)
    User.objects.filter(pk=person.pk).update(household=new)
    change = newest(about=person.pk)
    assert change.before == {"household_id": str(old.pk)}
    assert change.after == {"household_id": str(new.pk)}
