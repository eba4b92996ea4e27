"""Payees: saved, shown, paid again; whose name is told, and how many wrong numbers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import Account, User
from accounts.services import close_account, freeze_account
from ledger.db.ids import uuid7
from tests.attacks.waiting import after_waiting_for
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of, texts_of
from tests.transactions.table_files import csv_of, json_of
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.models import NamesAsked, Transaction
from transactions.payees import services as payees
from transactions.payees import views
from transactions.payees.models import Payee
from transactions.payees.reads import payee_lines
from transactions.payees.services import remove_payee, save_payee
from transactions.safeguards import quota
from transactions.services import Draft

pytestmark = pytest.mark.django_db
LIST, NEW, TRANSFER = "/payees/", "/payees/new/", "/transfers/new/"


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="1000", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(name="Rent income", user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


def pay(mine: Account, theirs: Account, amount: str = "12.50") -> Transaction:
    return services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(amount), description="Rent",
        reference="R-11", created_by=mine.user,
    )  # fmt: skip


def saved(client: Client, number: str, name: str, note: str = "") -> str:
    """Fills in the form; the text of the page that follows."""
    return text_of(client.post(NEW, {"number": number, "name": name, "note": note}, follow=True))


def test_a_payee_is_saved_under_a_name_and_leads_to_the_transfer_form(
    ana: Client, mine: Account, theirs: Account
) -> None:
    page = saved(ana, theirs.number, " Landlady  ", "The flat in Elm Street")
    for fact in ("Landlady", "M••• L•••", "The flat in Elm Street", "never paid"):
        assert fact in page
    assert "Mara" not in page
    payee = Payee.objects.get()
    assert (payee.owner, payee.account, payee.name) == (mine.user, theirs, "Landlady")
    form = ana.get(f"{TRANSFER}?to={theirs.number}", follow=True)
    assert form.context["form"]["number"].value() == theirs.number
    assert "Landlady" in form.content.decode()


def test_the_holder_is_named_by_the_right_name_or_after_a_payment(
    ana: Client, mine: Account, theirs: Account
) -> None:
    assert "This is the account holder\u2019s name." in saved(ana, theirs.number, "mara lindt")
    other = AccountFactory(user__name="Ben Okafor")
    page = saved(ana, other.number, "The plumber")
    assert "This is not the account holder\u2019s name" in page
    assert "Ben" not in page
    pay(mine, other)
    page = text_of(ana.get(LIST))
    assert "Mara Lindt" in page
    assert "Ben Okafor" in page
    assert "This is not the account holder\u2019s name" not in page


def test_a_payee_whose_name_is_known_may_be_called_anything(
    ana: Client, mine: Account, theirs: Account
) -> None:
    pay(mine, theirs)
    page = saved(ana, theirs.number, "Landlady")
    assert "Landlady is saved. The account holder is Mara Lindt." in page
    assert "Check the number" not in page
    change = f"{LIST}{Payee.objects.get().pk}/"
    page = text_of(ana.post(change, {"name": "mara lindt"}, follow=True))
    assert "mara lindt is saved. This is the account holder\u2019s name." in page
    assert not NamesAsked.objects.filter(count__gt=0).exists()


def test_a_payee_that_is_there_is_linked_and_not_replaced(
    ana: Client, mine: Account, theirs: Account
) -> None:
    saved(ana, theirs.number, "Landlady", "The flat")
    payee = Payee.objects.get()
    count = NamesAsked.objects.get().count
    for name, note in (("Somebody", "The flat"), ("Landlady", "")):
        page = ana.post(NEW, {"number": theirs.number, "name": name, "note": note})
        assert "You have already saved this payee" in text_of(page)
        assert f'<a\n        href="{LIST}{payee.pk}/">Open Landlady</a>' in page.content.decode()
    assert "Landlady is saved." in saved(ana, theirs.number, "Landlady", "The flat")  # sent twice
    payee.refresh_from_db()
    assert (payee.name, payee.note) == ("Landlady", "The flat")
    assert NamesAsked.objects.get().count == count


def test_wrong_names_and_numbers_count_towards_the_limits_of_a_day(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    nobody = AccountFactory(currency="JPY")  # she has no account in yen
    saved(ana, theirs.number, "Somebody")
    assert NamesAsked.objects.get().count == 1
    for _ in range(2):
        assert "You cannot pay this number" in saved(ana, nobody.number, "Yuki")
    assert NamesAsked.objects.get().numbers == 2
    other = AccountFactory()
    assert "account numbers today" in saved(ana, other.number, "Ben")
    assert Payee.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["Somebody", "Mara Lindt"])
def test_a_payee_waits_for_the_count_of_an_upload_without_the_lock_of_its_owner(
    mine: Account, theirs: Account, name: str
) -> None:
    """The upload locks the owner last, so each would wait for the other."""

    def end_of_upload() -> None:
        User.objects.select_for_update(no_key=True, nowait=True).get(pk=mine.user_id)

    after_waiting_for(
        lambda: quota.Questions(mine.user_id).counter,
        lambda: save_payee(owner=mine.user, account=theirs, name=name),
        meanwhile=end_of_upload,
    )
    assert Payee.objects.get().name == name
    assert NamesAsked.objects.get().count == (name == "Somebody")


@pytest.mark.django_db(transaction=True)
def test_the_name_of_a_payee_that_another_request_has_changed_by_then_is_not_taken_as_compared(
    mine: Account, theirs: Account
) -> None:
    save_payee(owner=mine.user, account=theirs, name="Mara Lindt")
    after_waiting_for(
        lambda: save_by_other_request(mine.user, "Landlady"),
        lambda: save_payee(owner=mine.user, account=theirs, name="Mara Lindt", note="Flat"),
    )
    payee = Payee.objects.get()
    assert (payee.name, payee.note, payee.name_check) == ("Mara Lindt", "Flat", "")


def save_by_other_request(owner: User, name: str) -> None:
    User.objects.lock_active(owner.pk)
    Payee.objects.update(name=name, name_check="other")


def test_a_name_stays_as_it_was_compared_until_it_is_changed(
    mine: Account, theirs: Account
) -> None:
    payee = save_payee(owner=mine.user, account=theirs, name="Mara Lindt")
    again = save_payee(owner=mine.user, account=theirs, name="Mara Lindt", note="Flat")
    assert (again.pk, again.note, again.name_check) == (payee.pk, "Flat", "match")
    assert again.created_at == payee.created_at
    assert save_payee(owner=mine.user, account=theirs, name="Landlady").name_check == "other"
    assert Payee.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "required"), ("\u200b", "letters or digits"), ("x" * 81, "at most 80"),
     ("M\u0430ra", "two alphabets")],
)  # fmt: skip
def test_a_name_that_cannot_be_saved_is_refused_in_the_form(
    ana: Client, theirs: Account, name: str, sentence: str
) -> None:
    page = ana.post(NEW, {"number": theirs.number, "name": name})
    assert sentence in " ".join(texts_of(page, "field__error"))
    assert not Payee.objects.exists()


def test_accounts_of_ones_own_and_too_many_payees_are_refused(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "your own account" in saved(ana, mine.number, "Me")
    monkeypatch.setattr(payees, "MAX_PAYEES", 1)
    save_payee(owner=mine.user, account=theirs, name="Mara")
    with pytest.raises(InvalidDetails):
        save_payee(owner=mine.user, account=AccountFactory(), name="Ben")
    save_payee(owner=mine.user, account=theirs, name="Landlady")  # not one more
    assert [payee.name for payee in Payee.objects.all()] == ["Landlady"]


def test_a_payee_is_changed_and_removed_by_their_owner_alone(
    ana: Client, mine: Account, theirs: Account
) -> None:
    payee = save_payee(owner=mine.user, account=theirs, name="Mara Lindt")
    strangers = save_payee(owner=UserFactory(), account=theirs, name="Secret")
    page, remove = f"{LIST}{payee.pk}/", f"{LIST}{payee.pk}/remove/"
    assert "Mara Lindt" in text_of(ana.get(page))
    ana.post(page, {"name": "Landlady", "note": "Flat"})
    payee.refresh_from_db()
    assert (payee.name, payee.note) == ("Landlady", "Flat")
    assert "Secret" not in text_of(ana.get(LIST))
    for way in (f"{LIST}{strangers.pk}/", f"{LIST}{strangers.pk}/remove/"):
        assert ana.post(way, {"name": "Mine"}).status_code == 404
    assert ana.post(remove).status_code == 302
    assert [kept.name for kept in Payee.objects.all()] == ["Secret"]
    remove_payee(payee=payee)


def test_the_list_tells_the_newest_payment_and_pays_the_same_again(
    ana: Client, mine: Account, theirs: Account
) -> None:
    second = AccountFactory(user=mine.user, name="Savings", balance="50")
    save_payee(owner=mine.user, account=theirs, name="Landlady")
    pay(mine, theirs, "7")
    last = pay(second, theirs, "12.5")
    services.reverse(transaction=pay(mine, AccountFactory(), "3"))
    page = ana.get(LIST)
    assert "12.50 last paid" in text_of(page)
    again = f"{TRANSFER}?again={last.pk}"
    assert again in page.content.decode()
    own = ana.get(f"{LIST}{Payee.objects.get().pk}/")
    assert "Last paid 12.50" in text_of(own)
    for link in (again, f"{TRANSFER}?to={theirs.number}", f"/transactions/{last.pk}/"):
        assert f'href="{link}"' in own.content.decode()
    form = ana.get(again, follow=True).context["form"]
    names = ("number", "name", "amount", "description", "reference")
    assert {name: form[name].value() for name in names} == {
        "number": theirs.number, "name": "Mara Lindt", "amount": "12.50", "description": "Rent",
        "reference": "R-11",
    }  # fmt: skip
    assert form.sender == second


def test_neither_a_hold_nor_a_refund_is_the_last_payment(
    ana: Client, mine: Account, theirs: Account
) -> None:
    save_payee(owner=mine.user, account=theirs, name="Landlady")
    paid = pay(mine, theirs, "7")
    services.hold(from_account=mine, to_account=theirs, amount=Decimal(9))
    services.reverse(transaction=pay(theirs, mine, "3"))
    (line,) = payee_lines(mine.user)
    assert line.last == paid


def test_a_holder_whose_name_has_changed_is_masked_again(mine: Account, theirs: Account) -> None:
    save_payee(owner=mine.user, account=theirs, name="Mara Lindt")
    (line,) = payee_lines(mine.user)
    assert (line.holder, line.is_masked) == ("Mara Lindt", False)
    User.objects.filter(pk=theirs.user_id).update(name="Mara Weiss")
    (line,) = payee_lines(mine.user)
    assert (line.holder, line.is_masked) == ("M••• W•••", True)


def test_a_payment_of_somebody_else_fills_in_nothing(
    ana: Client, mine: Account, theirs: Account
) -> None:
    received = pay(AccountFactory(balance="20"), mine)
    strange = pay(AccountFactory(balance="20"), theirs)
    for row in (str(received.pk), str(strange.pk), str(uuid7()), "x"):
        form = ana.get(TRANSFER, {"again": row}, follow=True).context["form"]
        assert [form[name].value() for name in ("number", "amount")] == [None, None]
        assert ana.get(NEW, {"paid": row}).context["form"]["number"].value() is None


def test_the_receipt_offers_to_save_the_recipient_and_then_says_their_name(
    ana: Client, mine: Account, theirs: Account
) -> None:
    row = pay(mine, theirs)
    receipt, offer = f"/transactions/{row.pk}/", f"{NEW}?paid={row.pk}"
    assert offer in ana.get(receipt).content.decode()
    form = ana.get(offer).context["form"]
    assert (form["number"].value(), form["name"].value()) == (theirs.number, "Mara Lindt")
    saved(ana, theirs.number, "Landlady")
    page = ana.get(receipt)
    assert offer not in page.content.decode()
    assert "Saved as Landlady" in text_of(page)
    to_own = pay(mine, AccountFactory(user=mine.user))
    assert NEW not in ana.get(f"/transactions/{to_own.pk}/").content.decode()


def test_the_recipient_and_staff_see_no_name_of_a_payee(
    client: Client, mine: Account, theirs: Account
) -> None:
    save_payee(owner=mine.user, account=theirs, name="Grumpy", note="Never smiles")
    row = pay(mine, theirs)
    for reader in (theirs.user, UserFactory(is_staff=True, is_superuser=True)):
        client.force_login(reader)
        assert "Grumpy" not in client.get(f"/transactions/{row.pk}/").content.decode()


@pytest.mark.parametrize("url", [TRANSFER, "/standing-orders/new/"])
def test_a_payee_is_paid_from_the_first_account_in_their_currency(
    ana: Client, mine: Account, url: str
) -> None:
    frozen = AccountFactory(user=mine.user, currency="EUR")
    travel = AccountFactory(user=mine.user, currency="EUR", name="Travel")
    AccountFactory(user=mine.user, currency="EUR")
    freeze_account(account=frozen)
    marc = AccountFactory(currency="EUR")

    def sender(**query: str) -> Account:
        form = ana.get(url, {"to": marc.number, **query}, follow=True).context["form"]
        assert isinstance(form.sender, Account)
        return form.sender

    assert sender() == mine  # the currency of a stranger's account is not told
    save_payee(owner=mine.user, account=marc, name="Marc")
    assert sender() == travel
    assert sender(**{"from": str(mine.pk)}) == mine


@pytest.mark.parametrize("url", [TRANSFER, "/standing-orders/new/"])
def test_who_knows_the_currency_of_a_recipient_is_told_which_account_to_choose(
    ana: Client, mine: Account, url: str
) -> None:
    travel = AccountFactory(user=mine.user, currency="EUR", name="Travel", balance="10")
    strangers, marc, shop = (AccountFactory(currency="EUR") for _ in range(3))
    save_payee(owner=mine.user, account=marc, name="Marc")
    services.transfer(
        from_account=travel, to_account=shop, amount=Decimal(10), created_by=mine.user
    )
    asked = NamesAsked.objects.get().numbers

    def said(account: Account) -> str:
        form = {
            "id": str(uuid7()), "from_account": str(mine.pk), "number": account.number,
            "amount": "1", "every": "month", "first_on": timezone.localdate().isoformat(),
        }  # fmt: skip
        return text_of(ana.post(url, {**form, "step": "review"}))

    for account in (marc, shop):
        assert "This account is in EUR. Choose one of your accounts in EUR." in said(account)
    assert NamesAsked.objects.get().numbers == asked
    assert "or is in another currency" in said(strangers)
    close_account(account=travel)
    for account in (marc, shop):
        assert "This account is in EUR. Open an account in EUR first." in said(account)


def test_the_review_says_under_which_name_the_recipient_is_saved(
    ana: Client, mine: Account, theirs: Account
) -> None:
    saved(ana, theirs.number, "Landlady", "Flat")
    typed = {"id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number,
             "amount": "5", "step": "review"}  # fmt: skip
    review = text_of(ana.post(TRANSFER, typed))
    assert "Saved as “Landlady”" in review
    assert "This is your first payment to M••• L•••" in review
    assert "This is not the account holder\N{RIGHT SINGLE QUOTATION MARK}s name" in review
    review = text_of(ana.post(TRANSFER, {**typed, "name": "Mara Lindt"}))
    assert "This is not the account holder\N{RIGHT SINGLE QUOTATION MARK}s name" not in review


def test_yesterday_is_written_small_within_a_sentence(
    ana: Client, mine: Account, theirs: Account
) -> None:
    save_payee(owner=mine.user, account=theirs, name="Landlady")
    noon = timezone.localtime().replace(hour=12, minute=20) - timedelta(days=1)
    purse = AccountFactory(user=mine.user)  # without an entry of today
    before = noon - timedelta(hours=1)
    services.post_batch([
        Draft(to_account=purse, amount=Decimal(7), created_at=before),
        Draft(from_account=purse, to_account=theirs, amount=Decimal(7), created_at=noon),
    ])  # fmt: skip
    assert "last paid yesterday 12:20" in text_of(ana.get(LIST))


def test_a_payee_that_cannot_be_paid_says_so(ana: Client, mine: Account, theirs: Account) -> None:
    saved(ana, theirs.number, "Landlady")
    close_account(account=theirs)
    page = ana.get(LIST)
    assert "You cannot pay this account now" in text_of(page)
    assert f"?to={theirs.number}" not in page.content.decode()


def test_the_files_have_what_the_list_has(ana: Client, mine: Account, theirs: Account) -> None:
    saved(ana, theirs.number, "=Landlady", "Flat")
    row = pay(mine, theirs)
    (found,) = json_of(ana, "/payees/payees.json")
    assert found["name"] == "=Landlady"
    assert found["holder"] == "Mara Lindt"
    assert found["last_amount"] == "12.50"
    (cells,) = csv_of(ana, "/payees/payees.csv")
    assert cells["name"] == "'=Landlady"
    assert cells["account_number"] == theirs.number
    assert str(row.created_at.year) in cells["last_paid_at"]


def test_a_long_list_costs_no_more_queries(
    ana: Client, mine: Account, django_assert_max_num_queries: Any
) -> None:
    def count() -> int:
        with django_assert_max_num_queries(20) as found:
            ana.get(LIST)
        return len(found)

    for number in range(2):
        save_payee(owner=mine.user, account=AccountFactory(), name=f"Payee {number}")
    few = count()
    for number in range(10):
        other = AccountFactory()
        save_payee(owner=mine.user, account=other, name=f"More {number}")
        pay(mine, other, "1")
    assert count() == few


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Mara Lindt", "ML"), ("Mara", "M"), ("anna maria von Berg", "AB"), ("“Öz” & co.", "ÖC"),
     ("-", "-"), ("李 小龙", "李小")],
)  # fmt: skip
def test_initials(name: str, initials: str) -> None:
    payee = Payee(id=uuid7(), name=name)
    assert payee.initials == initials
    assert 1 <= payee.colour <= 6


def test_no_payee_leads_to_the_first(client: Client) -> None:
    client.force_login(UserFactory())
    assert NEW in client.get(LIST).content.decode()


def test_a_new_payee_begins_with_the_recipient_of_ones_own_payment(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = pay(mine, theirs)
    monkeypatch.setattr(views, "render", lambda _request, _template, context: context)

    def begun(reader: User, paid: object) -> Any:
        request: Any = RequestFactory().get(NEW, {"paid": str(paid)})
        request.user = reader
        context: Any = views.payee_new(request)
        assert (context["form"].is_bound, context["taken"]) == (False, None)
        return context["form"].initial

    assert begun(mine.user, row.pk) == {"number": theirs.number, "name": "Mara Lindt"}
    for reader, paid in ((theirs.user, row.pk), (mine.user, ""), (mine.user, uuid7())):
        assert begun(reader, paid) == {}
