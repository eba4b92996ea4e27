"""Who uploads guesses at names gets few answers a day, and the page says so."""

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.storage import discard
from tests.banking.payment_files.files import stored
from tests.banking.payment_files.shared import WITH_NAMES, named, page_of, pay_as
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of, texts_of
from transactions.models import NamesAsked
from transactions.safeguards import quota

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _two_wrong_names_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "WRONG_NAMES_A_DAY", 2)


def answers(file: PaymentFile) -> list[str]:
    return list(PaymentLine.objects.of(file).in_order().values_list("name_check", flat=True))


def test_after_so_many_wrong_names_a_day_none_is_compared_and_right_ones_are_not_counted(
    everyday: Account, mara: Account
) -> None:
    names = ["Mara Lindt", "Jo", "Mara Lindt", "M Lindt", "Mara Lindt", "Ann"]
    file = named(everyday, *[pay_as(mara, name, n) for n, name in enumerate(names, 1)])
    assert answers(file) == ["match", "other", "match", "close", "", ""]
    again = named(everyday, pay_as(mara, "Mara Lindt", 9), pay_as(mara, "", 8))
    assert answers(again) == ["", ""]


def test_the_page_says_which_names_were_not_compared_and_puts_them_first(
    client: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    client.force_login(everyday.user)
    names = ["Mara Lindt", "Jo", "Jo", "Ann"]
    lines = [pay_as(mara, name, n) for n, name in enumerate(names, 1)]
    file = named(everyday, *lines, pay_as(jo, "", 5))
    response = client.get(page_of(file))
    shown = [line.number for line in response.context["page"].object_list]
    assert shown == [3, 4, 5, 2, 6]
    doubts = " ".join(texts_of(response, "entry__doubt"))
    assert "“Ann” in the file was not compared" in doubts
    assert "We did not compare all names." in text_of(response)
    early = named(AccountFactory(balance="9"), pay_as(mara, "Jo"))
    client.force_login(early.from_account.user)
    assert "did not compare" not in text_of(client.get(page_of(early)))


def test_removing_the_file_gives_no_more_answers(everyday: Account, mara: Account) -> None:
    for n in (1, 2):
        assert discard(named(everyday, pay_as(mara, f"Jo {n}", n)))
    assert answers(named(everyday, pay_as(mara, "Ann", 3))) == [""]


def test_the_next_day_names_are_compared_again_and_others_have_their_own_count(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [pay_as(mara, "Jo", n) for n in (1, 2, 3)]
    assert answers(named(everyday, *lines)) == ["other", "other", ""]
    assert answers(named(AccountFactory(balance="9"), *lines)) == ["other", "other", ""]
    tomorrow = timezone.localdate() + timedelta(days=1)
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: tomorrow)
    assert answers(named(everyday, pay_as(mara, "Jo", 4))) == ["other"]


def test_what_the_bank_brings_is_compared_however_much(everyday: Account, mara: Account) -> None:
    lines = [pay_as(mara, "Jo", n) for n in (1, 2, 3)]
    for bringer in (None, UserFactory(is_staff=True)):
        file = stored(everyday, *lines, heading=WITH_NAMES, created_by=bringer)
        assert answers(file) == ["other"] * 3
    assert NamesAsked.objects.count() == 0


def test_a_file_without_names_counts_nothing(everyday: Account, mara: Account) -> None:
    named(everyday, pay_as(mara, ""))
    assert not NamesAsked.objects.exclude(count=0, numbers=0).exists()


@pytest.mark.own_session
def test_an_upload_waits_for_the_count_before_it_compares_a_name(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(everyday, pay_as(mara, "Mara Lindt"))
    seen: list[str] = []
    monkeypatch.setattr("ledger.db.retry.TRIES", 1)
    monkeypatch.setattr(quota, "compared", lambda typed, _: seen.append(typed))
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM payment_names_asked FOR NO KEY UPDATE")
        connection.cursor().execute("SET lock_timeout = '100ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            named(everyday, pay_as(mara, "Jo"))
    connection.close()
    assert not seen


def test_files_uploaded_side_by_side_share_the_day(everyday: Account, mara: Account) -> None:
    barrier = threading.Barrier(4, timeout=60)
    found: list[Any] = []

    def upload(n: int) -> None:
        barrier.wait()
        found.extend(answers(named(everyday, pay_as(mara, "Jo", n), pay_as(mara, "Ann", n))))
        connection.close()

    threads = [threading.Thread(target=upload, args=[n]) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [""] * 6 + ["other"] * 2
    assert NamesAsked.objects.get().count == 2
