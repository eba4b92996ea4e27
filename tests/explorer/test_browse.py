"""The books by category, month, counterparty, tag and metadata key, for everybody."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.test import Client, RequestFactory

from accounts.groups import ANALYSTS
from accounts.models import Account, Read
from explorer.browse import groups, views
from explorer.browse.dimensions import dimensions_for, values_of
from explorer.browse.page import browse_url
from ledger.db.ids import uuid7
from ledger.db.json_numbers import ExactNumber
from ledger.db.retry import Failure
from tests.conftest import signed_in
from tests.factories import AccountFactory, UserFactory
from tests.transactions.reports.books import analyst, clerk, pay
from tests.transactions.table_files import csv_of, json_of
from transactions import services
from transactions.annotations.services import annotate
from transactions.categories.services import give_category
from transactions.models import Transaction
from transactions.scope import scope_for
from transactions.search.language.parser import LONGEST

pytestmark = pytest.mark.django_db
PAGE = "/explorer/browse/"


@pytest.fixture
def ana() -> Account:
    account: Account = AccountFactory(user__name="Ana Ferreira")
    return account


@pytest.fixture
def mara() -> Account:
    account: Account = AccountFactory(user__name="Mara Lindt")
    return account


@pytest.fixture
def paid(ana: Account, mara: Account) -> Account:
    """Ana's: in two currencies, with and without a category, on cards and to Mara."""
    euros = AccountFactory(user=ana.user, currency="EUR", name="Euros")
    shop = {"category": "groceries", "channel": "card", "merchant": {"city": "Porto"}}
    pay(None, ana, 1000, "2026-01-02", description="Salary", metadata={"category": "salary"})
    pay(None, euros, 100, "2026-01-03")
    pay(ana, None, "12.30", "2026-01-05", description="Corner Shop", metadata=shop)
    pay(ana, None, "7.70", "2026-02-05", description="Corner Shop", metadata=shop)
    pay(euros, None, 5, "2026-02-06", description="Café", metadata=shop)
    lunch = pay(ana, mara, 20, "2026-02-07", description="Lunch")
    annotate(transaction=lunch, owner=ana.user, text="", tags=["food", "friends"])
    services.hold(from_account=ana, amount=Decimal(30), metadata={"category": "travel"})
    return ana


def lines(client: Client, address: str = PAGE, **params: str) -> dict[str, tuple[int, list[str]]]:
    page = client.get(address, params).context["page"]
    return {line.label: (line.count, line.sums) for line in page.lines}


def test_the_files_have_each_group_by_currency(paid: Account, mara: Account) -> None:
    client = signed_in(paid.user)
    found = {(row["group"], row["currency"]): row for row in json_of(client, f"{PAGE}groups.json")}
    assert found["Groceries", "USD"] == {
        "group": "Groceries", "payments": 3, "currency": "USD", "in": "0.00", "out": "20.00",
        "between_own": "0.00",
    }  # fmt: skip
    assert found["Groceries", "EUR"]["out"] == "5.00"
    assert found["Salary", "USD"]["in"] == "1000.00"
    months = csv_of(client, f"{PAGE}groups.csv", q="corner", by="month")
    assert [(row["payments"], row["out"]) for row in months] == [("1", "7.70"), ("1", "12.30")]
    assert csv_of(signed_in(mara.user), f"{PAGE}groups.csv", q="corner") == []
    bank = json_of(signed_in(clerk()), f"{PAGE}groups.json", whose="bank", q="corner")
    assert [(row["currency"], row["moved"]) for row in bank] == [("USD", "20.00")]
    refusal = client.get(f"{PAGE}groups.csv", {"q": "amount:x"})
    assert refusal.status_code == 400
    assert refusal.content


def test_by_category_currencies_are_never_added(paid: Account) -> None:
    found = lines(signed_in(paid.user))
    assert found["Groceries"] == (3, ["20.00\xa0USD out", "5.00\xa0EUR out"])
    assert found["Salary"] == (1, ["1,000.00\xa0USD in"])
    assert found["No category"] == (2, ["20.00\xa0USD out", "100.00\xa0EUR in"]) or found[
        "No category"
    ] == (2, ["100.00\xa0EUR in", "20.00\xa0USD out"])


