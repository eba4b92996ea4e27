"""A line that repeats another is pointed out, and paid if the person means it."""

import pytest
from django.test import Client

from accounts.models import Account
from banking.payment_files import storage
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from tests.banking.payment_files.files import checked, fates, pay, stored
from tests.banking.payment_files.shared import page_of, result_of
from tests.factories import AccountFactory
from tests.pages import text_of, texts_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


def repeats(file: PaymentFile) -> list[int | None]:
    lines = PaymentLine.objects.of(file).in_order()
    return list(lines.values_list("repeats", flat=True))


def test_a_line_names_the_first_that_pays_the_same(
    everyday: Account, mara: Account, jo: Account
) -> None:
    file = stored(everyday, pay(mara, 5), pay(jo, 5), pay(mara, "5.00"), pay(mara, 5))
    assert repeats(file) == [None, None, 2, 2]


@pytest.mark.parametrize(
    "other",
    ["{0},6,Rent,R-1", "{0},5,Rents,R-1", "{0},5,Rent,R-2", "{1},5,Rent,R-1"],
    ids=["amount", "description", "reference", "recipient"],
)
def test_another_amount_text_or_person_is_no_repeat(
    everyday: Account, mara: Account, jo: Account, other: str
) -> None:
    file = stored(everyday, pay(mara, 5), other.format(mara.number, jo.number))
    assert repeats(file) == [None, None]


def test_lines_that_cannot_be_read_repeat_nothing(everyday: Account, mara: Account) -> None:
    assert repeats(stored(everyday, *["12,5"] * 2, *[pay(mara, "x")] * 2)) == [None] * 4


def test_repeats_are_found_over_the_parts_of_a_file_and_not_over_files(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PART", 1)
    assert repeats(stored(everyday, pay(mara, 5), pay(mara, 6), pay(mara, 5))) == [None, None, 2]
    assert repeats(stored(everyday, pay(mara, 5), run="2")) == [None]


def test_the_page_says_how_many_repeat_and_each_says_which(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), *[pay(mara, 5)] * 3, "12,7")
    page = ana.get(page_of(file))
    assert texts_of(page, "note--warn")[0].startswith("2 lines repeat another")
    assert texts_of(page, "entry__doubt") == ["Same as line 3."] * 2
    assert [line.number for line in page.context["page"]] == [6, 4, 5, 2, 3]
    assert [line["note"] for line in result_of(ana, file)] == [
        "",
        "",
        "Same as line 3.",
        "Same as line 3.",
        "",
    ]


def test_a_repeat_can_be_paid_and_is_warned_of_no_longer(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, *[pay(mara, 5)] * 2)
    assert fates(file) == ["waiting", "waiting"]
    file = book_rest(file)
    assert fates(file) == ["booked", "booked"]
    assert "repeats another" not in text_of(ana.get(page_of(file)))


def test_only_repeats_that_can_be_paid_are_counted(everyday: Account, mara: Account) -> None:
    file = checked(everyday, *[pay(mara, 600)] * 2)
    assert (file.refused_count, file.repeated_count) == (1, 0)
    Account.objects.filter(pk=everyday.pk).update(overdraft_limit=1000)
    assert check(file).repeated_count == 1


def test_a_file_of_nothing_but_repeats_is_stored_as_well(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [AccountFactory() for _ in range(3)]
    file = stored(everyday, *[pay(person, 1) for person in people] * 200)
    assert repeats(file) == [None] * 3 + [2, 3, 4] * 199
    assert file.repeated_count == 597
