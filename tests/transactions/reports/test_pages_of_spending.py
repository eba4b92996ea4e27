"""What the pages about spending, sizes, hours, the unusual and metadata say and link to."""

import csv
import re
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from ledger.charts.geometry import WIDE, BarChart, Mark, draw_bars
from tests.factories import UserFactory
from tests.pages import lacks, text_of
from tests.transactions.reports.movements import book, funded
from tests.transactions.reports.shared import NOVEMBER, get, searches
from transactions.reports.catalogue import BY_SLUG

pytestmark = pytest.mark.django_db
SLUGS = [
    "spending-by-category",
    "amount-distribution",
    "amount-percentiles",
    "by-weekday-and-hour",
    "unusual-movements",
    "metadata-keys",
]
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture
def account(client: Client) -> Account:
    account = funded(user__name="Ana")
    client.force_login(account.user)
    return account


@pytest.fixture
def analyst(client: Client) -> User:
    analyst: User = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    client.force_login(analyst)
    return analyst


def lines(client: Client, slug: str, **asked: str) -> list[list[str]]:
    """The file, without its heading."""
    url = reverse("transactions:report_csv", args=[slug])
    response: Any = client.get(url, {**NOVEMBER, **asked})
    content = b"".join(response.streaming_content).decode()
    return list(csv.reader(StringIO(content)))[1:]


def test_spending_says_how_much_more_and_on_what(client: Client, account: Account) -> None:
    book("2025-10-02", "40", out_of=account, category="eating out")
    book("2025-11-02", "70.50", out_of=account, category="eating out")
    paid = book("2025-11-03", "12", out_of=account)
    book("2025-11-04", "2", into=account, reverses=paid)
    response = get(client, "spending-by-category")
    said = text_of(response)
    assert not lacks(said, "80.50 USD spent", "40.50 more", "category is Eating out")
    assert "No category" in said
    days = "is:booked date:2025-11-01..2025-11-30"
    before = "is:booked date:2025-10-01..2025-10-31"
    out = f'is:out -is:refund {days} category:"eating out" currency:USD'
    out_before = f'is:out -is:refund {before} category:"eating out" currency:USD'
    back_before = f'is:in {before} refunds:"eating out" currency:USD'
    nameless = f"is:out -is:refund {days} category:none currency:USD"
    back = f"is:in {days} refunds:none currency:USD"
    assert searches(response) == [
        *[out, out, f"{out_before} or {back_before}"],
        *[nameless, back, f"{nameless} or {back}"],
    ]
    assert lines(client, "spending-by-category") == [
        ["eating out", "70.50", "", "70.50", "40.00", "30.50", "0.8758"],
        ["No category", "12.00", "2.00", "10.00", "0.00", "10.00", "0.1242"],
    ]


def test_spending_says_it_when_more_came_back(client: Client, account: Account) -> None:
    paid = book("2025-10-02", "40", out_of=account)
    book("2025-11-02", "40", into=account, reverses=paid)
    (row,) = get(client, "spending-by-category").context["run"].rows
    assert (row["spent"], row["given_back"], row["net"]) == (0, 40, -40)


def test_a_bar_has_a_line_where_it_was_before() -> None:
    with_line = Mark(
        "a", Decimal(50), "50.00", comparison=Decimal(100), comparison_label="in May 100.00"
    )
    marks = [with_line, Mark("b", Decimal(25), "25.00")]
    first, second = draw_bars(BarChart("Both", marks), WIDE).bars
    assert (first.length, first.comparison_x) == (WIDE.width / 2, WIDE.width)
    assert (second.length, second.comparison_x) == (WIDE.width / 4, None)
    assert with_line.name == "a: 50.00; in May 100.00"


def test_the_line_is_told_in_words(client: Client, account: Account) -> None:
    book("2025-10-02", "40", out_of=account, category="rent")
    book("2025-11-02", "70", out_of=account, category="rent")
    page = get(client, "spending-by-category").content.decode()
    (name,) = set(re.findall(r'aria-label="(Rent: [^"]*)"', page))
    assert not lacks(name, "70.00", "October 2025 40.00")
    assert not lacks(page, "Bar: in November 2025", "Marker: in October 2025")
    assert page.count('class="chart__comparison"') == 2  # one drawing for screens, one for phones


