"""Row-level security on one connection that serves one person after another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db import transaction as db_transaction
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import include, path

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from ledger.db.rights.row_security import SETTING, RowScope, SignedReader, reading
from tests.attacks.walk import patterns
from tests.conftest import colleague, set_role, signed_in
from tests.factories import AccountFactory
from transactions import services
from transactions.row_security import installation
from transactions.row_security.middleware import FINDS_OTHERS, row_scope_of

pytestmark = pytest.mark.django_db(transaction=True)
KEEP_TOKEN = f"SELECT set_config('{SETTING}', current_setting('{SETTING}'), false)"
KEEP_ROWS = "DECLARE kept CURSOR WITH HOLD FOR SELECT number FROM accounts"
PROVIDER_PAGES = {"openid_connect_callback", "socialaccount_signup"}  # only with a provider
BALANCES = "SELECT id FROM accounts WHERE balance IS NOT NULL"


def smuggled(request: HttpRequest) -> JsonResponse:
    """Runs any SQL and returns its rows: a page with a hole."""
    assert request.user.is_authenticated
    with connection.cursor() as cursor:
        cursor.execute(request.GET["sql"])
        rows = cursor.fetchall() if cursor.description else []
    return JsonResponse({"rows": [[str(value) for value in row] for row in rows]})


urlpatterns = (
    path("hole/", smuggled),
    path("account/hole/", smuggled),
    path("account/finds/", smuggled, name="account_login"),
    path("", include("ledger.urls")),
)


@pytest.fixture(autouse=True)
def own_pages(settings: Any, rows_secured: None) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def ana() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


@pytest.fixture
def eve() -> Account:
    account: Account = AccountFactory(balance="5")
    return account


@pytest.fixture
def clerk() -> User:
    return colleague(OPERATIONS, "Clerk")


def run(client: Client, sql: str, page: str = "/hole/") -> list[list[str]]:
    rows: list[list[str]] = client.get(page, {"sql": sql}).json()["rows"]
    return rows


def run_bare(sql: str) -> list[Any]:
    """Returns the rows of a query of the web role without a reader."""
    set_role("ledger_web")
    try:
        rows: list[Any] = connection.connection.execute(sql).fetchall()
    finally:
        set_role(None)
    return rows


def test_sql_smuggled_into_a_customers_page_sees_their_rows_alone(
    ana: Account, eve: Account, clerk: User
) -> None:
    assert run(signed_in(eve.user), BALANCES) == [[str(eve.pk)]]
    assert len(run(signed_in(clerk), BALANCES)) == 2
    assert run(signed_in(ana.user), BALANCES) == [[str(ana.pk)]]


@pytest.mark.parametrize("column", ["email", "password"])
def test_below_account_too_it_sees_no_address_and_no_hash_of_others(
    column: str, ana: Account, eve: Account, clerk: User
) -> None:
    sql = f"SELECT id FROM users WHERE {column} IS NOT NULL"
    assert run(signed_in(eve.user), sql, "/account/hole/") == [[str(eve.user.pk)]]
    assert len(run(signed_in(eve.user), sql, "/account/finds/")) == 3  # see docs/rights.md


@pytest.mark.parametrize("first", [db_transaction.atomic, nullcontext])
def test_a_token_ends_with_its_transaction(first: Callable[[], Any], ana: Account) -> None:
    """The token also ends if the next transaction begins with a statement that no cursor of Django
    sends.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    person = User.objects.prefetch_related("groups").get(pk=ana.user_id)
    database.reader = SignedReader(lambda: person, lambda _person: RowScope.OWN)
    try:
        with first(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        with db_transaction.atomic():
            connection.connection.execute("SELECT 1")
            assert Account.objects.filter(pk=ana.pk).exists()
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT current_setting('{SETTING}', true)")
                assert cursor.fetchone()[0]
    finally:
        database.reader = None


def test_each_page_that_finds_others_exists(settings: Any) -> None:
    """A request to an address with two patterns has the name of the first pattern."""
    settings.ROOT_URLCONF = "ledger.urls"
    names: dict[str, str] = {}
    for pattern in patterns():
        names.setdefault(pattern.template, pattern.name)
    assert FINDS_OTHERS - set(names.values()) <= PROVIDER_PAGES


def test_a_token_that_sql_keeps_in_the_session_goes_with_the_request(
    ana: Account, clerk: User
) -> None:
    assert run(signed_in(clerk), KEEP_TOKEN)[0][0].startswith(str(clerk.pk))
    assert run_bare("SELECT count(*) FROM accounts") == [(0,)]
    assert run_bare(f"SELECT coalesce(current_setting('{SETTING}', true), '')") == [("",)]


def test_no_cursor_of_staff_is_there_for_the_next_person(
    ana: Account, eve: Account, clerk: User
) -> None:
    run(signed_in(clerk), KEEP_ROWS)
    with pytest.raises(Exception, match='cursor "kept" does not exist'):
        run(signed_in(eve.user), "FETCH ALL FROM kept")


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("PREPARE mine AS SELECT 1", "SELECT name FROM pg_prepared_statements"),
        (
            "SELECT pg_advisory_lock(1)",
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        ),
        ("LISTEN mine", "SELECT pg_listening_channels()"),
        ("SET search_path = pg_temp", "SELECT 1 WHERE current_setting('search_path') ~ 'pg_temp'"),
    ],
)
def test_a_session_keeps_nothing_else_of_a_request(sql: str, left: str, clerk: User) -> None:
    client = signed_in(clerk)
    run(client, sql)
    assert run_bare(left) == []


