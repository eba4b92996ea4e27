"""Paying from a file in the browser: upload, check, booking, result; the owner's alone."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from banking.payment_files import booking, drafts
from banking.payment_files.booking import book_rest, book_step
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.views import FROM_BANK
from ledger.db.ids import uuid7
from tests.banking.payment_files.files import checked, fates, pay, press, stored
from tests.banking.payment_files.shared import HTMX, LIST, NEW, page_of, result_of, upload
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import lacks, markup_of, text_of, texts_of
from transactions import services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


def transfers() -> int:
    return int(Transaction.objects.filter(type="transfer").count())


def figure_of(response: Any) -> str:
    """The large figure at the head of a file's page."""
    (figure,) = texts_of(response, "page-head__figure")
    return figure


def counts(file: PaymentFile) -> tuple[int, int, int]:
    """How many lines can be booked, are booked, and are refused."""
    file.refresh_from_db()
    return file.waiting_count, file.booked_count, file.refused_count


def test_an_upload_shows_what_each_line_would_do_and_books_nothing(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    response = upload(ana, everyday, pay(mara, 600), pay(jo, 500), pay(jo, 100), "12,5")
    file = PaymentFile.objects.get()
    assert response.redirect_chain[-1][0] == page_of(file)
    assert figure_of(response) == "700.00"
    assert "2 of 4 payments" in text_of(response)
    (verdict,) = texts_of(response, "page-head__result")
    assert verdict.startswith("2 lines")
    assert "505.00 USD" in verdict
    assert texts_of(response, "entry__why") == [
        line.verdict for line in PaymentLine.objects.of(file).refused().in_order()
    ]
    assert "too much by 100.00" in texts_of(response, "entry__why")[0]
    assert transfers() == 0


def test_refused_lines_stand_first(ana: Client, everyday: Account, mara: Account) -> None:
    file = checked(everyday, *[pay(mara, n) for n in (1, 2)], "12,5", pay(mara, 3), "13,5")
    lines = ana.get(page_of(file)).context["page"].object_list
    assert [line.number for line in lines] == [4, 6, 2, 3, 5]


def test_many_lines_come_a_page_at_a_time(ana: Client, everyday: Account, mara: Account) -> None:
    everyday = AccountFactory(user=everyday.user, balance="10000")
    file = checked(everyday, *[pay(mara, n) for n in range(1, 121)])
    first, last = ana.get(page_of(file)), ana.get(page_of(file), {"page": 3})
    assert "Page 1 of 3" in text_of(first)
    assert [line.number for line in last.context["page"]] == list(range(102, 122))
    assert len(first.content) < 60_000


def test_the_page_asks_the_database_the_same_few_things_however_many_lines(
    ana: Client, everyday: Account, mara: Account, django_assert_max_num_queries: Any
) -> None:
    file = checked(everyday, *[pay(mara, 1)] * 60)
    with django_assert_max_num_queries(11):
        ana.get(page_of(file))


def test_all_or_nothing_pays_everybody(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 600), pay(jo, 400))
    assert b'value="whole"' in ana.get(page_of(file)).content
    response = ana.post(page_of(file), press(file, "whole"), follow=True)
    assert len(texts_of(response, "toast--success")) == 1
    assert figure_of(response) == "1,000.00"
    assert texts_of(response, "page-head__eyebrow") == ["Paid from Everyday: 2 payments"]
    assert counts(file) == (0, 2, 0)
    assert balances(everyday, mara, jo) == [0, 600, 400]


def test_all_or_nothing_refused_says_which_line_and_shows_the_new_results(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 600), pay(mara, 400))
    services.withdraw(from_account=everyday, amount=Decimal(100))
    response = ana.post(page_of(file), press(file, "whole"), follow=True)
    (refusal,) = texts_of(response, "toast--error")
    assert not lacks(refusal, "Line 3", "300.00 available", "400.00")
    assert figure_of(response) == "600.00"
    assert counts(file) == (1, 0, 1)
    assert b'value="whole"' not in response.content
    assert transfers() == 0


