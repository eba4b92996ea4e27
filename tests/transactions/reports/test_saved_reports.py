"""Reports saved under a name, and shared with a group: who sees, changes and opens them."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import User
from tests.conftest import signed_in
from tests.factories import AccountFactory
from tests.pages import text_of
from tests.transactions.reports.books import analyst, clerk
from transactions.exceptions import InvalidDetails
from transactions.models import SavedReport
from transactions.models.saved_report import id_of
from transactions.reports import saved as saving
from transactions.reports.catalogue import BY_SLUG
from transactions.reports.saved import remove_report, save_report

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/reports/"
SPENDING = "/reports/spending-by-category/"
REPORT = BY_SLUG["spending-by-category"]


@pytest.fixture
def ana() -> User:
    user: User = AccountFactory(user__name="Ana Ferreira").user
    return user


def save(client: Client, name: str, address: str = SPENDING, **more: Any) -> Any:
    path, _, query = address.partition("?")
    return client.post(f"{path}save/{'?' if query else ''}{query}", {"name": name, **more})


def names_of(client: Client) -> list[str]:
    return [line.saved.name for line in client.get(LIST).context["saved"]]


def test_a_report_is_saved_with_the_parameters_of_its_address(ana: User) -> None:
    browser = signed_in(ana)
    address = f"{SPENDING}?currency=USD&since=2026-01-01&compare=year&plans=1&evil=%3Cb%3E"
    assert save(browser, "This year", address).status_code == 302
    saved = SavedReport.objects.get()
    assert saved.parameters == {"currency": "USD", "since": "2026-01-01", "compare": "year"}
    (line,) = browser.get(LIST).context["saved"]
    page = browser.get(line.url)
    assert page.context["form"].data["since"] == "2026-01-01"
    assert page.context["run"].params.compare == "year"


def test_a_period_that_was_not_chosen_moves_on_with_the_days(ana: User) -> None:
    save(signed_in(ana), "So far", f"{SPENDING}?currency=USD")
    assert SavedReport.objects.get().parameters == {"currency": "USD"}


def test_the_same_name_replaces_what_was_saved(ana: User) -> None:
    browser = signed_in(ana)
    save(browser, "Mine", f"{SPENDING}?since=2026-01-01")
    save(browser, "Mine", "/reports/money-by-month/?since=2026-02-01")
    saved = SavedReport.objects.get()
    assert (saved.report, saved.parameters) == ("money-by-month", {"since": "2026-02-01"})


def test_customers_share_with_nobody_and_see_their_own_alone(ana: User) -> None:
    browser, other = signed_in(ana), signed_in(AccountFactory().user)
    save(browser, "Mine")
    assert names_of(browser) == ["Mine"]
    assert names_of(other) == []
    assert "Share with" not in text_of(browser.get(SPENDING, {"since": "2020-01-01"}))
    group = Group.objects.get(name=ANALYSTS)
    save(browser, "Shared", group=str(group.pk))
    assert not SavedReport.objects.filter(name="Shared").exists()


def test_a_group_sees_what_is_shared_with_it_and_cannot_remove_it(ana: User) -> None:
    owner, colleague, outsider = analyst(), analyst(), clerk()
    group = Group.objects.get(name=ANALYSTS)
    assert "Share with" in text_of(signed_in(owner).get(SPENDING))
    save(signed_in(owner), "For all", f"{SPENDING}?whose=bank", group=str(group.pk))
    save(signed_in(owner), "For me")
    assert names_of(signed_in(owner)) == ["For all", "For me"]
    assert names_of(signed_in(colleague)) == ["For all"]
    assert names_of(signed_in(outsider)) == []
    text = text_of(signed_in(colleague).get(LIST))
    by = "a colleague" if settings.LEDGER_ROW_SECURITY else "Analyst"
    assert f"by {by}, shared with analysts" in text
    saved = SavedReport.objects.get(name="For all")
    assert signed_in(colleague).post(f"/reports/saved/{saved.pk}/remove/").status_code == 404
    assert signed_in(owner).post(f"/reports/saved/{saved.pk}/remove/").status_code == 302
    assert names_of(signed_in(colleague)) == []


def test_who_leaves_the_group_sees_it_no_more() -> None:
    owner, colleague = analyst(), analyst()
    group = Group.objects.get(name=ANALYSTS)
    save_report(owner=owner, report=REPORT, name="Ours", parameters={}, group=group)
    assert SavedReport.objects.readable_by(colleague).count() == 1
    colleague.groups.clear()
    assert SavedReport.objects.readable_by(colleague).count() == 0


def test_nobody_shares_with_a_group_of_others(ana: User) -> None:
    group = Group.objects.get(name=OPERATIONS)
    with pytest.raises(InvalidDetails):
        save_report(owner=ana, report=REPORT, name="x", parameters={}, group=group)


def test_a_shared_report_of_the_bank_shows_its_reader_what_they_may_see(ana: User) -> None:
    """A saved report has parameters, no rights."""
    browser = signed_in(ana)
    address = f"{SPENDING}?whose=bank"
    save(browser, "The bank", address)
    (line,) = browser.get(LIST).context["saved"]
    assert not browser.get(line.url).context["form"].scope.is_bank
    assert save(browser, "Top", "/reports/top-spenders/").status_code == 404


@pytest.mark.parametrize(
    "data",
    [{"name": ""}, {"name": "\u200b"}, {"name": "x" * 81}, {"name": "x", "group": "999999"}],
)
def test_what_cannot_be_saved_is_said_and_not_saved(ana: User, data: dict[str, str]) -> None:
    browser = signed_in(ana)
    answer = browser.post(f"{SPENDING}save/", data, follow=True)
    assert answer.context["messages"]
    assert not SavedReport.objects.exists()


def test_a_name_is_one_line_without_unseen_signs(ana: User) -> None:
    save(signed_in(ana), "Month\u202eend\u200b\u2028x ")
    assert names_of(signed_in(ana)) == ["Monthend x"]


def test_parameters_that_the_report_refuses_are_not_saved(ana: User) -> None:
    save(signed_in(ana), "Bad", f"{SPENDING}?since=2026-13-01")
    assert not SavedReport.objects.exists()


def test_saving_needs_a_post(ana: User) -> None:
    assert signed_in(ana).get(f"{SPENDING}save/").status_code == 405


def test_there_is_a_limit_for_each_person(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "MAX_SAVED", 2)
    for name in ("a", "b", "b"):
        save_report(owner=ana, report=REPORT, name=name, parameters={})
    with pytest.raises(InvalidDetails):
        save_report(owner=ana, report=REPORT, name="c", parameters={})


def test_removing_twice_does_no_harm(ana: User) -> None:
    saved = save_report(owner=ana, report=REPORT, name="a", parameters={})
    for _ in range(2):
        remove_report(saved=saved)
    assert not SavedReport.objects.exists()


def test_a_long_name_and_markup_stay_text(ana: User) -> None:
    browser = signed_in(ana)
    save(browser, "<b>" + "w" * 77)
    page = browser.get(LIST).content.decode()
    assert "&lt;b&gt;www" in page
    assert "<b>www" not in page


def test_the_list_takes_one_query_more_however_many_are_saved(ana: User) -> None:
    browser = signed_in(ana)
    save_report(owner=ana, report=REPORT, name="0", parameters={})
    browser.get(LIST)
    counts = []
    for number in range(1, 3):
        with CaptureQueriesContext(connection) as found:
            browser.get(LIST)
        counts.append(len(found))
        save_report(owner=ana, report=REPORT, name=str(number), parameters={})
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"name": "a"}, "saved_reports_pkey"),
        ({"parameters": ["USD"]}, "saved_report_parameters_are_object"),
    ],
)
def test_the_database_refuses_what_no_page_sends(
    ana: User, changes: dict[str, Any], rule: str
) -> None:
    save_report(owner=ana, report=REPORT, name="a", parameters={})
    row = {"owner": ana, "name": "b", "report": REPORT.slug, "parameters": {}, **changes}
    row["id"] = id_of(ana, str(row["name"]))
    with pytest.raises(IntegrityError, match=rule), db_transaction.atomic():
        SavedReport.objects.create(**row)
