"""What a web process may do to the books, and what the database refuses it, whatever it sends."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection
from django.db import transaction as db_transaction
from django.db.models import Model

from accounts import services as account_services
from accounts.models import Account, Currency
from ledger.checks.tables import check_tables
from ledger.db.history import facts
from ledger.db.outages.refused_logins import message_for_refusal
from ledger.db.rights import grants
from ledger.db.rights.grants import LARGE_OBJECTS, grant, grant_rights, settings_of
from ledger.db.rights.registered_tables import TABLES, Table, register
from ledger.web.error_text import described, for_developer
from tests.conftest import set_role
from tests.factories import AccountFactory, UserFactory, balances
from tests.pooler import beside
from transactions import services, staff_services
from transactions.models import Transaction
from transactions.posting import insert
from transactions.posting.checks import apply
from transactions.posting.drafts import prepare
from transactions.posting.locked_accounts import lock_accounts_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Iterator[None]:
    set_role(settings.LEDGER_WEB_ROLE)
    yield
    set_role(None)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    services.hold(from_account=account, amount=Decimal(10))
    account_services.freeze_account(account=AccountFactory(user=account.user), reason="Lost")
    return account


READABLE = """
SELECT rolname, relname FROM pg_roles, pg_class
WHERE rolname = ANY (%s) AND relkind IN ('r', 'p', 'v')
  AND relnamespace = 'public'::regnamespace
  AND has_any_column_privilege(pg_roles.oid, pg_class.oid, 'SELECT')"""
FORBIDDEN = [
    "UPDATE accounts SET balance = 1000000",
    "UPDATE accounts SET held = 0",
    "UPDATE accounts SET last_entry_at = NULL",
    "UPDATE accounts SET currency = 'KWD'",
    "UPDATE accounts SET number = '1'",
    "UPDATE accounts SET user_id = (SELECT id FROM users LIMIT 1)",
    "DELETE FROM accounts",
    "UPDATE transactions SET amount = 1",
    "UPDATE transactions SET created_at = now()",
    "DELETE FROM transactions",
    "TRUNCATE transactions",
    "TRUNCATE accounts CASCADE",
    "DELETE FROM users",
    "UPDATE accounts SET status = 'active'",
    "UPDATE accounts SET closed_at = now()",
    "UPDATE account_status_changes SET reason = ''",
    "DELETE FROM account_status_changes",
    "DELETE FROM django_migrations",
    "INSERT INTO socialaccount_socialapp DEFAULT VALUES",
    "UPDATE socialaccount_socialapp SET client_id = ''",
    "INSERT INTO socialaccount_socialtoken DEFAULT VALUES",
    "ALTER TABLE transactions DISABLE TRIGGER ALL",
    "ALTER TABLE accounts DROP CONSTRAINT balance_non_negative",
    "DROP TABLE transactions CASCADE",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE accounts (balance numeric)",
    "DELETE FROM django_admin_log",
    "UPDATE django_admin_log SET change_message = ''",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "SET session_replication_role = replica",
    "COPY accounts TO PROGRAM 'cat'",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_put(1, 0, 'x')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_reload_conf()",
    "CREATE SCHEMA mine",
    "CREATE EXTENSION hstore",
    "DROP EXTENSION pg_trgm",
    "CREATE FUNCTION extensions.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE mine",
    "ALTER ROLE ledger SET search_path = mine",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_web_process_may_not(sql: str, account: Account, web: None) -> None:
    with (
        pytest.raises(ProgrammingError) as refused,
        db_transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
    assert balances(account) == [100]


def test_no_web_process_points_a_row_to_another_account() -> None:
    """Such as a saved recipient, whom the owner then pays."""
    columns = [
        (model._meta.db_table, field.column)
        for model in apps.get_models() if model._meta.managed
        for field in model._meta.concrete_fields if field.related_model is Account
    ]  # fmt: skip
    with connection.cursor() as cursor:
        found = set[str]()
        for table, column in columns:
            cursor.execute(
                "SELECT has_column_privilege(%s, %s, %s, 'UPDATE')",
                [settings.LEDGER_WEB_ROLE, table, column],
            )
            if cursor.fetchone() == (True,):
                found.add(f"{table}.{column}")
    assert found == set()


def test_every_verb_works_for_a_web_process(account: Account, web: None) -> None:
    other = account_services.open_account(user=UserFactory(), currency="USD")
    paid = services.transfer(from_account=account, to_account=other, amount=Decimal(20))
    services.deposit(to_account=account, amount=Decimal(5))
    services.withdraw(from_account=account, amount=Decimal(5))
    services.reverse(transaction=paid, amount=Decimal(5))
    services.capture(hold=services.hold(from_account=account, amount=Decimal(1)))
    held = services.hold(from_account=account, amount=Decimal(1))
    drafts = [services.Draft(from_account=account, to_account=other, amount=1) for _ in range(30)]
    services.post_batch(drafts)
    assert balances(account, other) == [54, 45]
    assert services.expire_holds() == 0
    clerk = UserFactory(is_staff=True)
    with facts.with_facts(lambda: {"person": str(clerk.pk)}):
        limit = Decimal(9)
        account_services.change_account(
            account=other, name="Rent", daily_limit=limit, changed_by=clerk
        )
        account_services.freeze_account(account=other, reason="Lost card", changed_by=clerk)
        assert staff_services.release(hold=held, reason="Not needed", written_by=clerk)


def test_a_temporary_table_takes_no_tables_place_in_the_triggers(account: Account) -> None:
    """The triggers work with the owner's rights: what they write must be the real thing."""
    item = prepare(services.Draft(to_account=account.pk, amount=Decimal(1)))
    books = lock_accounts_of([item])
    apply(item, books.sides(item), books)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE accounts (LIKE public.accounts)")
        insert.write([item], 1)
        cursor.execute("DROP TABLE pg_temp.accounts")
    assert balances(account) == [101]