def test_ones_own_categories_are_those_of_the_search_and_nobody_elses(
    paid: Account, mara: Account
) -> None:
    lunch = Transaction.objects.filter(description="Lunch")
    give_category(owner=paid.user, rows=lunch, category="friends", change=uuid7())
    found = lines(signed_in(paid.user))
    assert found["Friends"] == (1, ["20.00\xa0USD out"])
    assert found["No category"] == (1, ["100.00\xa0EUR in"])
    assert [*lines(signed_in(mara.user))] == ["No category"]
    paid.user.groups.add(Group.objects.get(name=ANALYSTS))
    assert "Friends" not in lines(signed_in(paid.user), whose="bank")


def test_holds_are_counted_and_not_summed(paid: Account) -> None:
    assert lines(signed_in(paid.user))["Travel"] == (1, [])


def test_by_month_the_newest_first(paid: Account) -> None:
    found = lines(signed_in(paid.user), by="month", q="date:2026-01..2026-02")
    assert [*found] == ["February 2026", "January 2026"]
    assert found["January 2026"] == (
        3,
        ["1,000.00\xa0USD in", "12.30\xa0USD out", "100.00\xa0EUR in"],
    )


def test_by_counterparty_people_and_cards(paid: Account, mara: Account) -> None:
    found = lines(signed_in(paid.user), by="counterparty")
    assert found[f"Mara Lindt ··{mara.number[-4:]}"] == (1, ["20.00\xa0USD out"])
    assert found["Corner Shop"] == (2, ["20.00\xa0USD out"])
    assert "Without a description" in found


def test_by_tag_a_payment_is_in_each_of_its_tags(paid: Account) -> None:
    found = lines(signed_in(paid.user), by="tag")
    assert found == {"#food": (1, ["20.00\xa0USD out"]), "#friends": (1, ["20.00\xa0USD out"])}


def test_by_metadata_key_and_its_values(paid: Account) -> None:
    client = signed_in(paid.user)
    found = lines(client, by="key")
    assert {name: count for name, (count, _sums) in found.items()} == {
        "category": 5, "channel": 3, "merchant": 3,
    }  # fmt: skip
    values = lines(client, by="meta.merchant.city", q="has:meta.merchant")
    assert values == {"Porto": (3, ["20.00\xa0USD out", "5.00\xa0EUR out"])}
    assert "Without this key" in lines(client, by="meta.channel")


def test_equal_numbers_and_an_empty_text_are_groups_of_their_own(ana: Account) -> None:
    for rate in (1, ExactNumber("1.0"), "1.00", ""):
        services.deposit(to_account=ana, amount=Decimal(1), metadata={"rate": rate})
    services.deposit(to_account=ana, amount=Decimal(1))
    client = signed_in(ana.user)
    page = client.get(PAGE, {"by": "meta.rate"}).context["page"]
    assert sorted(line.label for line in page.lines) == [
        "(empty)", "1", "1.0", "1.00", "Without this key",
    ]  # fmt: skip
    for line in page.lines:
        if line.label == "(empty)":  # no search finds an empty text
            assert not line.search_url
        else:
            found = client.get(line.search_url).context["page"].result.facets.count
            assert found == line.count == 1, line.label


@pytest.mark.parametrize("by", ["category", "month", "counterparty", "tag", "meta.channel"])
def test_each_group_leads_to_the_search_for_exactly_its_payments(by: str, paid: Account) -> None:
    client = signed_in(paid.user)
    page = client.get(PAGE, {"by": by}).context["page"]
    for line in page.lines:
        if line.search_url:
            found = client.get(line.search_url).context["page"].result.facets.count
            assert found == line.count, line.label


def test_each_step_narrows_and_groups_by_something_else(paid: Account) -> None:
    client = signed_in(paid.user)
    page = client.get(PAGE).context["page"]
    groceries = next(line for line in page.lines if line.label == "Groceries")
    assert groceries.url == browse_url("category:groceries", "month")
    by_month = client.get(groceries.url).context["page"]
    assert [line.count for line in by_month.lines] == [2, 1]
    february = client.get(by_month.lines[0].url).context["page"]
    assert february.query.text == "category:groceries date:2026-02"
    assert [step.url for step in february.chips] == [
        browse_url("date:2026-02", "category"), browse_url("category:groceries", "category"),
    ]  # fmt: skip


def test_a_word_narrows_as_in_the_search(paid: Account) -> None:
    assert lines(signed_in(paid.user), q="lunch") == {"No category": (1, ["20.00\xa0USD out"])}


