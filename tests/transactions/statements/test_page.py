"""The statement: days, running balance, pages by keyset, what it says on paper."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.services import close_account, freeze_account
from ledger.text.dates import long_date
from tests.factories import AccountFactory
from tests.pages import lacks, text_of, texts_of
from tests.transactions.statements.pages import NOON, entries_in, page_of
from tests.transactions.statements.shared import fill
from transactions import services
from transactions.models import Entry
from transactions.services import Draft
from transactions.statements import page as statements
from transactions.statements.page import Filters, mark_of, statement_page, time_of_mark

pytestmark = pytest.mark.django_db


def test_a_statement_groups_by_day_with_the_running_balance_on_every_line(
    ana: Client, account: Account
) -> None:
    response = page_of(ana, account)
    days = response.context["page"].days
    assert [day.date for day in days] == [date(2026, 3, 19 - n) for n in range(10)]
    assert {day.total for day in days} == {5}
    assert [entry.balance for entry in days[0].entries] == [50, 52, 55]
    assert account.balance == 50
    said = text_of(response)
    assert "50.00 USD available" in said
    assert "USD available Booked 50.00" in said
    assert "Mara Lindt" in said


def test_pages_join_without_a_gap_or_a_repeat_both_ways(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "PAGE", 7)
    everything = list(Entry.objects.for_account(account).newest_first())
    seen, urls = [], [reverse("transactions:statement", args=[account.pk])]
    while urls[-1]:
        response = ana.get(urls[-1])
        assert {day.total for day in response.context["page"].days} == {5}, "cut days too"
        seen.append(entries_in(response))
        urls.append(response.context["links"]["older_url"])
    assert [entry for page in seen for entry in page] == everything
    back = ana.get(urls[-2]).context["links"]["newer_url"]
    pages_back = []
    while back:
        response = ana.get(back)
        pages_back.append(entries_in(response))
        assert {day.total for day in response.context["page"].days} == {5}
        back = response.context["links"]["newer_url"]
    assert [entry for page in reversed(pages_back) for entry in page] == everything[
        : -len(seen[-1])
    ]


def test_a_day_cut_in_two_shows_the_total_of_what_is_filtered(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "PAGE", 1)
    out = Filters(direction="out")
    newest = statement_page(account, out)
    (day,) = newest.days
    assert day.total == -5
    assert len(day.entries) == 1
    assert newest.older is not None
    (again,) = statement_page(account, out, before=time_of_mark(newest.older)).days
    assert (again.date, again.total, again.entries[0].signed_amount) == (day.date, -5, -3)


def test_paper_says_what_it_holds_and_holds_everything(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "PAGE", 7)
    first = page_of(ana, account)
    paper_line = first.context["paper_line"]
    assert not lacks(paper_line, "7 entries", "17 March 2026", "19 March 2026", "there are more")
    assert paper_line in text_of(first)
    assert [day.is_split for day in first.context["page"].days] == [False, False, True]
    assert text_of(first).count("Whole day") == 1
    page = first.context["page"]
    assert (page.opening, page.closing) == (42, 50)
    whole = page_of(ana, account, paper=1)
    assert len(entries_in(whole)) == 30
    said = text_of(whole)
    assert not lacks(whole.context["paper_line"], "30 entries", "10 March 2026", "19 March 2026")
    assert "there are more" not in whole.context["paper_line"]
    assert texts_of(whole, "page-head__figure") == ["50.00"]
    assert "on 19 March 2026" in texts_of(whole, "page-head__unit")[0]
    assert re.findall(r"\d+\.\d\d", texts_of(whole, "page-head__subline")[0]) == [
        "100.00",
        "50.00",
        "0.00",
    ]
    assert "Opening balance 0.00" in said
    assert "Closing balance 50.00" in said
    empty = text_of(page_of(ana, account, paper=1, end="2019-01-01"))
    assert "came in" not in empty
    assert "No entries match" in empty
    one = page_of(ana, account, q="rent 2", paper=1).context["paper_line"]
    assert not lacks(one, "1 entry", "12 March 2026", "a selection", "rent 2")
    assert "money out" in page_of(ana, account, direction="out", paper=1).context["paper_line"]


@pytest.mark.parametrize(
    ("asked", "period"),
    [
        ({"start": "2026-03-01", "end": "2026-03-31"}, "from 1 March 2026 to 31 March 2026."),
        ({"end": "2026-03-31"}, "from 10 March 2026 to 31 March 2026."),
        ({"start": "2026-03-01"}, "from 1 March 2026 to 19 March 2026."),
        ({"start": "2026-03-12", "end": "2999-01-01"}, "from 12 March 2026 to {today}."),
        ({"start": "2020-01-01", "end": "2020-01-31"}, "from 1 January 2020 to 31 January 2020."),
        ({"start": "2026-03-01", "end": "2026-03-31", "q": "rent 2"}, "to 31 March 2026, a sele"),
    ],
)
def test_paper_has_the_chosen_period(
    ana: Client, account: Account, asked: dict[str, str], period: str
) -> None:
    today = long_date(timezone.localdate())
    paper_line = page_of(ana, account, **asked, paper=1).context["paper_line"]
    assert period.format(today=today) in paper_line


def test_no_balance_is_of_a_day_to_come(ana: Client, account: Account) -> None:
    edges = texts_of(page_of(ana, account, end="2999-01-01", paper=1), "statement__edge")
    assert "Closing balance on" in edges[0]
    assert "2999" not in edges[0]


def test_a_part_of_a_period_has_the_days_of_its_entries(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "PAGE", 7)
    chosen = {"start": "2026-03-01", "end": "2026-03-31"}
    newest = page_of(ana, account, **chosen)
    assert "from 17 March 2026 to 31 March 2026" in newest.context["paper_line"]
    older = ana.get(newest.context["links"]["older_url"])
    assert "from 15 March 2026 to 17 March 2026" in older.context["paper_line"]


def test_the_owner_reads_the_message_of_a_freeze_and_not_its_reason(
    ana: Client, account: Account
) -> None:
    told = "Card stolen, \u202eas you told us."
    freeze_account(account=account, reason="Police asked twice", message=told)
    said = text_of(page_of(ana, account))
    assert "Police" not in said
    assert "\u202e" not in said
    assert "Card stolen, as you told us." in said
    assert "USD frozen" in said


def test_a_statement_takes_eight_queries_at_most_whatever_is_asked(
    ana: Client, account: Account, django_assert_max_num_queries: Any
) -> None:
    middle = mark_of(NOON + timedelta(days=5))
    for query in (
        {},
        {"before": middle},
        {"after": middle},
        {"q": "mara", "before": middle},
        {"start": "2026-03-11", "end": "2026-03-18"},
    ):
        with django_assert_max_num_queries(8 + 2):  # and the session with its person
            page_of(ana, account, **query)


def test_only_a_day_that_the_page_splits_has_its_total_read(
    account: Account, django_assert_num_queries: Any
) -> None:
    edge = NOON + timedelta(days=5)  # a payment a day stands at noon, two others after it
    for size, queries, split in ((6, 1, set()), (7, 2, {date(2026, 3, 17)})):
        with django_assert_num_queries(queries):
            page = statement_page(account, Filters(), size=size)
        assert {day.date for day in page.days if day.is_split} == split
        assert {day.total for day in page.days} == {5}
    with django_assert_num_queries(2):  # the older page's part of the day is not read
        page = statement_page(account, Filters(), after=edge, size=8)
    assert {day.total for day in page.days} == {5}


def test_the_deepest_of_many_pages_takes_no_more_queries_than_the_first(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    account = AccountFactory(overdraft_limit=Decimal(10))
    fill(account, AccountFactory(overdraft_limit=Decimal(10)), 5_000)
    client.force_login(account.user)
    oldest = Entry.objects.for_account(account).order_by("created_at")[60]
    with django_assert_max_num_queries(10):
        assert len(entries_in(page_of(client, account))) == 50
    with django_assert_max_num_queries(10):
        assert len(entries_in(page_of(client, account, before=mark_of(oldest.created_at)))) == 50


def test_marks_keep_the_microsecond() -> None:
    moment = datetime(2026, 3, 10, 12, 0, 0, 123457, tzinfo=UTC)
    assert time_of_mark(mark_of(moment)) == moment


def test_what_a_person_sees_is_kept_out_of_caches(ana: Client, account: Account) -> None:
    for url in ("/", "/accounts/", f"/accounts/{account.pk}/"):
        assert ana.get(url).headers["Cache-Control"] == "private, no-store"
    csv_url = reverse("transactions:statement_csv", args=[account.pk])
    assert ana.get(csv_url).headers["Cache-Control"] == "private, no-store"
    assert ana.get("/transfers/new/", follow=True).headers["Cache-Control"] == "private, no-store"
    assert "no-store" not in ana.post("/transfers/new/", {}).headers["Cache-Control"]


def test_the_longest_texts_do_not_make_a_page_heavy(ana: Client, account: Account) -> None:
    long = {"description": "\U0001f389" * 500, "reference": "x" * 140}
    drafts = [Draft(to_account=account, amount=Decimal(1), **long) for _ in range(50)]  # type: ignore[arg-type]
    services.post_batch(drafts)
    assert len(page_of(ana, account).content) < 60_000


def test_somebody_elses_statement_is_not_found(client: Client, account: Account) -> None:
    client.force_login(AccountFactory().user)
    for name in ("transactions:statement", "transactions:statement_csv"):
        assert client.get(reverse(name, args=[account.pk])).status_code == 404


def test_frozen_and_closed_say_so_and_offer_no_payment(ana: Client, account: Account) -> None:
    freeze_account(account=account, reason="Card stolen")
    response = page_of(ana, account)
    assert "This account is frozen" in text_of(response)
    assert "Send money" not in text_of(response)
    empty = AccountFactory(user=account.user)
    close_account(account=empty, reason="Done")
    said = text_of(page_of(ana, empty))
    assert "This account is closed" in said
    assert "No payments yet" in said


def test_markup_in_descriptions_and_names_comes_out_as_text(ana: Client, account: Account) -> None:
    evil = AccountFactory(balance="5", user__name="<img src=x onerror=alert(1)>")
    row = services.transfer(
        from_account=evil,
        to_account=account,
        amount=Decimal(1),
        description="<script>alert(1)</script>",
        metadata={"<b>key</b>": "<script>x</script>", "category": "<i>c</i>"},
    )
    for url in ("/", f"/accounts/{account.pk}/", f"/transactions/{row.pk}/"):
        content = ana.get(url).content.decode()
        assert "&lt;img src=x onerror=alert(1)&gt;" in content
        for markup in ("<img src=x", "<script>alert", "<script>x", "<b>key", "<i>c"):
            assert markup not in content