def test_a_long_file_is_not_offered_all_or_nothing(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking, "MAX_TOGETHER", 1)
    file = checked(everyday, pay(mara, 1), pay(mara, 2))
    page = ana.get(page_of(file)).content
    assert b'value="whole"' not in page
    assert b'value="pay"' in page
    refused = ana.post(page_of(file), press(file, "whole"), follow=True)
    assert texts_of(refused, "toast--error")
    assert transfers() == 0
    ana.post(page_of(file), press(file, "pay"))
    assert transfers() == 2


def test_without_script_one_press_books_every_step(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 2)
    file = checked(everyday, *[pay(mara, 1)] * 5, "12,5")
    response = ana.post(page_of(file), press(file, "pay"), follow=True)
    assert texts_of(response, "page-head__result")[0].startswith("1 of 6 lines")
    assert counts(file) == (0, 5, 1)
    assert transfers() == 5


def test_with_htmx_each_post_is_a_step_and_the_last_leads_to_the_result(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 2)
    file = checked(everyday, *[pay(mara, 1)] * 5)
    answers = [ana.post(page_of(file), press(file, "pay"), headers=HTMX) for _ in range(3)]
    assert 'max="5" value="2"' in markup_of(answers[0])
    assert 'max="5" value="4"' in markup_of(answers[1])
    assert answers[2].headers["HX-Redirect"] == page_of(file)
    assert transfers() == 5
    late = ana.post(page_of(file), press(file, "pay"), headers=HTMX)
    assert (late.headers["HX-Redirect"], transfers()) == (page_of(file), 5)


def test_a_booking_that_stopped_goes_on_where_it_was(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 2)
    file = book_step(checked(everyday, *[pay(mara, 1)] * 5))
    page = ana.get(page_of(file))
    assert 'max="5" value="2"' in markup_of(page)
    assert 'hx-trigger="load' in page.content.decode()
    ana.post(page_of(file), press(file, "pay"))
    assert transfers() == 5


def test_the_same_upload_twice_is_one_file(ana: Client, everyday: Account, mara: Account) -> None:
    id = uuid7()
    for _ in range(2):
        upload(ana, everyday, pay(mara, 1), id=id)
    assert PaymentFile.objects.count() == 1


