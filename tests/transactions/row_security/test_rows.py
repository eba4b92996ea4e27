"""Raw SQL as the web role, with row-level security on: the rows that injected SQL would see."""

import time
import uuid
from copy import deepcopy

import pytest
from django.db import ProgrammingError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from ledger.db.rights.registered_tables import policies
from ledger.db.rights.row_security import LIFETIME, NOBODY, RowScope
from tests.factories import PASSWORD, AccountFactory
from tests.sign_in import verify_address
from tests.transactions.row_security.rows import count, seen_of, token_of, web_role
from transactions.audit.runs import run_audit
from transactions.models import AuditRun
from transactions.row_security.installation import VIEWS
from transactions.row_security.masks import CHOSEN, MASKS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rows_secured")]
PROTECTED = sorted({*policies(), *VIEWS} - {"currencies"})  # all readers see these tables
OTHER_KEY = b"x" * 32


@pytest.fixture
def rows_secured(secured_ana: Account, db: None) -> None:
    """Installs row-level security once for the module."""


@pytest.fixture
def ana(secured_ana: Account) -> Account:
    return deepcopy(secured_ana)


def without_signature(person: User) -> str:
    return f"{person.pk} {RowScope.STAFF.value} {int(time.time()) + LIFETIME}"


def tampered(person: User) -> str:
    """Returns Ana's token, changed to contain the scope of staff."""
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
        assert count(table, token_of(ana.user, RowScope.AUDIT)), table


@pytest.mark.parametrize("bad", BAD_TOKENS)
def test_a_bad_token_sees_no_row_of_any_table(bad: str, ana: Account) -> None:
    token = BAD_TOKENS[bad](ana.user)
    assert [table for table in PROTECTED if count(table, token)] == []


def test_another_customers_token_sees_nothing_of_ana(ana: Account, eve: Account) -> None:
    token = token_of(eve.user)
    seen = {table: count(table, token) for table in PROTECTED}
    # Ana; her deposit and its outside.
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
        "events": 2,  # her account was frozen, too
        "approval_payments": 0,
        "approval_requests": 0,
        "audit_runs": 0,
        "cache": 0,
        "changes": 0,
        "households": 0,
        "reads": 0,
        "reconciliation_lines": 0,
        "reconciliation_matches": 0,
        "reconciliations": 0,
        "row_register": 0,
        "row_removals": 0,
        "row_revisions": 0,
        "staff_sums": 0,
    }


def test_of_the_other_side_a_customer_reads_name_and_number_alone(ana: Account) -> None:
    friend = Account.objects.get(name="Friend")
    seen = seen_of(friend, token_of(ana.user))
    assert (seen["number"], seen["name"], seen["currency"]) == (friend.number, "Friend", "USD")
    shown = {name for name, value in seen.items() if value is not None}
    assert shown == {"id", "user_id", "number", "name", "currency", "minor_units"}
    own = seen_of(ana, token_of(ana.user))
    assert (own["balance"], own["daily_limit"], own["status"]) == (90, 500, "frozen")
    assert seen_of(friend, token_of(ana.user, RowScope.DIRECTORY))["status"] == "active"
    assert seen_of(friend, token_of(ana.user, RowScope.DIRECTORY))["balance"] is None
    assert seen_of(friend, token_of(ana.user, RowScope.STAFF))["balance"] == 10


def test_no_function_in_a_query_sees_what_a_mask_hides(ana: Account) -> None:
    """A condition that fails, or that reveals the values that it receives, receives no balance of
    another person.
    """
    with web_role(token_of(ana.user)) as cursor:
        cursor.execute("SELECT set_config('a.seen', '', true)")
        cursor.execute(
            "SELECT count(*) FROM accounts WHERE set_config('a.seen',"
            " current_setting('a.seen') || ' ' || coalesce(balance::text, '-'), true) <> ''"
        )
        cursor.execute("SELECT current_setting('a.seen')")
        (seen,) = cursor.fetchone()
    assert sorted(seen.split()) == ["-", "90.0000"]


def test_no_balance_of_others_stands_in_any_table(ana: Account) -> None:
    """Checks all columns, so that no new column is forgotten."""
    friend = Account.objects.get(name="Friend")
    for scope in (RowScope.OWN, RowScope.DIRECTORY):
        with web_role(token_of(friend.user, scope)) as cursor:
            cursor.execute(
                "SELECT relname, attname FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid"
                " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
                " AND attname ~ 'balance' ORDER BY 1, 2"
            )
            columns = cursor.fetchall()
            tables = {table for table, _ in columns}
            assert tables == {"accounts", "alerts", "entries", "transactions"}
            for table, column in columns:
                cursor.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
                is_theirs = table != "alerts" and column != "from_balance"
                assert cursor.fetchall() == ([(10,)] if is_theirs else []), table