def test_nobody_hangs_the_triggers_that_move_balances_on_a_table_of_their_own(
    account: Account,
) -> None:
    """Fed with rows of another table, they would move balances without a payment."""
    with connection.cursor() as cursor:
        cursor.execute("GRANT TEMPORARY ON DATABASE " + connection.settings_dict["NAME"]
                       + " TO ledger_web")  # fmt: skip
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            " AND prorettype = 'trigger'::regtype"
        )
        functions = [name for (name,) in cursor.fetchall()]
        assert len(functions) == 78
        cursor.execute("SET LOCAL ROLE ledger_web")
        cursor.execute("CREATE TEMPORARY TABLE mine AS SELECT * FROM transactions LIMIT 0")
        for function in functions:
            denied = pytest.raises(ProgrammingError, match="permission denied for function")
            with denied, db_transaction.atomic():
                cursor.execute(
                    "CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS added"
                    f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
                )
        cursor.execute("RESET ROLE")


def test_of_what_runs_with_the_rights_of_the_owner_the_web_role_executes_three() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text, has_function_privilege('public', oid, 'EXECUTE')"
            " FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            " AND has_function_privilege('ledger_web', oid, 'EXECUTE')"
        )
        assert set(cursor.fetchall()) == {
            ("session_states()", False),
            ("stop_alert_mails(uuid,text)", False),
            ("tell_of_new_device(uuid)", False),
        }


def test_nobody_makes_large_objects() -> None:
    """They could fill the disk. The functions belong to the superuser, who alone can revoke."""
    with connection.cursor() as cursor:
        cursor.execute(LARGE_OBJECTS)
        assert cursor.fetchall() == []