def test_a_mistake_is_told_as_in_the_search(paid: Account) -> None:
    page = signed_in(paid.user).get(PAGE, {"q": "is:nonsense"})
    assert page.status_code == 200
    assert "not a value of is:" in page.content.decode()


@pytest.mark.parametrize("by", ["nothing", "meta.", "meta", "meta.a:b", "__class__", "\x00"])
def test_an_unknown_dimension_is_by_category(by: str, paid: Account) -> None:
    assert signed_in(paid.user).get(PAGE, {"by": by}).context["page"].dimension.name == "category"


def test_a_customer_sees_no_payment_of_others(paid: Account, mara: Account) -> None:
    stranger = AccountFactory()
    assert signed_in(stranger.user).get(PAGE).context["page"].found.count == 0
    assert lines(signed_in(mara.user)) == {"No category": (1, ["20.00\xa0USD in"])}
    assert signed_in(mara.user).get(PAGE, {"whose": "bank"}).status_code == 403


def test_an_analyst_browses_the_bank_without_names_and_tags(paid: Account) -> None:
    client = signed_in(analyst())
    page = client.get(PAGE, {"by": "counterparty"})
    text = page.content.decode()
    assert "Mara" not in text
    assert "Ferreira" not in text
    assert paid.number not in text
    labels = [line.label for line in page.context["page"].lines]
    assert f"··{paid.number[-4:]}" in labels
    assert [each.name for each in dimensions_for(scope_for(analyst(), "bank"))] == [
        "category", "month", "counterparty", "key",
    ]  # fmt: skip


def test_values_of_metadata_are_for_those_who_may_see_names(paid: Account) -> None:
    without = signed_in(analyst()).get(PAGE, {"by": "meta.merchant.city"})
    assert without.context["page"].dimension.name == "category"
    assert "Porto" not in without.content.decode()
    keys = signed_in(analyst()).get(PAGE, {"by": "key"}).context["page"].lines
    assert {line.url for line in keys} == {""}
    assert "Porto" in signed_in(clerk()).get(PAGE, {"by": "meta.merchant.city"}).content.decode()


def test_in_the_bank_payments_between_accounts_are_summed_too(paid: Account) -> None:
    found = lines(signed_in(clerk()), q="lunch")
    assert found == {"No category": (1, ["20.00\xa0USD"])}


def test_figures_of_the_bank_are_in_the_log_of_reads(paid: Account) -> None:
    signed_in(analyst()).get(PAGE)
    assert Read.objects.get().page == "explorer:browse"
    signed_in(paid.user).get(PAGE)
    assert Read.objects.count() == 1


@pytest.mark.parametrize("by", ["category", "month"])
def test_the_log_of_reads_names_whose_payments_are_summed_up(
    by: str, paid: Account, mara: Account
) -> None:
    reader = signed_in(analyst())
    for q, people in ((f"from:{paid.pk}", [paid.user, mara.user]), ("12.30", [paid.user])):
        reader.get(PAGE, {"whose": "bank", "q": q, "by": by})
        assert Read.objects.latest("read_at").people == sorted(each.pk for each in people)


def test_only_the_newest_are_counted_and_it_says_so(
    paid: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "COUNTED", 2)
    monkeypatch.setattr(groups, "MAX_GROUPS", 1)
    page = signed_in(paid.user).get(PAGE).context["page"]
    assert page.found.is_cut
    assert page.found.left_out == 2
    assert page.sentence.startswith("The newest")