def test_lines_that_were_paid_before_are_warned_of(
    ana: Client, everyday: Account, mara: Account
) -> None:
    warning = "has already paid the same lines"
    first = upload(ana, everyday, pay(mara, 1))
    assert warning not in text_of(first)
    assert warning not in text_of(upload(ana, everyday, pay(mara, 1))), "stored is not paid"
    book_rest(PaymentFile.objects.earliest("created_at"))
    again = upload(ana, everyday, pay(mara, 1))
    assert warning in text_of(again)
    assert "salaries.csv, 1.00 USD" in texts_of(again, "note--warn")[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty."),
        (b"iban,amount\nMara,5\n", "The heading has the column “iban”"),
        (b"to,amount\nM\xfcller,5\n", "a character that is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_at_the_field(
    ana: Client, everyday: Account, content: bytes, says: str
) -> None:
    response = upload(ana, everyday, content=content)
    assert says in " ".join(response.context["form"].errors["file"])
    assert PaymentFile.objects.count() == 0


def test_an_upload_without_a_file_or_from_another_account_is_asked_again(
    ana: Client, everyday: Account, mara: Account
) -> None:
    response = ana.post(NEW, {"id": uuid7(), "from_account": everyday.pk})
    assert response.context["form"].has_error("file", "required")
    response = upload(ana, mara, pay(everyday, 1))
    assert "from_account" in response.context["form"].errors
    assert PaymentFile.objects.count() == 0


def test_a_file_is_its_owners_alone(client: Client, everyday: Account, mara: Account) -> None:
    file = checked(everyday, pay(mara, 1))
    client.force_login(mara.user)
    assert client.get(page_of(file)).status_code == 404
    assert client.get(f"{page_of(file)}result.csv").status_code == 404
    for step in ("check", "pay", "whole", "discard"):
        assert client.post(page_of(file), {"step": step}).status_code == 404
    assert "salaries.csv" not in text_of(client.get(LIST))
    assert (fates(file), transfers()) == (["waiting"], 0)


def test_pages_ask_for_signing_in(client: Client, everyday: Account, mara: Account) -> None:
    for url in (LIST, NEW, page_of(stored(everyday, pay(mara, 1))), f"{LIST}example.csv"):
        assert client.get(url).url.startswith("/account/login/")  # type: ignore[attr-defined]


def test_reading_a_page_changes_nothing(ana: Client, everyday: Account, mara: Account) -> None:
    file = stored(everyday, pay(mara, 1))
    assert "Check the lines" in text_of(ana.get(page_of(file)))
    ana.get(page_of(file), {"step": "pay"})
    file.refresh_from_db()
    assert (file.state, transfers()) == ("stored", 0)


def test_a_file_never_checked_is_checked_first_and_not_paid(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = stored(everyday, pay(mara, 1))
    response = ana.post(page_of(file), press(file, "pay"), follow=True)
    assert "not checked yet" in texts_of(response, "toast--error")[0]
    assert counts(file) == (1, 0, 0)
    assert (file.state, transfers()) == ("checked", 0)


def test_a_file_of_which_nothing_was_paid_can_be_removed(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1))
    response = ana.post(page_of(file), {"step": "discard"}, follow=True)
    assert "salaries.csv is removed" in texts_of(response, "toast--success")[0]
    assert not PaymentFile.objects.exists()
    paid = book_rest(checked(everyday, pay(mara, 1)))
    assert b'value="discard"' not in ana.get(page_of(paid)).content
    response = ana.post(page_of(paid), {"step": "discard"}, follow=True)
    assert "cannot be removed" in texts_of(response, "toast--error")[0]
    assert counts(paid) == (0, 1, 0)


def test_the_list_says_where_each_file_stands(
    ana: Client, everyday: Account, mara: Account
) -> None:
    page = text_of(ana.get(LIST))
    assert "No file yet" in page
    assert page.count("Pay from a file") == 1
    book_rest(checked(everyday, pay(mara, 2), "12,5", name="one.csv"))
    checked(everyday, pay(mara, 1), name="two.csv")
    text = text_of(ana.get(LIST))
    assert "two.csv Checked, not paid" in text
    assert "2 lines · 1 refused 2.00 USD" in text
    assert text.index("two.csv") < text.index("one.csv")


def test_somebody_without_an_account_is_shown_how_to_open_one(client: Client) -> None:
    client.force_login(UserFactory())
    assert "You have no account yet" in text_of(client.get(NEW))


def test_it_is_linked_where_a_customer_would_look(ana: Client) -> None:
    assert f'href="{NEW}"' in ana.get("/transfers/new/", follow=True).content.decode()
    assert f'href="{LIST}"' in ana.get("/").content.decode()
    assert f'href="{LIST}example.csv"' in ana.get(NEW).content.decode()


def test_the_result_has_every_line_in_order_with_its_transaction(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, "9.5"), "12,abc", pay(mara, 5000)))
    first, second, third = result_of(ana, file)
    row = Transaction.objects.get(type="transfer")
    assert first == {
        "line": "2",
        "to": mara.number,
        "name": "",
        "amount": "9.50",
        "currency": "USD",
        "description": "Rent",
        "reference": "R-1",
        "result": "paid",
        "why": "",
        "note": "",
        "transaction": str(row.pk),
    }
    assert (second["amount"], second["result"], second["transaction"]) == ("abc", "refused", "")
    assert third["why"] == PaymentLine.objects.get(file=file, number=4).verdict
    assert not lacks(third["why"], "990.50", "5,000.00", "4,009.50")