def test_sizes_link_to_just_the_payments_of_each(client: Client, account: Account) -> None:
    for day, amount in enumerate(["3", "4.99", "700"], start=1):
        book(f"2025-11-0{day}", amount, out_of=account)
    response = get(client, "amount-distribution")
    assert not lacks(text_of(response), "67 %", "3 payments", "at most 4.99 USD")
    days = "is:out is:booked date:2025-11-01..2025-11-30"
    assert searches(response) == [
        f"{days} amount:2..4.99 currency:USD",
        f"{days} amount:500..999.99 currency:USD",
    ]
    marks = response.context["run"].chart.marks
    assert [(mark.label, mark.value) for mark in marks] == [
        ("2", 2), ("5", 0), ("10", 0), ("20", 0), ("50", 0), ("100", 0), ("200", 0), ("500", 1),
    ]  # fmt: skip


def test_usual_amounts_say_what_half_come_to(client: Client, account: Account) -> None:
    for day, amount in enumerate(["10", "20", "90"], start=1):
        book(f"2025-11-0{day}", amount, out_of=account, category="food")
    response = get(client, "amount-percentiles")
    (row,) = response.context["run"].rows
    assert (row["median"], row["p90"]) == (20, 90)
    assert "were at most 20.00 USD" in text_of(response)
    days = "is:out is:booked date:2025-11-01..2025-11-30 category:food"
    assert f"{days} amount:>=90 currency:USD" in searches(response)


def test_hours_say_when_the_most_moves(client: Client, account: Account) -> None:
    book("2025-11-03T08:15", "10", out_of=account)
    book("2025-11-04T21:59", "1250", out_of=account)
    response = get(client, "by-weekday-and-hour")
    said = text_of(response)
    assert not lacks(said, "Tuesdays from 21:00", "1,250.00 USD in 1 payment")
    chart = response.context["run"].chart
    assert (chart.down[0], chart.down[-1], len(chart.down)) == ("08:00", "21:00", 14)
    assert [(mark.title, mark.label) for mark in chart.marks] == [
        ("Mon 08:00", "10"), ("Tue 21:00", "1.2k"),
    ]  # fmt: skip
    assert lines(client, "by-weekday-and-hour") == [
        ["Tuesday", "21:00", "1", "1250.00"],
        ["Monday", "08:00", "1", "10.00"],
    ]


def test_the_unusual_is_said_in_words_and_links_to_itself(client: Client, account: Account) -> None:
    for day in range(1, 9):
        book(f"2025-10-0{day}", "9.99", out_of=account, category="music")
    row = book("2025-11-05", "12.99", out_of=account, category="music", description="Tuneful")
    response = get(client, "unusual-movements")
    said = text_of(response)
    assert not lacks(said, "5 November 2025: 12.99 USD", "music was 9.99 USD", "8 times before")
    assert searches(response) == [f"id:{row.pk} currency:USD"] * 2


def test_a_threshold_below_two_is_refused_in_place(client: Client, account: Account) -> None:
    for typed in ("1", "1001", "3.125", "NaN", "three", "1e400", "-1e-400", "9" * 50):
        response = get(client, "unusual-movements", threshold=typed)
        assert response.context["run"] is None
        assert text_of(response).count("from 2 to 1000") == 1


@pytest.mark.parametrize(("amount", "is_listed"), [("16", True), ("15.99", False)])
def test_unusual_is_from_three_times_the_usual_spread_on_unless_it_is_said(
    client: Client, account: Account, amount: str, is_listed: bool
) -> None:
    for day, usual in enumerate(["7", "13", "8", "12", "9", "11", "10", "10"], start=1):
        book(f"2025-10-0{day}", usual, out_of=account, category="food")  # a spread of two
    book("2025-11-05", amount, out_of=account, category="food")
    response = get(client, "unusual-movements")
    assert len(response.context["run"].rows) == is_listed
    assert 'name="threshold" value="3"' in response.content.decode()


