"""Every figure on the page of each report, of half a year that is small enough to check by hand.

`figures_of_pages.txt` has a line for each page: how many marks, rows, links and words there are,
the numbers of its headline, sentence, charts and table in order, and the searches to which its
links lead. After a change that is meant, delete the file, run the test twice, and read
the difference.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import User
from accounts.numbers import with_check_digits
from tests.factories import AccountFactory, UserFactory
from tests.transactions.reports.books import analyst, moment, payment
from transactions import services
from transactions.reports.catalogue import REPORTS

pytestmark = pytest.mark.django_db
FILE = Path(__file__).with_name("figures_of_pages.txt")
PERIOD = {"since": "2024-01-01", "until": "2024-06-30", "at": "2024-06-30T12:00", "threshold": "2"}
# The second compares, and shows money that came in.
ASKED = (PERIOD, {**PERIOD, "compare": "period", "direction": "in", "turnover": "year"})
NOT_OF_THE_REPORT = re.compile(
    r"<(style|script|form|details|nav)\b.*?</\1>|<p class=\"[^\"]*(print-only|table-files).*?</p>",
    re.DOTALL,
)
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WORD = re.compile(r"(?<!\S)(?![A-Z]+\b)[^\W\d_]{2,}(?=[.,:;?]?(?:\s|$))")
FIGURE = re.compile(r"[+\N{MINUS SIGN}]?\d[\d,.:]*(?: %)?|\N{EN DASH}")


@pytest.fixture
def ana() -> User:
    """Somebody with two accounts who is paid, pays Ben for food, and saves; Ben pays rent."""
    ana = UserFactory(name="Ana", created_at=moment("2024-01-02"))
    ben = UserFactory(name="Ben", created_at=moment("2024-02-02"))
    everyday, savings, main = (
        AccountFactory(
            user=user, name=name, number=with_check_digits(number),
            created_at=moment("2024-01-02"), overdraft_limit=Decimal(500),
        )
        for user, name, number in [
            (ana, "Everyday", "1000000001"), (ana, "Savings", "1000000002"),
            (ben, "Main", "1000000003"),
        ]
    )  # fmt: skip
    drafts = []
    for month in range(1, 7):
        for day in (3, 11, 19, 27):
            when = f"2024-{month:02}-{day:02}"
            salary, food = {"category": "salary"}, {"category": "food", "till": day}
            pay = 900 if (month, day) == (6, 19) else day
            drafts += [
                payment(None, everyday, 100 * month + day, f"{when}T08:00", metadata=salary),
                payment(everyday, main, f"{pay}.50", f"{when}T12:30", metadata=food),
                payment(everyday, savings, 20, f"{when}T18:00"),
            ]
        rent = {"category": "rent"}
        drafts.append(payment(main, None, 7 * month, f"2024-{month:02}-28T09:00", metadata=rent))
    services.post_batch(drafts)
    return ana


def lines(readers: dict[str, User]) -> Iterator[str]:
    for report in REPORTS:
        for name, reader in readers.items():
            client = Client()
            client.force_login(reader)
            for number, asked in enumerate(ASKED):
                page = client.get(report.url, asked)
                if page.status_code == 200:
                    yield f"{report.slug} {name} {number}: {figures_of(page.content.decode())}"


def figures_of(page: str) -> str:
    main = NOT_OF_THE_REPORT.sub("", page[page.index("<main") : page.index("</main")])
    counts = " ".join(
        f"{len(re.findall(f'<{name}', main))} {name}" for name in ("rect", "tr", "a ")
    )
    text = unescape(re.sub(r"<[^>]+>", " ", main)).replace("\xa0", " ")
    counts += f" {len(WORD.findall(text))} words"
    addresses = (unescape(each) for each in re.findall(r'href="([^"]*)"', main))
    searches = {
        query for each in addresses for query in parse_qs(urlsplit(each).query).get("q", ())
    }
    known = sorted(ID.sub("id", query) for query in searches)
    return f"{counts} | {' '.join(FIGURE.findall(text))} | {', '.join(dict.fromkeys(known))}"


@pytest.mark.whole_code
def test_every_figure_is_as_it_was(ana: User) -> None:
    found = [*lines({"customer": ana, "analyst": analyst()})]
    if not FILE.exists():
        FILE.write_text("\n".join(found) + "\n")
        pytest.fail(f"{FILE.name} is new; read it, and run this again")
    assert found == FILE.read_text().splitlines()