def test_a_session_keeps_no_role() -> None:
    """Does not use a test client, which sets and resets the role during each request."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    raw = database.connection
    raw.execute("SET ROLE ledger_cookbook")
    database.forget_reader()
    assert database.connection is raw
    assert raw.execute("SELECT current_user = session_user").fetchone() == (True,)


def test_a_clean_session_keeps_the_time_zone_and_prepares_again(ana: Account, clerk: User) -> None:
    client = signed_in(clerk)
    for _ in range(2):
        services.deposit(to_account=ana, amount=Decimal(1))  # by prepared statements
        run(client, "SET TIME ZONE 'Asia/Tokyo'")
        assert run_bare("SELECT current_setting('TimeZone')") == [("UTC",)]
        assert run_bare("SELECT 1 FROM pg_prepared_statements") == []
    ana.refresh_from_db()
    assert ana.balance == 102


def test_a_session_left_in_a_transaction_is_not_used_again(clerk: User) -> None:
    client = signed_in(clerk)
    before = connection.connection
    run(client, "BEGIN")
    assert before.closed


def test_with_the_setting_off_a_request_sends_no_statement_more(
    settings: Any, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_ROW_SECURITY = False
    installation.apply()
    client = signed_in(clerk)
    monkeypatch.setattr(type(connections["default"]), "forget_reader", None)
    assert run(client, "SELECT 1") == [["1"]]


@contextmanager
def reads(person: User) -> Iterator[Callable[[], list[Any]]]:
    """Yields a function that returns the accounts that the web role sees for this person."""
    database: Any = connections["default"]
    connection.ensure_connection()
    set_role("ledger_web")
    database.reader = SignedReader(lambda: person, row_scope_of)
    try:
        yield lambda: list(Account.objects.order_by("id").values_list("pk", flat=True))
    finally:
        database.reader = None
        set_role(None)


def test_every_statement_outside_a_transaction_brings_the_token(ana: Account, eve: Account) -> None:
    for person, account in ((ana.user, ana), (eve.user, eve), (ana.user, ana)):
        with reads(person) as seen:
            assert [seen(), seen()] == [[account.pk], [account.pk]]
            assert [each.pk for each in Account.objects.iterator(chunk_size=1)] == [account.pk]


def test_one_transaction_of_two_people_shows_each_their_own(ana: Account, eve: Account) -> None:
    with db_transaction.atomic():
        for account in (ana, eve, ana):
            with reads(account.user) as seen:
                assert seen() == [account.pk]


def test_nested_transactions_keep_the_reader(ana: Account, eve: Account) -> None:
    with reads(ana.user) as seen, db_transaction.atomic():
        with pytest.raises(psycopg.Error), db_transaction.atomic():  # noqa: PT012
            assert seen() == [ana.pk]
            raise psycopg.Error
        assert seen() == [ana.pk]
        with db_transaction.atomic():
            assert seen() == [ana.pk]
        assert seen() == [ana.pk]


def test_a_rollback_to_a_savepoint_does_not_bring_an_older_token_back(
    ana: Account, eve: Account
) -> None:
    with reads(ana.user) as seen, db_transaction.atomic():
        with reading(RowScope.BANK):
            assert len(seen()) == 2
            savepoint = db_transaction.savepoint()
        assert seen() == [ana.pk]
        db_transaction.savepoint_rollback(savepoint)
        assert seen() == [ana.pk]