def test_what_the_web_role_sets_for_itself_is_seen(web: None) -> None:
    """Postgres lets each role do it. The timeouts of docs/rights.md are expected."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE CURRENT_USER SET lock_timeout = '2s'")
        cursor.execute("ALTER ROLE CURRENT_USER SET extra_float_digits = 2")
    assert list(settings_of(connection, "ledger_web")) == ["extra_float_digits=2"]


def test_a_migration_warns_of_what_the_web_role_set(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "settings_of", lambda *_: iter(["search_path=practice"]))
    call_command("migrate", verbosity=0)
    assert "search_path=practice" in caplog.text


def test_the_owner_of_the_tables_is_not_who_serves_the_pages(web: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls,"
            " rolreplication FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("ledger_web", False, False, False, False, False)


def test_rights_are_given_anew_whenever_migrations_run(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT ALL ON accounts TO ledger_web")
        cursor.execute("REVOKE ALL ON transactions FROM ledger_web")
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('ledger_web', 'accounts', 'UPDATE'),"
            " has_table_privilege('ledger_web', 'transactions', 'INSERT')"
        )
        assert cursor.fetchone() == (False, True)


@pytest.mark.django_db(transaction=True)
def test_no_role_loses_a_right_while_migrations_give_them_again() -> None:
    """Processes of the last version continue in the meantime."""
    lost: set[tuple[str, str]] = set()
    with beside() as other:

        def readable() -> set[tuple[str, str]]:
            return set(other.execute(READABLE, [["ledger_web", "ledger_auditor"]]).fetchall())

        def watch(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            result = execute(sql, *rest)
            if sql.startswith(("GRANT", "REVOKE")):
                lost.update(before - readable())
            return result

        before = readable()
        with connection.execute_wrapper(watch):
            call_command("migrate", verbosity=0)

    assert ("ledger_web", "transactions") in before
    assert lost == set()


def test_each_table_of_the_database_is_registered_and_no_other() -> None:
    assert set(TABLES) == set(connection.introspection.table_names(include_views=True))


def test_check_names_a_table_that_no_app_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_tables() == []
    monkeypatch.delitem(TABLES, "payees")
    (found,) = check_tables()
    assert "payees" in found.msg


@pytest.mark.parametrize(("is_on", "level"), [(True, Error), (False, CheckWarning)])
def test_check_names_a_table_of_people_without_a_policy(
    is_on: bool, level: type, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_ROW_SECURITY = is_on
    monkeypatch.setitem(TABLES, "payees", replace(TABLES["payees"], rows="names of recipients"))
    (found,) = check_tables()
    assert isinstance(found, level)
    assert "payees" in found.msg


@pytest.mark.parametrize("hidden_from", ["hidden_from_worker", "hidden_from_auditor"])
def test_a_hidden_column_that_does_not_exist_is_named_and_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, hidden_from: str
) -> None:
    names: Any = {hidden_from: "pasword"}
    wrong = replace(TABLES["users"], **names)
    monkeypatch.setitem(TABLES, "users", wrong)

    (found,) = check_tables()
    assert isinstance(found, Error)
    assert f"users has no column pasword, which {hidden_from} names" in found.msg
    with pytest.raises(ImproperlyConfigured, match="pasword"):
        grant_rights(using="default")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_column_privilege('ledger_worker', 'users', 'password', 'SELECT')"
        )
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize(
    "table",
    [
        {"users": Table(web="", worker="", rows="of nobody", personal_data="none")},
        {"new": Table(web="", worker="", rows="", personal_data="none")},
        {"new": Table(web="", worker="", rows="of nobody", personal_data="")},
    ],
    ids=["twice", "without rows", "without personal data"],
)
def test_a_table_is_registered_once_and_whole(table: dict[str, Table]) -> None:
    with pytest.raises(ImproperlyConfigured):
        register(table)
    assert "new" not in TABLES


def test_a_table_that_nobody_registered_is_closed_to_every_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_nobody (id int)")
        grant_rights(using="default")
        for role in ("ledger_web", "ledger_worker"):
            cursor.execute(
                "SELECT has_table_privilege(%s, 'of_nobody', 'SELECT, INSERT, UPDATE, DELETE')",
                [role],
            )
            assert cursor.fetchone() == (False,), role


def test_a_server_without_the_role_is_left_alone() -> None:
    assert not grant(connection, "nobody_of_that_name", {"users": "SELECT"})


def test_a_misspelled_column_of_a_right_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(TABLES["currencies"], web="SELECT, UPDATE (name, is_opne)")
    monkeypatch.setitem(TABLES, "currencies", wrong)
    (found,) = check_tables()
    assert "currencies has no column is_opne" in found.msg


def test_rights_to_columns_that_a_migration_took_back_are_left_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE half_way (id int, name text, note text)")
        grants = "SELECT, UPDATE (name, added), INSERT (added)"
        grant(connection, "ledger_web", {"half_way": grants})
        cursor.execute(
            "SELECT has_table_privilege('ledger_web', 'half_way', 'SELECT'),"
            " has_column_privilege('ledger_web', 'half_way', 'name', 'UPDATE'),"
            " has_column_privilege('ledger_web', 'half_way', 'note', 'UPDATE'),"
            " has_any_column_privilege('ledger_web', 'half_way', 'INSERT')"
        )
        assert cursor.fetchone() == (True, True, False, False)


@pytest.mark.parametrize(
    ("row", "named"),
    [(Account(), "open_account"), (Transaction(), "transfer"), (Currency(code="EUR"), "")],
)
def test_a_refused_row_of_the_books_names_the_service(row: Model, named: str) -> None:
    with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
        row.save(force_insert=True)
    notes = "".join(getattr(refused.value, "__notes__", []))
    assert named in notes
    assert bool(notes) is bool(named)


@pytest.mark.parametrize(("table", "has_hint"), [("polls_question", True), ("fact_keys", False)])
def test_a_denied_table_that_no_app_registers_gets_a_hint(table: str, has_hint: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE polls_question (id int)")
        cursor.execute("SET LOCAL ROLE ledger_web")
        with pytest.raises(ProgrammingError, match=table) as denied, db_transaction.atomic():
            cursor.execute(f"SELECT * FROM {table}")
        cursor.execute("RESET ROLE")
    notes = "".join(getattr(denied.value, "__notes__", []))
    texts = (notes, described(denied.value), for_developer(denied.value))
    command = message_for_refusal(denied.value) or ""
    assert ["docs/new-app.md" in text for text in (*texts, command)] == [has_hint] * 4
