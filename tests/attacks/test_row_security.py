"""Raw SQL as the web role, with row-level security on: what injected SQL would see and change."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApprovalRequest, User
from ledger.db.row_security import LIFETIME, NOBODY, SETTING, RowScope
from tests.attacks.rows import rows_of_a_customer, token_of, web_role
from tests.factories import PASSWORD, AccountFactory, UserFactory
from transactions import services
from transactions.row_security import installation
from transactions.row_security.policies import OPEN, POLICIES, VIEWS

pytestmark = pytest.mark.django_db
PROTECTED = sorted([*POLICIES, *VIEWS])
OTHER_KEY = b"x" * 32


@pytest.fixture(autouse=True)
def row_security(settings: Any, db: None) -> None:
    settings.LEDGER_ROW_SECURITY = True
    installation.apply()


@pytest.fixture
def ana() -> Account:
    return rows_of_a_customer()


@pytest.fixture
def eve() -> Account:
    """Another customer, who has nothing to do with Ana."""
    account: Account = AccountFactory(balance="5")
    return account


def count(table: str, token: str | None) -> int:
    with web_role(token) as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (number,) = cursor.fetchone()
    return int(number)


def without_signature(person: User) -> str:
    return f"{person.pk} {RowScope.STAFF.value} {int(time.time()) + LIFETIME}"


def tampered(person: User) -> str:
    """Ana's own token, with the scope of staff written into it."""
    whose, _scope, rest = token_of(person).split(" ", 2)
    return f"{whose} {RowScope.STAFF.value} {rest}"


BAD_TOKENS = {
    "missing": lambda person: None,
    "empty": lambda person: "",
    "the plain id": lambda person: str(person.pk),
    "without a signature": without_signature,
    "with an empty signature": lambda person: without_signature(person) + " ",
    "with a NULL of text": lambda person: without_signature(person) + " NULL",
    "signed by another key": lambda person: token_of(person, RowScope.STAFF, key=OTHER_KEY),
    "stale": lambda person: token_of(person, RowScope.STAFF, expires=int(time.time()) - 1),
    "with another scope": tampered,
}


def test_ana_has_a_row_in_every_protected_table(ana: Account) -> None:
    for table in PROTECTED:
        assert count(table, token_of(ana.user, RowScope.STAFF)) or table == "annotations", table
    assert count("annotations", token_of(ana.user)) == 1


@pytest.mark.parametrize("bad", BAD_TOKENS)
def test_a_bad_token_sees_no_row_of_any_table(bad: str, ana: Account) -> None:
    token = BAD_TOKENS[bad](ana.user)
    assert [table for table in PROTECTED if count(table, token)] == []


def test_another_customers_token_sees_nothing_of_ana(ana: Account, eve: Account) -> None:
    token = token_of(eve.user)
    seen = {table: count(table, token) for table in PROTECTED}
    # Herself; her deposit and its outside.
    opening = {"users": 1, "accounts": 1, "transactions": 1, "entries": 2}
    assert seen == dict.fromkeys(PROTECTED, 0) | opening
    with web_role(token) as cursor:
        cursor.execute("SELECT id FROM accounts")
        assert cursor.fetchall() == [(eve.pk,)]


def test_a_customer_sees_their_own_rows_and_the_accounts_they_have_paid(ana: Account) -> None:
    token = token_of(ana.user)
    seen = {table: count(table, token) for table in PROTECTED}
    assert seen == dict.fromkeys(PROTECTED, 1) | {
        "users": 2,  # and her friend
        "accounts": 2,
        "transactions": 2,
        "entries": 4,
        "approval_requests": 0,
        "audit_runs": 0,
        "changes": 0,
        "reads": 0,
    }