def test_no_cell_of_the_result_is_a_formula(ana: Client, everyday: Account, mara: Account) -> None:
    file = checked(everyday, "=1+1,-5,@SUM(A1),+1", f"{mara.number},1,\uff1dcmd,-x")
    first, second = result_of(ana, file)
    assert [first[n] for n in ("to", "amount", "description", "reference")] == [
        "'=1+1",
        "'-5",
        "'@SUM(A1)",
        "'+1",
    ]
    assert (second["description"], second["result"]) == ("'\uff1dcmd", "can be paid")


def test_the_name_of_the_result_cannot_break_the_header(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), name='a"; x=.csv')
    header = ana.get(f"{page_of(file)}result.csv").headers["Content-Disposition"]
    assert header == 'attachment; filename="a---x-result.csv"'


def test_what_people_write_is_escaped(ana: Client, everyday: Account, mara: Account) -> None:
    file = checked(everyday, f"{mara.number},1,<script>x</script>,", "<b>,<i>")
    page = ana.get(page_of(file)).content.decode()
    assert "<script>x" not in page
    assert "<b>,"[:3] + "<i>" not in page
    assert "&lt;script&gt;x" in page


def test_a_booked_line_leads_to_its_receipt(ana: Client, everyday: Account, mara: Account) -> None:
    file = book_rest(checked(everyday, pay(mara, 1)))
    line = PaymentLine.objects.get(file=file)
    receipt = f"/transactions/{line.pk}/"
    assert f'href="{receipt}"' in ana.get(page_of(file)).content.decode()
    assert ana.get(receipt).status_code == 200


def test_two_currencies_each_show_their_own_decimals(client: Client) -> None:
    yen = AccountFactory(currency="JPY", balance="500")
    client.force_login(yen.user)
    file = checked(yen, pay(AccountFactory(currency="JPY"), 300))
    page = client.get(page_of(file))
    assert (figure_of(page), texts_of(page, "page-head__unit")) == ("300", ["JPY"])


def test_the_head_counts_what_can_be_paid_and_the_rest_apart(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 5000), pay(mara, 6000))
    page = ana.get(page_of(file))
    assert figure_of(page) == "0.00"
    assert "0 of 2 payments" in texts_of(page, "page-head__eyebrow")[0]
    assert not lacks(texts_of(page, "page-head__result")[0], "2 lines", "11,000.00 USD")


def test_what_is_left_of_a_file_paid_in_part_is_said_truly(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 600), pay(mara, 500)))
    services.deposit(to_account=everyday, amount=Decimal(500))
    response = ana.post(page_of(file), {"step": "check"}, follow=True)
    assert figure_of(response) == "500.00"
    assert "1 of 2 payments" in texts_of(response, "page-head__eyebrow")[0]
    assert "1 was booked before" in texts_of(response, "page-head__result")[0]
    assert counts(file) == (1, 1, 0)


def test_the_download_says_of_each_line_whether_it_can_be_paid(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def results() -> list[str]:
        return [line["result"] for line in result_of(ana, file)]

    monkeypatch.setattr(drafts, "PART", 1)
    file = stored(everyday, pay(mara, 1), pay(mara, 2), "12,5")
    assert results() == ["not checked yet", "not checked yet", "refused"]
    ana.post(page_of(file), {"step": "check"})
    assert results() == ["can be paid", "can be paid", "refused"]
    file = book_step(file)
    assert results() == ["paid", "can be paid", "refused"]


def test_a_file_that_the_bank_brought_is_paid_and_removed_by_the_bank_alone(
    ana: Client, everyday: Account, mara: Account, clerk: User
) -> None:
    file = checked(everyday, pay(mara, 100), created_by=clerk)
    page = ana.get(page_of(file))
    said = text_of(page)
    assert "uploaded by the bank" in said
    assert len(texts_of(page, "note")) == 1
    assert b'name="step"' not in page.content
    for step in ("check", "whole", "pay", "discard"):
        answer = ana.post(page_of(file), {"step": step}, follow=True)
        assert FROM_BANK in texts_of(answer, "toast--error")[0]
    assert PaymentFile.objects.get() == file
    assert balances(everyday, mara) == [1000, 0]
    assert "uploaded by the bank" in text_of(ana.get("/transfers/files/"))
