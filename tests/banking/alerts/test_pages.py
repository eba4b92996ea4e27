"""The bell, the list and the page on which alerts are chosen."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from banking.alerts import views
from banking.alerts.models import Alert, AlertChoice
from tests.banking.alerts.shared import wants
from tests.factories import AccountFactory, UserFactory
from tests.pages import markup_of, text_of
from transactions import services

pytestmark = pytest.mark.django_db
LIST, CHOICES = "/alerts/", "/alerts/settings/"


@pytest.fixture
def browser(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


def post(browser: Client, url: str, **fields: Any) -> Any:
    return browser.post(url, {"mail": "off", **fields}, follow=True)


def test_the_bell_counts_what_is_new_on_every_page(browser: Client, everyday: Account) -> None:
    wants(everyday, "money_in", 0)
    assert 'aria-label="Alerts"' in markup_of(browser.get("/accounts/"))
    for _ in range(3):
        services.deposit(to_account=everyday, amount=Decimal(5))
    assert 'aria-label="Alerts, 3 new"' in markup_of(browser.get("/accounts/"))


def test_the_bell_counts_up_to_a_limit(browser: Client, everyday: Account) -> None:
    Alert.objects.bulk_create(
        Alert(owner=everyday.user, kind="new_device", about=everyday.pk) for _ in range(101)
    )
    assert "Alerts, 99+ new" in markup_of(browser.get("/accounts/"))


def test_a_visitor_has_no_bell(client: Client) -> None:
    assert "bell" not in markup_of(client.get("/account/login/"))


def test_alerts_are_told_in_words_with_the_names_of_the_statement(
    browser: Client, everyday: Account, mara: Account
) -> None:
    wants(everyday, "money_in", 0)
    wants(everyday, "money_out", 100)
    wants(everyday, "balance_below", 900)
    services.transfer(
        from_account=mara, to_account=everyday, amount=Decimal(20), description="Dinner"
    )
    paid = services.transfer(from_account=everyday, to_account=mara, amount=Decimal(150))
    page = text_of(browser.get(LIST))
    assert "20.00 USD came in on Everyday" in page
    assert "From Mara Lindt \N{MIDDLE DOT} Dinner" in page
    assert "150.00 USD went out of Everyday" in page
    assert "Everyday is below 900.00 USD" in page
    assert "870.00 USD is left. To Mara Lindt" in page
    assert f'href="/transactions/{paid.pk}/"' in markup_of(browser.get(LIST))


def test_marking_all_read_leaves_what_came_after_the_page(
    browser: Client, everyday: Account
) -> None:
    wants(everyday, "money_in", 0)
    services.deposit(to_account=everyday, amount=Decimal(5))
    seen = facts_of(browser)
    services.deposit(to_account=everyday, amount=Decimal(6))
    page = post(browser, "/alerts/read/", **seen)
    assert 'aria-label="Alerts, 1 new"' in markup_of(page)
    assert Alert.objects.get(read_at=None).amount == 6


def test_what_is_committed_after_the_page_stays_new_whatever_its_time(
    browser: Client, everyday: Account
) -> None:
    wants(everyday, "money_in", 0)
    for amount in (5, 6):
        services.deposit(to_account=everyday, amount=Decimal(amount))
    late = Alert.objects.get(amount=5)
    Alert.objects.filter(pk=late.pk).update(read_at=timezone.now())  # not there yet
    seen = facts_of(browser)
    Alert.objects.filter(pk=late.pk).update(read_at=None)
    post(browser, "/alerts/read/", **seen)
    assert Alert.objects.get(read_at=None) == late


def test_further_pages_are_marked_too(
    browser: Client, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ALERTS_PER_PAGE", 1)
    wants(everyday, "money_in", 0)
    for amount in (5, 6, 7):
        services.deposit(to_account=everyday, amount=Decimal(amount))
    assert "Mark all read" not in text_of(browser.get(LIST, {"page": 2}))
    post(browser, "/alerts/read/", **facts_of(browser))
    assert not Alert.objects.unread().exists()


def facts_of(browser: Client) -> dict[str, str]:
    """What the form of the list carries."""
    page = browser.get(LIST)
    return {name: page.context[name] for name in ("shown", "before")}


@pytest.mark.parametrize(
    ("name", "value"),
    [("before", value) for value in ("", "never", "2026-13-40T00:00:00+00:00", "2099-01-01T00:00")]
    + [("shown", "no id")],
)
def test_nonsense_marks_nothing(browser: Client, everyday: Account, name: str, value: str) -> None:
    wants(everyday, "money_in", 0)
    services.deposit(to_account=everyday, amount=Decimal(5))
    assert post(browser, "/alerts/read/", **{name: value}).status_code == 200
    assert Alert.objects.unread().count() == 1


@pytest.mark.parametrize(("year", "unread"), [("2026", 1), ("2099", 0), ("0001", 1)])
def test_a_time_with_any_offset_is_read(
    browser: Client, everyday: Account, year: str, unread: int
) -> None:
    """Postgres knows no offset of 16 hours, and Python no time before the year 1."""
    wants(everyday, "money_in", 0)
    services.deposit(to_account=everyday, amount=Decimal(5))
    page = post(browser, "/alerts/read/", before=f"{year}-01-01T00:00:00+16:00")
    assert page.status_code == 200
    assert Alert.objects.unread().count() == unread


def test_alerts_of_others_stay_theirs(client: Client, everyday: Account) -> None:
    wants(everyday, "money_in", 0)
    services.deposit(to_account=everyday, amount=Decimal(5))
    client.force_login(UserFactory())
    page = client.get(LIST)
    assert "came in" not in text_of(page)
    theirs = str(Alert.objects.get().pk)
    client.post("/alerts/read/", {"shown": theirs, "before": "2999-01-01T00:00:00+00:00"})
    assert Alert.objects.unread().count() == 1
    mine = AlertChoice.objects.get()
    assert client.post(f"{CHOICES}{mine.pk}/remove/").status_code == 404
    assert AlertChoice.objects.exists()


def test_an_alert_is_chosen_changed_and_removed(browser: Client, everyday: Account) -> None:
    url = f"{CHOICES}balance_below/"
    page = post(browser, url, account=everyday.pk, amount="100")
    assert "Everyday below 100.00 USD" in text_of(page)
    change = f"{url}?account={everyday.pk}"
    assert 'value="100.00"' in markup_of(browser.get(change))
    page = post(browser, change, account=everyday.pk, amount="50")
    assert "Everyday below 50.00 USD" in text_of(page)
    mine = AlertChoice.objects.get()
    page = post(browser, f"{CHOICES}{mine.pk}/remove/")
    assert not AlertChoice.objects.exists()
    assert "Everyday below" not in text_of(page)
    assert [message.level_tag for message in page.context["messages"]] == ["success"]


def test_another_account_is_one_without_the_alert(browser: Client, everyday: Account) -> None:
    wants(everyday, "balance_below", 100)
    wants(everyday, "money_in", 1)
    other = AccountFactory(user=everyday.user, name="Savings")
    form = browser.get(f"{CHOICES}balance_below/").context["form"]
    assert form["account"].value() == other.pk
    form = browser.get(f"{CHOICES}balance_below/?account={everyday.pk}").context["form"]
    assert form["account"].value() == everyday.pk


def test_an_alert_that_is_replaced_is_named(browser: Client, everyday: Account) -> None:
    other = AccountFactory(user=everyday.user, name="Savings")
    url = f"{CHOICES}balance_below/"
    assert "replaces" not in text_of(post(browser, url, account=everyday.pk, amount="100"))
    page = text_of(post(browser, url, account=everyday.pk, amount="50"))
    assert "you will get alerts. This replaces: Everyday below 100.00 USD." in page
    change = f"{url}?account={everyday.pk}"
    assert "replaces" not in text_of(post(browser, change, account=everyday.pk, amount="70"))
    assert "replaces" not in text_of(post(browser, change, account=other.pk, amount="7"))
    page = text_of(post(browser, change, account=other.pk, amount="8"))
    assert "This replaces: Savings below 7.00 USD." in page


def test_an_alert_without_an_account_is_chosen(browser: Client) -> None:
    page = post(browser, f"{CHOICES}new_device/")
    assert AlertChoice.objects.get().kind == "new_device"
    assert "On" in text_of(page)


def test_money_in_of_any_amount_is_chosen_without_one(browser: Client, everyday: Account) -> None:
    page = post(browser, f"{CHOICES}money_in/", account=everyday.pk, amount="")
    assert "Everyday, any amount" in text_of(page)
    change = browser.get(f"{CHOICES}money_in/?account={everyday.pk}")
    assert change.context["form"]["amount"].value() == ""


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("balance_below", "0"),
        ("balance_below", ""),
        ("money_in", "-1"),
        ("money_out", "1.005"),
        ("money_in", "lots"),
    ],
)
def test_an_amount_that_makes_no_sense_is_refused(
    browser: Client, everyday: Account, kind: str, amount: str
) -> None:
    page = post(browser, f"{CHOICES}{kind}/", account=everyday.pk, amount=amount)
    assert "field__error" in markup_of(page)
    assert not AlertChoice.objects.exists()


def test_only_own_accounts_and_known_kinds_can_be_chosen(browser: Client) -> None:
    other = AccountFactory()
    page = post(browser, f"{CHOICES}money_in/", account=other.pk, amount="5")
    assert "field__error" in markup_of(page)
    assert browser.get(f"{CHOICES}rain/").status_code == 404
    assert browser.get(f"{CHOICES}money_in/?account=x").status_code == 200


def test_there_is_a_limit_to_choices(
    browser: Client, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banking.alerts.services.MAX_CHOICES", 1)
    wants(everyday, "money_in", 0)
    wants(everyday, "money_in", 5)
    page = post(browser, f"{CHOICES}money_out/", account=everyday.pk, amount="5")
    assert "Remove one first" in text_of(page)


@pytest.mark.parametrize(
    ("kind", "needs_account"),
    [("money_in", True), ("money_out", True), ("balance_below", True), ("order_failed", False)],
)
def test_without_an_account_an_alert_of_one_leads_to_opening_one(
    client: Client, kind: str, needs_account: bool
) -> None:
    client.force_login(UserFactory())
    page = client.get(f"{CHOICES}{kind}/")
    assert ("Open an account first." in text_of(page)) == needs_account
    assert ('href="/accounts/open/"' in markup_of(page)) == needs_account
    assert (">Save<" in markup_of(page)) != needs_account


def test_the_page_of_choices_says_from_when_on_they_are_told(browser: Client) -> None:
    page = text_of(browser.get("/alerts/settings/"))
    assert "You get alerts only for new payments." in page


def test_an_empty_list_says_what_to_do_next(browser: Client, everyday: Account) -> None:
    assert f'href="{CHOICES}"' in markup_of(browser.get(LIST))
    wants(everyday, "money_in", 0)
    assert "No alert yet" in text_of(browser.get(LIST))


def test_many_alerts_have_pages(browser: Client, everyday: Account) -> None:
    Alert.objects.bulk_create(
        Alert(owner=everyday.user, kind="new_device", about=everyday.pk, detail="Firefox " * 30)
        for _ in range(120)
    )
    first = browser.get(LIST)
    assert len(first.content) < 60_000
    assert "Page 1 of 3" in text_of(first)
    assert browser.get(f"{LIST}?page=3").status_code == 200