def facts_of(account: Account, token: str) -> dict[str, Any]:
    """What the web role reads of an account."""
    with web_role(token) as cursor:
        cursor.execute("SELECT * FROM accounts WHERE id = %s", [account.pk])
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def test_of_the_other_side_a_customer_reads_name_and_number_alone(ana: Account) -> None:
    friend = Account.objects.get(name="Friend")
    seen = facts_of(friend, token_of(ana.user))
    assert (seen["number"], seen["name"], seen["currency"]) == (friend.number, "Friend", "USD")
    shown = {name for name, value in seen.items() if value is not None}
    assert shown == {"id", "user_id", "number", "name", "currency", "minor_units"}
    own = facts_of(ana, token_of(ana.user))
    assert (own["balance"], own["daily_limit"], own["status"]) == (90, 500, "frozen")
    assert facts_of(friend, token_of(ana.user, RowScope.DIRECTORY))["status"] == "active"
    assert facts_of(friend, token_of(ana.user, RowScope.DIRECTORY))["balance"] is None
    assert facts_of(friend, token_of(ana.user, RowScope.STAFF))["balance"] == 10


def test_no_function_in_a_query_sees_what_a_mask_hides(ana: Account) -> None:
    """A condition that fails, or tells the values that it meets, meets no balance of others."""
    with web_role(token_of(ana.user)) as cursor:
        cursor.execute("SELECT set_config('a.seen', '', true)")
        cursor.execute(
            "SELECT count(*) FROM accounts WHERE set_config('a.seen',"
            " current_setting('a.seen') || ' ' || coalesce(balance::text, '-'), true) <> ''"
        )
        cursor.execute("SELECT current_setting('a.seen')")
        (seen,) = cursor.fetchone()
    assert sorted(seen.split()) == ["-", "90.0000"]


def test_the_directory_shows_accounts_but_no_payments_of_others(ana: Account, eve: Account) -> None:
    for scope in (RowScope.DIRECTORY, RowScope.POSTING):
        token = token_of(eve.user, scope)
        assert count("accounts", token) == 3
        assert count("transactions", token) == 1


def test_staff_see_every_row_but_notes_of_customers(ana: Account, eve: Account) -> None:
    def empty(scope: RowScope) -> set[str]:
        token = token_of(eve.user, scope)
        return {table for table in PROTECTED if not count(table, token)}

    assert empty(RowScope.STAFF) == {"annotations"}
    assert empty(RowScope.BANK) == {"annotations", *SIGN_IN_TABLES} - {"users_groups"}


SIGN_IN_TABLES = {
    "account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "sessions",
    "sign_ins", "socialaccount_socialaccount", "socialaccount_socialtoken",
}  # fmt: skip
RIGHTS_TABLES = {"users", "users_groups", "users_user_permissions"}


def test_who_signs_in_is_found_and_nothing_else(ana: Account, eve: Account) -> None:
    """The scope of a request whose person is not known yet."""
    token = token_of(User(pk=NOBODY), RowScope.SIGN_IN)
    seen = {table for table in PROTECTED if count(table, token)}
    assert seen == SIGN_IN_TABLES | RIGHTS_TABLES
    assert person_of(ana.user, token)["password"] == ana.user.password


def person_of(person: User, token: str) -> dict[str, Any]:
    """What the web role reads of a person."""
    with web_role(token) as cursor:
        cursor.execute("SELECT * FROM users WHERE id = %s", [person.pk])
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def test_of_a_person_paid_before_a_customer_reads_the_name_alone(ana: Account) -> None:
    friend = Account.objects.get(name="Friend").user
    seen = person_of(friend, token_of(ana.user))
    assert {name for name, value in seen.items() if value is not None} == {"id", "name"}
    assert person_of(ana.user, token_of(ana.user))["password"] == ana.user.password


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
    with pytest.raises(ProgrammingError) if scope is RowScope.POSTING else nothing():  # noqa: SIM117
        with web_role(token_of(eve.user, scope)) as cursor:
            cursor.execute("UPDATE accounts SET name = 'Mine' WHERE id = %s", [ana.pk])
            assert cursor.rowcount == 0
    ana.refresh_from_db()
    assert ana.name != "Mine"


@contextmanager
def nothing() -> Iterator[None]:
    yield


