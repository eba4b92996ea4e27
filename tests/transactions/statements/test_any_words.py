"""Whatever is typed in a statement's filter is answered, on the page and in the file alike."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Account
from tests.pages import text_of
from tests.transactions.statements.pages import entries_in, page_of
from transactions.search.language.parser import LONGEST, parse

pytestmark = pytest.mark.django_db
CUT = "Only the first 1,000 characters were read."


def lines_of(client: Client, account: Account, typed: str) -> list[Any]:
    """The lines of the file for the same filter, without the heading."""
    response = client.get(reverse("transactions:statement_csv", args=[account.pk]), {"q": typed})
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(body)))[1:]


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("rent", 10),
        ("\x00rent\x00", 10),
        ("rent\t\n", 10),
        ("rent " * 50, 10),  # more than 40 words, the first of which are read
        ("rent" + " " * LONGEST + "rent", 10),
        ('"rent"' + " or zebra" * 200, 10),
        ("a" * 300, 0),
        ("\x00", 30),
        ("amount:lots", 0),
    ],
)
def test_the_file_has_the_entries_of_the_page(
    ana: Client, account: Account, typed: str, count: int
) -> None:
    page = page_of(ana, account, q=typed)
    assert (len(entries_in(page)), len(lines_of(ana, account, typed))) == (count, count)


def test_one_limit_holds_for_page_file_and_search_and_is_said(
    ana: Client, account: Account
) -> None:
    for size, is_cut in ((LONGEST, False), (LONGEST + 1, True)):
        typed = "rent " + "a" * (size - 5)
        for page in (page_of(ana, account, q=typed), ana.get("/search/", {"q": typed})):
            assert (CUT in text_of(page)) is is_cut


def test_links_of_a_long_filter_carry_what_was_read(ana: Client, account: Account) -> None:
    typed = "rent or " * 1500
    page = page_of(ana, account, q=typed)
    assert len(page.content) < 60_000
    links = page.context["address"]
    assert links.params["q"] == parse(typed).text
    assert links.query.endswith(urlencode({"q": links.params["q"]}))