def test_below_the_view_the_web_role_reads_no_balance(ana: Account) -> None:
    for column in ("from_balance", "to_balance"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            web_role(token_of(ana.user, RowScope.STAFF)) as cursor,
        ):
            cursor.execute(f"SELECT {column} FROM public.transactions")


def test_the_directory_shows_accounts_but_no_payments_of_others(ana: Account, eve: Account) -> None:
    for scope in (RowScope.DIRECTORY, RowScope.POSTING):
        token = token_of(eve.user, scope)
        assert count("accounts", token) == 3
        assert count("transactions", token) == 1


def test_staff_see_every_row_but_notes_of_customers_and_how_they_sign_in(
    ana: Account, eve: Account
) -> None:
    def empty(scope: RowScope) -> set[str]:
        token = token_of(eve.user, scope)
        return {table for table in PROTECTED if not count(table, token)}

    hidden = {"annotations", "row_register", "row_removals", "row_revisions", *SIGN_IN_TABLES}
    hidden |= {"explorer_queries", "explorer_runs"}  # neither shared nor permitted
    hidden |= {"webhooks", "webhook_queues", "webhook_deliveries", "saved_reports", "payees"}
    hidden |= {"attachments", "own_categories", "category_rules", "budgets"}
    hidden |= {"alerts", "alert_choices", "alert_times"}
    hidden |= {"outside_accounts", "outside_imports", "outside_entries", "outside_file_parts"}
    assert empty(RowScope.STAFF) == hidden
    assert empty(RowScope.BANK) == {*hidden, "staff_sums", "households"}
    assert empty(RowScope.AUDIT) == set()


SIGN_IN_TABLES = {
    "account_emailaddress", "account_emailconfirmation", "api_tokens", "mfa_authenticator",
    "sessions", "sign_ins", "socialaccount_socialaccount", "socialaccount_socialtoken",
}  # fmt: skip
RIGHTS_TABLES = {"users", "users_groups", "users_user_permissions"}


def test_who_signs_in_is_found_and_nothing_else(ana: Account, eve: Account) -> None:
    """Tests the scope of a request before its person is known."""
    token = token_of(User(pk=NOBODY), RowScope.SIGN_IN)
    seen = {table for table in PROTECTED if count(table, token)}
    assert seen == SIGN_IN_TABLES | RIGHTS_TABLES
    assert count("currencies", None)
    assert seen_of(ana.user, token)["password"] == ana.user.password


def test_of_a_person_paid_before_a_customer_reads_the_name_alone(ana: Account) -> None:
    friend = Account.objects.get(name="Friend").user
    seen = seen_of(friend, token_of(ana.user))
    assert {name for name, value in seen.items() if value is not None} == {"id", "name"}
    assert seen_of(ana.user, token_of(ana.user))["password"] == ana.user.password


def test_row_security_off_in_a_session_is_an_error_not_a_way_around(eve: Account) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        web_role(token_of(eve.user)) as cursor,
    ):
        cursor.execute("SET LOCAL row_security = off; SELECT * FROM accounts")


def test_a_person_signs_in_and_pages_show_only_ones_own(
    client: Client, ana: Account, eve: Account
) -> None:
    eve.user.set_password(PASSWORD)
    eve.user.save()
    verify_address(eve.user)
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


def test_an_audit_sees_each_column_of_an_account_and_a_payer_does_not(ana: Account) -> None:
    """The audit compares these columns with the history. CHOSEN masks settings besides the name."""
    friend = Account.objects.get(name="Friend")
    columns = {**MASKS["accounts"], "a setting": CHOSEN}
    masks = ", ".join(columns.values())
    seen = {}
    for scope in (RowScope.AUDIT, RowScope.OWN):
        with web_role(token_of(ana.user, scope)) as cursor:
            cursor.execute(f"SELECT {masks} FROM accounts WHERE id = %s", [friend.pk])
            seen[scope] = dict(zip(columns, cursor.fetchone(), strict=True))
    assert seen[RowScope.AUDIT] == dict.fromkeys(columns, True)
    assert seen[RowScope.OWN] == dict.fromkeys(columns, False)


def test_the_audit_of_a_page_finds_what_that_of_the_owner_finds(
    ana: Account, staff: Client
) -> None:
    """The audit includes tables that hide rows from staff: other people's notes, the register,
    sign-ins.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _, of_owner = run_audit()
    staff.post(reverse("admin:transactions_auditrun_run"), {"scope": "all"})
    of_page = AuditRun.objects.order_by("finished_at").last()
    assert of_page is not None
    assert of_page.run_by is not None
    assert (of_page.accounts, of_page.transactions) == (of_owner.accounts, of_owner.transactions)
    found = [finding.sentence for finding in of_owner.findings]
    assert [finding["sentence"] for finding in of_page.findings] == found