def test_a_customer_inserts_no_payment_from_an_account_of_others_or_from_outside(
    ana: Account, eve: Account
) -> None:
    from transactions.posting import insert

    for sender, recipient in ((ana.pk, eve.pk), (None, eve.pk)):
        columns = {
            "id": uuid.uuid4(), "from_account_id": sender, "to_account_id": recipient,
            "amount": 1, "currency": "USD", "type": "transfer" if sender else "deposit",
            "status": "completed", "description": "", "reference": "", "metadata": "{}",
            "created_at": timezone.now(), "value_date": "2026-01-01",
        }  # fmt: skip
        assert {*columns} < {*insert.COLUMNS}
        names, holes = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with (
            pytest.raises(ProgrammingError, match="row-level security") as refused,
            web_role(token_of(eve.user, RowScope.POSTING)) as cursor,
        ):
            cursor.execute(
                f"INSERT INTO transactions ({names}) VALUES ({holes})", [*columns.values()]
            )
        assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


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
    def answer(account: uuid.UUID, clerk: User, **changes: object) -> str:
        values = {
            "id": uuid.uuid4(), "account_id": account, "reason": "", "changed_by_id": clerk.pk,
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
        for account in (ana.pk, uuid.uuid4())
        for clerk in (eve.user, ana.user)  # the account's holder: nobody serves their own
        for changes in OTHER_GUESSES[table]
    }
    assert len(answers) == 1, answers


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM row_security.keys",
        "SELECT row_security.claims()",
        "INSERT INTO row_security.keys VALUES ('a', 'b')",
        "INSERT INTO row_security.counterparties SELECT id, id FROM accounts",
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.accounts DISABLE ROW LEVEL SECURITY",
        "DROP POLICY reads ON public.accounts",
        "SELECT id FROM public.accounts",
        "UPDATE public.accounts SET name = 'Mine'",
        "CREATE VIEW ledger_web.changes AS SELECT 1",
        "SELECT email FROM public.users",
        "SELECT row_security.write_users()",
        "ALTER VIEW accounts SET (security_invoker = true)",
        "SELECT row_security.write_accounts()",
        "ALTER VIEW entries SET (security_invoker = false)",
        "CREATE FUNCTION row_security.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_the_web_role_can_neither_read_keys_nor_change_policies(sql: str, eve: Account) -> None:
    with (
        pytest.raises(ProgrammingError) as refused,
        web_role(token_of(eve.user, RowScope.STAFF)) as cursor,
    ):
        cursor.execute(sql)
    assert isinstance(
        refused.value.__cause__,
        psycopg.errors.InsufficientPrivilege | psycopg.errors.WrongObjectType,
    )


def test_the_web_role_cannot_become_the_owner_of_the_views(eve: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role('ledger_web', 'ledger_web_rows', 'MEMBER')")
        assert cursor.fetchone() == (False,)


def test_row_security_off_in_a_session_is_an_error_not_a_way_around(eve: Account) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        web_role(token_of(eve.user)) as cursor,
    ):
        cursor.execute("SET LOCAL row_security = off; SELECT * FROM accounts")


def test_every_table_has_policies_or_a_reason_to_have_none() -> None:
    """A new table belongs into POLICIES or OPEN."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relrowsecurity FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'public'::regnamespace"
        )
        secured = dict(cursor.fetchall())
    assert {name for name, is_secured in secured.items() if is_secured} == {*POLICIES}
    assert {name for name, is_secured in secured.items() if not is_secured} == {*OPEN}


def test_the_lines_of_a_file_that_waits_for_approval_stay(ana: Account, eve: Account) -> None:
    file = ana.payment_files.get()
    ApprovalRequest.objects.create(
        kind="payment_file", transaction_id=file.pk, from_account=ana, amount=file.waiting_total,
        currency="USD", parameters={"lines": file.waiting_count}, reason="Asked",
        requested_by=UserFactory(is_staff=True), expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="stay"), web_role(token_of(ana.user)) as cursor:
        cursor.execute(
            "UPDATE payment_lines SET to_account_id = %s WHERE file_id = %s", [eve.pk, file.pk]
        )


def test_switched_off_nothing_of_it_is_left(settings: Any, ana: Account, eve: Account) -> None:
    settings.LEDGER_ROW_SECURITY = False
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert installation.apply()
    assert count("accounts", None) == 3
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND (relrowsecurity OR reloptions::text ~ 'invoker')"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_policies WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'row_security'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT to_regnamespace('row_security')")
        assert cursor.fetchone() == (None,)
        cursor.execute("SELECT to_regnamespace('ledger_web')")
        assert cursor.fetchone() == (None,)
        cursor.execute("SELECT has_table_privilege('ledger_web_rows', 'accounts', 'SELECT')")
        assert cursor.fetchone() == (False,)
    assert not installation.apply()


def test_a_migration_finds_the_tables_without_views(ana: Account, eve: Account) -> None:
    """A view would keep a column from changing. The policies stand meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    views = "SELECT count(*) FROM pg_class WHERE relnamespace = 'ledger_web'::regnamespace"
    installation.lift_masks_before_migration(plan=[])
    with connection.cursor() as cursor:
        cursor.execute(views)
        assert cursor.fetchone() == (2,)
    installation.lift_masks_before_migration(plan=["a migration"])
    assert count("public.accounts", token_of(eve.user)) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace('ledger_web')")
        assert cursor.fetchone() == (None,)
    assert installation.apply()
    assert facts_of(ana, token_of(ana.user))["balance"] == 90