def test_only_so_many_values_are_counted_and_it_says_of_how_many_payments(
    paid: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.deposit(to_account=paid, amount=Decimal(1), metadata=dict.fromkeys("abc", 1))
    services.deposit(to_account=paid, amount=Decimal(1), metadata=dict.fromkeys("ad", 1))
    monkeypatch.setattr(groups, "MAX_VALUES", 4)
    page = signed_in(paid.user).get(PAGE, {"by": "key"}).context["page"]
    assert sum(group.count for group in page.found.groups) == 4
    assert page.found.is_cut
    assert page.sentence.startswith("The newest 2 payments")


def test_it_says_how_many_payments_of_what(paid: Account) -> None:
    page = signed_in(paid.user).get(PAGE, {"q": "corner", "by": "month"}).context["page"]
    assert page.sentence == "2 payments by month"


def stopped(*_arguments: object) -> None:
    """In place of a query that takes too long."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(60)")


def test_a_search_that_takes_too_long_gives_no_figures(
    paid: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(paid.user)
    monkeypatch.setattr("explorer.browse.views.groups_of", stopped)
    for address in (PAGE, f"{PAGE}groups.csv", f"{PAGE}groups.json"):
        answer = client.get(address)
        assert (answer.status_code, b"took too long" in answer.content) == (503, True), address


def test_a_search_of_the_bank_that_takes_too_long_is_logged(
    paid: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it takes too long may depend on the rows that it reads."""
    monkeypatch.setattr("explorer.browse.views.groups_of", stopped)
    query = "q=rent&whose=bank"
    for reader, logged in ((analyst(), [query]), (paid.user, [])):
        assert signed_in(reader).get(f"{PAGE}?{query}").status_code in (403, 503)
        assert [read.query for read in Read.objects.filter(reader=reader)] == logged


def test_the_page_says_if_a_query_takes_too_long(
    ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise OperationalError("gone")

    request: Any = RequestFactory().get(PAGE)
    request.user = ana.user
    monkeypatch.setattr(views, "groups_of", fail)
    with pytest.raises(OperationalError):
        views.browse(request)
    monkeypatch.setattr(views, "failure_of", lambda _error: Failure.TIMED_OUT)
    assert views.browse(request).status_code == 503
    for kind in ("csv", "json"):
        assert views.browse_file(request, kind).status_code == 503


def test_only_who_may_read_the_bank_and_has_no_account_browses_the_bank(ana: Account) -> None:
    for reader, is_bank in ((UserFactory(), False), (ana.user, False), (analyst(), True)):
        request: Any = RequestFactory().get(PAGE)
        request.user = reader
        page = views._page(request)
        assert (page.scope.is_bank, page.may_read_bank) == (is_bank, is_bank)
        assert (page.is_stopped, page.mistakes) == (False, [])


def test_values_that_no_search_can_name_have_no_link(ana: Account) -> None:
    pay(None, ana, 5, "2026-01-02", metadata={"category": 'with "quotes"', "a  b": "x"})
    client = signed_in(ana.user)
    for by in ("category", "key"):
        assert all(
            not line.url or ("quotes" not in line.label and line.label != "a  b")
            for line in client.get(PAGE, {"by": by}).context["page"].lines
        )


def test_values_of_a_key_are_named_as_in_the_search() -> None:
    found = values_of('meta."odd key".city')
    assert found is not None
    assert found.term("Porto") == 'meta."odd key".city:"Porto"'
    assert values_of("meta.nothing or:") is None


@pytest.mark.parametrize("by", ["category", "counterparty", "tag", "key"])
def test_a_page_takes_few_queries(by: str, paid: Account, django_assert_num_queries: Any) -> None:
    """Session, person, permissions of the person and of groups, accounts with the names of words,
    the groups, and the bell; of counterparties also their accounts.
    """
    client = signed_in(paid.user)
    client.get(PAGE, {"by": by, "q": "lunch or shop"})
    with django_assert_num_queries(7 + (by == "counterparty")):
        client.get(PAGE, {"by": by, "q": "lunch or shop"})


def test_without_a_payment_the_page_says_so(ana: Account) -> None:
    assert "No payments yet" in signed_in(ana.user).get(PAGE).content.decode()


def test_long_keys_do_not_make_a_heavy_page(ana: Account) -> None:
    key = "\u4e2d" * 5_000
    for number in range(3):
        pay(None, ana, 1, "2026-01-02", metadata={f"{number}{key}": "x", "note": "y"})
    answer = signed_in(ana.user).get(PAGE, {"by": "key"})
    assert len(answer.context["page"].lines) == 4
    assert key[:1_000] not in answer.content.decode()


def test_no_group_leads_to_a_search_that_is_cut(ana: Account) -> None:
    pay(None, ana, 1, "2026-01-02", metadata={"category": "x" * 90, "note": "y"})
    query = " ".join(f"-{number}{'z' * 90}" for number in range(10))
    for by in ("category", "key"):
        lines = signed_in(ana.user).get(PAGE, {"by": by, "q": query}).context["page"].lines
        assert lines
        for line in lines:
            assert len(parse_qs(urlsplit(line.search_url).query).get("q", [""])[0]) <= LONGEST
