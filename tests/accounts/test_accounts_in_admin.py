"""The admin of people and accounts: staff help, and cannot reach what is not theirs to change."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import services as account_services
from accounts.groups import OPERATIONS
from accounts.models import Account, User
from ledger.text.money import money
from tests.accounts.admin_pages import ACCOUNTS, page_of
from tests.factories import AccountFactory, UserFactory
from tests.pages import markup_of
from transactions import services

pytestmark = pytest.mark.django_db

PEOPLE = reverse("admin:accounts_user_changelist")
SCRIPT = "<script>alert(1)</script>"


def history_form() -> dict[str, str]:
    """The management form of the status history, which the page sends along."""
    return {"status_changes-TOTAL_FORMS": "0", "status_changes-INITIAL_FORMS": "0"}


def account_form(account: Account, **changes: str) -> dict[str, str]:
    """What the browser sends from a page that shows the account as it is in `account`."""
    shown = {
        "name": account.name,
        "overdraft_limit": f"{account.overdraft_limit:.2f}",
        "transfer_limit": "" if account.transfer_limit is None else f"{account.transfer_limit:.2f}",
        "daily_limit": "" if account.daily_limit is None else f"{account.daily_limit:.2f}",
    }
    initial = {f"initial-{name}": value for name, value in shown.items()}
    return {**initial, **shown, "reason": "Asked by letter", **changes, **history_form()}


# Who gets in


def test_the_admin_sends_strangers_to_the_sites_own_sign_in(client: Client) -> None:
    response = client.get(reverse("admin:login"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
    assert (
        client.post(reverse("admin:login"), {"username": "a", "password": "b"}).status_code == 302
    )


def test_a_customer_gets_no_admin_page(client: Client, account: Account) -> None:
    client.force_login(account.user)
    for url in (ACCOUNTS, PEOPLE, page_of(account), page_of(account, "freeze")):
        assert client.get(url, follow=True).status_code == 403


@pytest.mark.parametrize("who", ["staff", "root"])
def test_every_page_opens(who: str, account: Account, request: pytest.FixtureRequest) -> None:
    account_services.freeze_account(account=account, reason="Lost card")
    client = request.getfixturevalue(who)
    pages = [
        ACCOUNTS, PEOPLE, page_of(account), page_of(account, "freeze"), page_of(account, "history"),
        page_of(account.user), reverse("admin:accounts_account_add"), reverse("admin:index"),
        f"{PEOPLE}?active=no", f"{ACCOUNTS}?overdraft=used", f"{ACCOUNTS}?currency=USD",
    ]  # fmt: skip
    for url in pages:
        assert client.get(url).status_code == 200, url
    assert b"Lost card" in client.get(page_of(account)).content


def test_no_page_changes_what_a_group_may_do(staff: Client, root: Client) -> None:
    group = reverse("admin:auth_group_change", args=[Group.objects.get(name=OPERATIONS).pk])
    assert staff.get(group).status_code == 403
    assert root.get(group).status_code == 200
    for client in (staff, root):
        assert client.post(group, {"name": "x"}).status_code == 403
        assert client.post(group.replace("change", "delete"), {"post": "yes"}).status_code == 403
        assert client.post(reverse("admin:auth_group_add"), {"name": "x"}).status_code == 403


def test_nothing_of_people_and_accounts_can_be_deleted(root: Client, account: Account) -> None:
    for thing in (account, account.user):
        assert root.get(page_of(thing, "delete")).status_code == 403
        assert root.post(page_of(thing, "delete"), {"post": "yes"}).status_code == 403
    for url, thing in ((ACCOUNTS, account), (PEOPLE, account.user)):
        root.post(url, {"action": "delete_selected", "_selected_action": thing.pk, "post": "yes"})
    assert Account.objects.filter(pk=account.pk).exists()
    assert User.objects.filter(pk=account.user_id).exists()


# Looking up


@pytest.mark.parametrize("spell", [
    lambda account: account.number,
    lambda account: f"{account.number[:4]} {account.number[4:8]} {account.number[8:]}",
    lambda account: account.number[:6],
    lambda account: account.number[-4:],
    lambda account: account.number[-6:],
    lambda account: "Wanted",
    lambda account: "ada@exam",
])  # fmt: skip
def test_an_account_is_found(spell: Callable[[Account], str], staff: Client) -> None:
    AccountFactory()
    wanted = AccountFactory(user=UserFactory(name="Ada Wanted", email="ada@example.com"))
    response = staff.get(ACCOUNTS, {"q": spell(wanted)})
    assert [account.pk for account in response.context["cl"].result_list] == [wanted.pk]


@pytest.mark.parametrize("url", [ACCOUNTS, PEOPLE])
def test_a_search_that_finds_nothing_says_what_can_be_searched_for(url: str, staff: Client) -> None:
    page = markup_of(staff.get(url, {"q": "no such <b>"}))
    assert "“no such &lt;b&gt;”" in page


def test_the_status_history_speaks_in_words(staff: Client, account: Account) -> None:
    account_services.freeze_account(account=account, reason="Lost card")
    page = markup_of(staff.get(page_of(account)))
    for heading in ("When", "From", "To", "Reason", "By"):
        assert re.search(rf"<th class=\"column-\w+\">{heading}\s*</th>", page), heading
    assert "Close for good" in page


def test_an_account_that_was_never_frozen_has_a_sentence_in_place_of_an_empty_table(
    staff: Client, account: Account
) -> None:
    page = markup_of(staff.get(page_of(account)))
    assert "The status has not changed" in page
    assert ">When" not in page
    # A page that was opened before a colleague froze the account still saves.
    account_services.freeze_account(account=account, reason="Lost card")
    staff.post(page_of(account), account_form(account, name="Rent"))
    account.refresh_from_db()
    assert account.name == "Rent"


def test_the_first_page_greets_by_name_and_leads_to_the_cash_desk(
    staff: Client, clerk: User
) -> None:
    page = staff.get(reverse("admin:index")).content.decode()
    assert f"<strong>{clerk.name}</strong>" in page
    desk = reverse("admin:transactions_transaction_cash_desk")
    assert desk in page
    clerk.groups.clear()
    assert desk not in staff.get(reverse("admin:index")).content.decode()


def test_the_lists_take_as_many_queries_for_many_rows(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        AccountFactory()
    with django_assert_max_num_queries(11):  # two log the read
        staff.get(ACCOUNTS)
    with django_assert_max_num_queries(11):
        staff.get(PEOPLE)


def test_names_come_out_escaped(staff: Client) -> None:
    account = AccountFactory(user=UserFactory(name=SCRIPT), name=SCRIPT)
    account_services.freeze_account(account=account, reason=SCRIPT)
    staff.post(page_of(account, "unfreeze"), {"reason": SCRIPT})
    for url in (ACCOUNTS, PEOPLE, page_of(account), page_of(account, "freeze"),
                page_of(account, "history"), page_of(account.user)):  # fmt: skip
        assert SCRIPT not in staff.get(url).content.decode(), url


# Changing an account


def test_a_page_opened_before_a_deposit_cannot_bring_the_old_balance_back(
    staff: Client, account: Account
) -> None:
    stale = account_form(account, name="Rent", balance="1000000", held="0", status="closed")
    services.deposit(to_account=account, amount=Decimal(50))
    assert staff.post(page_of(account), stale).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.balance, account.status) == ("Rent", Decimal(60), "active")


def test_a_page_opened_before_a_colleague_lowered_a_limit_leaves_it_lowered(
    manager: Client, account: Account
) -> None:
    account_services.change_account(account=account, transfer_limit=Decimal(500))
    account.refresh_from_db()
    stale = account_form(account, name="Rent")
    account_services.change_account(account=account, transfer_limit=Decimal(5))
    manager.post(page_of(account), stale)
    account.refresh_from_db()
    assert (account.name, account.transfer_limit) == ("Rent", Decimal(5))


def test_limits_are_changed_and_written_down(manager: Client, account: Account) -> None:
    form = account_form(account, overdraft_limit="100.00", daily_limit="20.00")
    assert manager.post(page_of(account), form).status_code == 302
    account.refresh_from_db()
    assert (account.overdraft_limit, account.daily_limit) == (Decimal(100), Decimal(20))
    assert account.available == Decimal(110)
    told = LogEntry.objects.get().get_change_message()
    assert f"Overdraft limit: {money(0, 'USD')} became {money(100, 'USD')}." in told
    assert f"Daily limit: no limit became {money(20, 'USD')}." in told
    assert "Reason: Asked by letter" in told


def test_a_limit_is_not_changed_without_a_reason(manager: Client, account: Account) -> None:
    refused = manager.post(
        page_of(account), account_form(account, overdraft_limit="100.00", reason=" ")
    )
    assert refused.context["adminform"].form.errors["reason"]
    account.refresh_from_db()
    assert account.overdraft_limit == 0
    refused = manager.post(page_of(account), account_form(account, name="Rent", reason=""))
    assert refused.context["adminform"].form.errors["reason"]
    manager.post(page_of(account), account_form(account, name="Rent"))
    account.refresh_from_db()
    assert account.name == "Rent"


def test_an_account_that_one_may_not_change_shows_its_limits_as_money(
    client: Client, account: Account
) -> None:
    account_services.change_account(account=account, overdraft_limit=Decimal(1200))
    reader = UserFactory(is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(reader)
    page = client.get(page_of(account)).content.decode()
    assert money(Decimal(1200), "USD") in page
    assert "no limit" in page
    assert "1200.0000" not in page


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"overdraft_limit": "29.99"}, "uses 30.00 USD of its overdraft"),
    ({"overdraft_limit": "-1"}, "Enter zero or more."),
    ({"transfer_limit": "0"}, "Enter a limit above zero."),
    ({"daily_limit": "0.001"}, "more decimals than USD has"),
    ({"daily_limit": "0"}, "Enter a limit above zero."),
    ({"overdraft_limit": "1000000000001"}, "The largest possible limit is 1,000,000,000,000"),
    ({"daily_limit": "NaN"}, "Enter a number"),
    ({"daily_limit": "9" * 20}, "Ensure that there are no more than"),
    ({"name": "  "}, "This field is required"),
])  # fmt: skip
def test_a_refused_change_is_an_error_at_its_field(
    changes: dict[str, str], sentence: str, manager: Client
) -> None:
    account = AccountFactory(overdraft_limit=Decimal(100), balance="10")
    services.withdraw(from_account=account, amount=Decimal(40))
    response = manager.post(page_of(account), account_form(account, **changes))
    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert [*errors] == [*changes]
    assert sentence in str(errors)
    account.refresh_from_db()
    assert (account.overdraft_limit, account.transfer_limit) == (Decimal(100), None)
    assert not LogEntry.objects.exists()


def test_an_account_is_opened_empty_for_a_customer(staff: Client) -> None:
    owner = UserFactory()
    form = {"user": owner.pk, "currency": "JPY", "name": "Travel", "reason": "At the counter"}
    cheat = {"balance": "1000000", "status": "closed", "number": "123456789012"}
    cheat |= {"overdraft_limit": "5000"}  # a limit is given later, with a reason
    response = staff.post(reverse("admin:accounts_account_add"), {**form, **cheat})
    assert response.status_code == 302
    opened = owner.accounts.get()
    assert (opened.balance, opened.status, opened.name) == (0, "active", "Travel")
    assert (opened.overdraft_limit, opened.transfer_limit) == (0, None)
    assert opened.number != cheat["number"]
    refused = staff.post(reverse("admin:accounts_account_add"), {**form, "currency": "XXX"})
    assert refused.status_code == 200
    assert owner.accounts.count() == 1


def test_an_account_is_opened_by_plans_for_any_values_too(staff: Client) -> None:
    """As Postgres makes them once a session has opened some accounts, if they cost no more."""
    owner = UserFactory()
    form = {"user": owner.pk, "currency": "USD", "name": "Purse", "reason": "At the counter"}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    staff.post(reverse("admin:accounts_account_add"), form)
    assert owner.accounts.count() == 1


def test_nobody_changes_or_opens_an_account_of_their_own(staff: Client, clerk: User) -> None:
    own = AccountFactory(user=clerk)
    form = account_form(own, overdraft_limit="1000.00")
    assert staff.get(page_of(own)).status_code == 200
    assert staff.post(page_of(own), form).status_code == 403
    assert staff.post(page_of(own, "freeze"), {"reason": "x"}).status_code == 403
    answer = staff.post(ACCOUNTS, {"action": "close", "_selected_action": own.pk, "reason": "x"})
    assert "This is your own account" in answer.content.decode()
    add = {"user": clerk.pk, "currency": "USD", "name": "Mine", "reason": "x"}
    refused = staff.post(reverse("admin:accounts_account_add"), add)
    assert "A colleague must open" in refused.content.decode()
    own.refresh_from_db()
    assert (own.status, own.overdraft_limit, clerk.accounts.count()) == ("active", 0, 1)