def test_each_key_links_to_the_rows_that_have_it(client: Client, account: Account) -> None:
    metadata = {"merchant": {"city": "Porto"}, "odd key": 1}
    book("2025-11-05", "1", into=account, metadata=metadata)
    response = get(client, "metadata-keys")
    assert not lacks(text_of(response), "2 keys", "merchant.city is on the most")
    assert searches(response) == ["has:meta.merchant.city", 'has:meta."odd key"']


def test_top_spenders_are_not_for_customers(client: Client, account: Account) -> None:
    assert client.get("/reports/top-spenders/").status_code == 404
    assert client.get(reverse("transactions:report_csv", args=["top-spenders"])).status_code == 404


def test_top_spenders_are_of_the_bank_whatever_the_address_says(
    client: Client, analyst: User
) -> None:
    ada = funded(user__name="Ada Quill")
    for day in (2, 3):
        book(f"2025-11-0{day}", "9", out_of=ada)
    response = get(client, "top-spenders", whose="mine")
    said = text_of(response)
    assert not lacks(said, f"Holder of ··{ada.number[-4:]} spent", "November 2025: 18.00 USD")
    assert "Ada Quill" not in response.content.decode()
    assert ada.number not in response.content.decode()
    (mark,) = response.context["run"].chart.marks
    (query,) = parse_qs(urlsplit(mark.url).query)["q"]
    assert query.startswith(f"account:{ada.user_id} is:out -is:refund -category:savings")


@pytest.mark.parametrize("slug", SLUGS)
def test_a_stranger_changes_nothing(client: Client, account: Account, slug: str) -> None:
    def fill(who: Account, word: str) -> None:
        for day in range(1, 10):
            book(f"2025-11-0{day}T0{day}:00", str(day), out_of=who, category=word)
        book(
            "2025-11-20", "950", out_of=who, description=word, metadata={"category": word, word: 1}
        )

    fill(account, "plain")
    before = get(client, slug).context["run"].rows, lines(client, slug)
    fill(funded(user__name="Zoltan Strange"), "strange")
    response = get(client, slug)
    assert (response.context["run"].rows, lines(client, slug)) == before
    assert response.context["run"].rows
    assert "strange" not in response.content.decode().lower()


@pytest.mark.parametrize("slug", SLUGS)
def test_markup_in_the_books_comes_out_as_text(client: Client, account: Account, slug: str) -> None:
    for day in range(1, 10):
        book(f"2025-11-0{day}", "10", out_of=account, category=SCRIPT)
    odd = {"category": SCRIPT, SCRIPT: SCRIPT}
    book("2025-11-20", "950", out_of=account, description=SCRIPT, metadata=odd)
    page = get(client, slug).content.decode()
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    if slug not in ("amount-distribution", "by-weekday-and-hour"):
        assert escape(SCRIPT)[:30] in page


@pytest.mark.parametrize("slug", [*SLUGS, "top-spenders"])
def test_it_can_be_asked_of_the_bank_and_of_nothing(
    client: Client, analyst: User, slug: str
) -> None:
    funded()
    assert "Nothing to report" in text_of(get(client, slug)) or slug == "metadata-keys"
    assert BY_SLUG[slug].question


@pytest.mark.parametrize("slug", [*SLUGS, "top-spenders"])
def test_pages_stay_light_with_much_on_them(client: Client, analyst: User, slug: str) -> None:
    account = funded()
    book("2025-11-01", "9000000", into=account)
    for hour in range(24 * 7):
        day, at = divmod(hour, 24)
        words = f"category number {hour % 40}"
        metadata = {"category": words, f"key{hour % 60}": {"inside": "x" * 90}}
        moment = f"2025-11-{day + 3:02}T{at:02}:10"
        book(moment, str(2 ** (hour % 18)), out_of=account, metadata=metadata)
    assert len(get(client, slug).content) < 62_000  # some 20,000 are the code in the panel
    compared = get(client, slug, compare="year")  # whose panel has two queries
    assert len(compared.content) < 66_000
