"""A payer sees whether a number is the right person's, and nobody collects names by uploading."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentLine
from banking.payment_files.preview import check
from tests.banking.payment_files.files import checked, fates, pay, stored
from tests.banking.payment_files.shared import WITH_NAMES, named, page_of, pay_as, result_of
from tests.factories import AccountFactory
from tests.pages import lacks, text_of, texts_of
from transactions import services

real_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


@real_commits
def test_a_stranger_is_named_in_part_until_they_were_paid(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1))
    page = ana.get(page_of(file))
    assert "M••• L•••" in text_of(page)
    assert "Mara" not in text_of(page)
    assert page.context["recipients"].in_part
    assert "only a part of the names" in text_of(page)
    services.hold(from_account=everyday, to_account=mara, amount=Decimal(1))
    assert "Mara" not in text_of(ana.get(page_of(file))), "a hold is no payment"
    services.transfer(from_account=everyday, to_account=mara, amount=Decimal(1))
    page = ana.get(page_of(file))
    assert "Mara Lindt" in text_of(page)
    assert "only a part of the names" not in text_of(page)


@real_commits
def test_being_paid_by_somebody_or_somebody_elses_payment_names_nobody(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    services.deposit(to_account=jo, amount=Decimal(10))
    services.transfer(from_account=jo, to_account=mara, amount=Decimal(1))
    assert "Mara" not in text_of(ana.get(page_of(checked(everyday, pay(mara, 1)))))


@real_commits
def test_a_line_that_was_paid_names_its_receiver(
    ana: Client, everyday: Account, mara: Account
) -> None:
    assert "Mara Lindt" in text_of(ana.get(page_of(book_rest(checked(everyday, pay(mara, 1))))))


@real_commits
def test_ones_own_account_is_named(ana: Client, everyday: Account) -> None:
    own = AccountFactory(user=everyday.user)
    text = text_of(ana.get(page_of(checked(everyday, pay(own, 1)))))
    assert "A••• F•••" not in text
    assert text.count("Ana Ferreira") > 2, "in the menu twice, and in the line"


@real_commits
def test_a_name_that_the_file_gives_is_answered_match_close_or_not(
    ana: Client, everyday: Account, mara: Account
) -> None:
    lines = [pay_as(mara, "Mara Lindt", 1), pay_as(mara, "M Lindt", 2), pay_as(mara, "Jo Wolf", 3)]
    file = named(everyday, *lines)
    page = ana.get(page_of(file))
    (warning,) = texts_of(page, "note--warn")
    assert warning.startswith("2 lines do not have")
    close, other = texts_of(page, "entry__doubt")
    assert not lacks(close, "“M Lindt”", "close to")
    assert not lacks(other, "“Jo Wolf”", "is not")
    names = ["M••• L•••", "M••• L•••", "Mara Lindt name matches"]
    assert texts_of(page, "entry__name") == names
    answers = PaymentLine.objects.of(file).in_order().values_list("name_check", flat=True)
    assert list(answers) == ["match", "close", "other"]
    assert fates(file) == ["waiting"] * 3, "a doubt is no refusal"


@real_commits
def test_a_wrong_name_of_somebody_known_shows_both(
    ana: Client, everyday: Account, mara: Account
) -> None:
    services.transfer(from_account=everyday, to_account=mara, amount=Decimal(1))
    page = ana.get(page_of(named(everyday, pay_as(mara, "Jo Wolf"))))
    assert texts_of(page, "entry__name") == ["Mara Lindt"]
    assert "“Jo Wolf”" in texts_of(page, "entry__doubt")[0]


@real_commits
def test_the_download_names_nobody_but_says_what_is_in_doubt(
    ana: Client, everyday: Account, mara: Account
) -> None:
    first, second = result_of(ana, named(everyday, pay_as(mara, "Jo"), pay_as(mara, "=1")))
    assert (first["name"], first["result"]) == ("Jo", "can be paid")
    assert first["note"] == PaymentLine.objects.get(typed_name="Jo").doubts[0]
    assert not lacks(first["note"], "“Jo”", "not the holder's name")
    assert second["name"] == "'=1"
    assert "Mara" not in str(first)


@real_commits
def test_staff_read_every_name(staff: Client, everyday: Account, mara: Account) -> None:
    file = named(everyday, pay_as(mara, "Jo Wolf"))
    page = staff.get(f"/admin/payment_files/paymentfile/{file.pk}/change/")
    assert "Mara Lindt" in text_of(page)
    head, line = texts_of(page, "staff__doubts")
    assert head.startswith("1 line does not have")
    assert not lacks(line, "“Jo Wolf”", "not the holder's name")


@real_commits
def test_a_column_of_names_makes_the_lines_no_others(
    ana: Client, everyday: Account, mara: Account
) -> None:
    """Otherwise adding it to a file that was paid would hide the warning."""
    book_rest(checked(everyday, pay(mara, 1)))
    again = named(everyday, pay_as(mara, "Mara Lindt"))
    (warning,) = texts_of(ana.get(page_of(again)), "note--warn")
    assert "salaries.csv, 1.00 USD" in warning


@real_commits
def test_a_long_name_is_quoted_shorter(everyday: Account, mara: Account) -> None:
    line = PaymentLine.objects.get(file=named(everyday, pay_as(mara, "x" * 140)))
    (doubt,) = line.doubts
    assert f" “{'x' * 40}…”" in doubt


@real_commits
def test_a_name_no_person_has_refuses_its_line_for_good(everyday: Account, mara: Account) -> None:
    file = check(named(everyday, pay_as(mara, "Mara Lindt" + " x" * 66), pay_as(mara, "x" * 900)))
    why = "The name is longer than 140 characters. Shorten it or leave it out."
    assert fates(file) == [why, why]
    lines = PaymentLine.objects.of(file).in_order()
    assert [(line.typed_name[:5], line.name_check) for line in lines] == [
        ("Mara ", ""),
        ("xxxxx", ""),
    ]


@real_commits
def test_a_number_that_nobody_has_is_compared_with_nobody(everyday: Account) -> None:
    file = stored(everyday, "12,Jo,1,,", heading=WITH_NAMES)
    assert PaymentLine.objects.get(file=file).name_check == ""


@real_commits
def test_the_names_of_a_page_cost_the_same_however_many(
    ana: Client, everyday: Account, django_assert_max_num_queries: Any
) -> None:
    file = checked(everyday, *[pay(AccountFactory(), n) for n in range(1, 21)])
    with django_assert_max_num_queries(11):
        ana.get(page_of(file))