def test_a_secret_key_that_changes_keeps_the_old_tokens_only_as_a_fallback(
    settings: Any, eve: Account
) -> None:
    old, before = token_of(eve.user), settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    settings.SECRET_KEY_FALLBACKS = [before]
    installation.apply()
    assert count("accounts", old) == count("accounts", token_of(eve.user)) == 1
    settings.SECRET_KEY_FALLBACKS = []
    installation.apply()
    assert count("accounts", old) == 0
    assert count("accounts", token_of(eve.user)) == 1


def test_a_person_signs_in_and_pages_show_only_ones_own(
    client: Client, ana: Account, eve: Account
) -> None:
    eve.user.set_password(PASSWORD)
    eve.user.save()
    EmailAddress.objects.create(user=eve.user, email=eve.user.email, verified=True, primary=True)
    form = {"login": eve.user.email, "password": PASSWORD}
    assert client.post("/account/login/", form).status_code == 302
    for path in ("/", "/accounts/", f"/accounts/{eve.pk}/", "/search/?q=lunch", "/reports/"):
        response = client.get(path)
        assert response.status_code == 200, path
        assert b"Lunch" not in response.content
    assert client.get(f"/accounts/{ana.pk}/").status_code == 404
    number = AccountFactory(name="New").number
    form = {
        "id": str(uuid.uuid4()), "from_account": str(eve.pk), "number": number, "amount": "2",
        "description": "", "reference": "",
    }  # fmt: skip
    assert client.post("/transfers/new/", form).status_code == 200


class TestTokens:
    """How requests bring their token, with a connection that commits."""

    @pytest.fixture(autouse=True)
    def clean(self, transactional_db: None, settings: Any) -> Iterator[None]:
        settings.LEDGER_ROW_SECURITY = True
        installation.apply()
        yield
        settings.LEDGER_ROW_SECURITY = settings.ROW_SECURITY_OF_TESTS
        installation.apply()

    def test_no_token_outlives_its_statement_or_its_transaction(self, client: Client) -> None:
        account = AccountFactory()
        services.deposit(to_account=account, amount=Decimal(10), description="Salary")
        client.force_login(account.user)
        assert client.get(f"/accounts/{account.pk}/").status_code == 200
        csv = client.get(f"/accounts/{account.pk}/statement.csv").getvalue()
        assert b"Salary" in csv
        left = connection.connection.execute(
            f"SELECT coalesce(current_setting('{SETTING}', true), '')"
        ).fetchone()
        assert left == ("",)

    def test_readyz_says_when_process_and_database_differ(
        self, client: Client, settings: Any
    ) -> None:
        assert client.get("/readyz").status_code == 200
        with changed(settings, SECRET_KEY="another" * 10):
            answer = client.get("/readyz")
        assert (answer.status_code, "key" in answer.json()["problem"]) == (503, True)
        with changed(settings, LEDGER_ROW_SECURITY=False):
            answer = client.get("/readyz")
        assert (answer.status_code, "off here" in answer.json()["problem"]) == (503, True)


@contextmanager
def changed(settings: Any, **values: Any) -> Iterator[None]:
    before = {name: getattr(settings, name) for name in values}
    for name, value in values.items():
        setattr(settings, name, value)
    yield
    for name, value in before.items():
        setattr(settings, name, value)
