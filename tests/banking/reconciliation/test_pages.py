"""The pages of reconciliations in the admin: upload, match, leave over, sign by two."""

import re
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts.groups import AUDITOR, SUPPORT
from accounts.models import Account, Read, User
from banking.reconciliation import admin, services
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from banking.reconciliation.reads import figures_of
from ledger.db.ids import uuid7
from ledger.text.money import MINUS
from tests.banking.reconciliation.files import (
    HEAD,
    line_of,
    paid_in,
    seen_now,
    settled,
    statement,
    today,
)
from tests.conftest import colleague, permissions, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of
from transactions import services as posting

pytestmark = pytest.mark.django_db

LIST = reverse("admin:reconciliation_reconciliation_changelist")
ADD = reverse("admin:reconciliation_reconciliation_add")


@pytest.fixture
def ana() -> Account:
    return AccountFactory(user__name="Ana Ferreira")


def page_of(whose: Reconciliation) -> str:
    return reverse("admin:reconciliation_reconciliation_change", args=[whose.pk])


def line_page(whose: Reconciliation, place: int) -> str:
    number = line_of(whose, place).number
    return reverse("admin:reconciliation_reconciliation_line", args=[whose.pk, number])


def step(client: Client, whose: Reconciliation, name: str) -> str:
    """Looks at the page and presses a button; what was said last."""
    return press(client, whose, name, seen_now(whose))


def press(client: Client, whose: Reconciliation, name: str, seen: str) -> str:
    """Presses a button of a page that showed this version; what was said last."""
    data = {"step": name, "seen": seen}
    answer = client.post(page_of(whose).replace("change/", "step/"), data)
    assert answer.status_code == 302
    return said(answer)


def said(answer: Any) -> str:
    return str(list(get_messages(answer.wsgi_request))[-1])


def sent(rows: str, **changed: Any) -> dict[str, Any]:
    body = (HEAD + rows).encode()
    facts = {
        "id": uuid7(),
        "currency": "USD",
        "number": "",
        "file": SimpleUploadedFile("n.csv", body),
    }
    return facts | changed


def test_from_the_upload_to_the_second_signature(
    staff: Client, manager: Client, ana: Account
) -> None:
    paid_in(ana, "40", description="Salary")
    assert staff.get(ADD).status_code == 200
    answer = staff.post(ADD, sent(f"{today()},40.00,ACME,,\n{today()},-2.50,Bank,Fee,\n"))
    whose = Reconciliation.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(whose))
    assert "2 of 2 lines are open" in text_of(staff.get(page_of(whose)))
    assert step(staff, whose, "sure") == "Matched: 1 line."
    assert "Some lines are open" in step(staff, whose, "sign")
    staff.post(line_page(whose, 2), {"step": "leftover", "reason": "Fee of November"})
    page = text_of(staff.get(page_of(whose)))
    assert "Every line is matched or left over" in page
    assert "Left over: Fee of November" in page
    assert step(staff, whose, "sign") == "Signed. Another person must sign it too."
    assert "You signed this first" in step(staff, whose, "sign")
    assert "Two people have signed" in step(manager, whose, "sign")
    assert "frozen, because two people have signed it." in text_of(staff.get(page_of(whose)))
    log = LogEntry.objects.filter(object_id=str(whose.pk)).order_by("action_time")
    assert next(entry.change_message for entry in log).startswith("Uploaded")
    assert log.count() == 5


def test_a_file_whose_lines_all_go_one_way_is_shown_in_both_readings(staff: Client) -> None:
    one_way = staff.get(page_of(statement("-12.50,Ana,A,R-1", "-3.00,Ben,B,R-2")))
    assert one_way.context["one_way"].first.amount == Decimal("-12.50")
    assert not lacks(text_of(one_way), f"{MINUS}12.50 USD", "+12.50 USD")
    both = staff.get(page_of(statement("-12.50,Ana,A,R-1", "3.00,Ben,B,R-2")))
    assert both.context["one_way"] is None


def test_an_upload_sent_twice_is_one(staff: Client) -> None:
    facts = sent(f"{today()},40.00,,,\n")
    body = facts["file"].read()
    for _ in range(2):
        facts["file"] = SimpleUploadedFile("n.csv", body)
        assert staff.post(ADD, facts).status_code == 302
    assert Reconciliation.objects.count() == 1
    # After Back the browser shows the same form, for another file or another currency.
    for currency, content in (("USD", body + b"\n"), ("EUR", body)) * 2:
        file = SimpleUploadedFile("n.csv", content)
        assert staff.post(ADD, facts | {"file": file, "currency": currency}).status_code == 302
    assert Reconciliation.objects.count() == 3


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"currency": ""}, "Choose the currency"),
        ({"number": "123"}, "number"),
        ({"file": SimpleUploadedFile("n.csv", b"PK\x03\x04zip")}, "zip archive"),
        ({"file": ""}, "Choose the file"),
    ],
)
def test_a_wrong_upload_says_what_to_do(
    staff: Client, changed: dict[str, Any], sentence: str
) -> None:
    answer = staff.post(ADD, sent(f"{today()},40.00,,,\n", **changed))
    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("n.csv", "Date,Amount\n03/04/2026,5.00\n05/04/2026,6.00\n"),
        ("n.qif", "!Type:Bank\nD03/04/2026\nT5.00\n^\nD05/04/2026\nT6.00\n^\n"),
    ],
)
def test_days_that_can_be_read_in_two_ways_are_asked_for(
    staff: Client, name: str, body: str
) -> None:
    def upload(order: str, text: str = body) -> Any:
        file = SimpleUploadedFile(name, text.encode())
        return staff.post(ADD, sent("", file=file, order=order))

    told = "3 April 2026 to 5 April 2026, with the month first from 4 March 2026 to 4 May 2026"
    assert told in text_of(upload(""))
    assert not Reconciliation.objects.exists()
    for order, last in (("dmy", date(2026, 4, 5)), ("mdy", date(2026, 5, 4))):
        upload(order)
        assert Reconciliation.objects.newest_first()[0].last_on == last
    upload("", body.replace("05/04", "13/04"))
    assert Reconciliation.objects.newest_first()[0].last_on == date(2026, 4, 13)
    upload("", body.replace("05/04", "04/13"))
    assert Reconciliation.objects.newest_first()[0].first_on == date(2026, 3, 4)


MONTH_FIRST = "05/05/2026,1.00\n" * 21 + "05/06/2026,1.00\n05/07/2026,1.00\n"
YEAR_FIRST = "26/01/05,1.00\n26/01/06,1.00\n"


@pytest.mark.parametrize(
    ("rows", "order", "last"),
    [
        (MONTH_FIRST, "", None), (MONTH_FIRST, "mdy", date(2026, 5, 7)),
        (MONTH_FIRST, "dmy", date(2026, 7, 5)), (YEAR_FIRST, "ymd", date(2026, 1, 6)),
        (YEAR_FIRST, "dmy", date(2006, 1, 26)), (YEAR_FIRST, "", None),
        ("05/01/26,1.00\n06/01/26,1.00\n13/01/26,1.00\n", "", date(2026, 1, 13)),
        ("2026-05-06,1.00\n", "mdy", date(2026, 5, 6)),
        ("05/06/2026,1.00\n", "ymd", None),
    ],
)  # fmt: skip
def test_the_order_of_days_is_that_of_the_whole_file_or_what_staff_say(
    staff: Client, rows: str, order: str, last: date | None
) -> None:
    file = SimpleUploadedFile("n.csv", f"Date,Amount\n{rows}".encode())
    staff.post(ADD, sent("", file=file, order=order))
    found = Reconciliation.objects.first()
    assert (found and found.last_on) == last


def test_lines_that_are_not_booked_are_counted(staff: Client) -> None:
    rows = [f"{today()},{amount},{status}" for amount, status in (
        ("40.00", "Completed"), ("-3.00", "Pending"), ("-4.00", "Reverted"), ("5.00", "Completed")
    )]  # fmt: skip
    body = "\n".join(["Date,Amount,Status", *rows, ""]).encode()
    staff.post(ADD, sent("", file=SimpleUploadedFile("n.csv", body)))
    whose = Reconciliation.objects.get()
    assert (whose.line_count, whose.unbooked_count) == (2, 2)
    page = text_of(staff.get(page_of(whose)))
    assert re.search(
        r"45\.00 USD, 2\s+lines\s+Left out of the file\s+2 lines that the other bank has not",
        page,
    )
    assert "Left out of the file" not in text_of(staff.get(page_of(statement("40.00,,,"))))


def test_a_line_is_matched_and_taken_back_on_its_page(staff: Client, ana: Account) -> None:
    row = paid_in(ana, "30", description="First part")
    whose = statement("40.00,,,")
    assert "First part" in text_of(staff.get(line_page(whose, 1)))
    staff.post(line_page(whose, 1), {"step": "match", "id": str(row.pk)})
    assert line_of(whose, 1).rest == 10
    match = ReconciliationMatch.objects.get()
    assert "Matched 30.00 USD" in text_of(staff.get(line_page(whose, 1)))
    staff.post(line_page(whose, 1), {"step": "unmatch", "id": str(match.pk)})
    assert line_of(whose, 1).rest == 40
    answer = staff.post(line_page(whose, 1), {"step": "match", "id": "no id"})
    assert "Copy it from the page of the payment" in said(answer)
    answer = staff.post(line_page(whose, 1), {"step": "match", "id": str(whose.pk)})
    assert "not booked" in said(answer)


def test_the_page_of_a_file_suggests_the_payment_with_its_button(
    staff: Client, ana: Account
) -> None:
    for text in ("one", "two"):
        paid_in(ana, "40", description=text)
    whose = statement("40.00,,,")
    answer = staff.get(page_of(whose))
    (line,) = answer.context["lines"]
    data = {"step": "match", "id": str(line.suggested.pk), "then": "list"}
    assert staff.post(line_page(whose, 1), data)["Location"] == page_of(whose)
    assert figures_of(whose).open.count == 0


def test_a_payment_with_nothing_but_the_amount_in_common_is_not_one_press_away(
    staff: Client, ana: Account
) -> None:
    paid_in(ana, "3.50", description="Café Açaí")
    whose = statement(f"{today() - timedelta(days=2)},3.50,Account fee,Fee,F-1")
    (line,) = staff.get(page_of(whose)).context["lines"]
    assert line.suggested is None
    assert "Café Açaí" in text_of(staff.get(line_page(whose, 1))), "on its own page it is"


def test_what_the_file_lacks_is_listed(staff: Client, ana: Account) -> None:
    paid_in(ana, "40", description="Forgotten by the other bank")
    page = text_of(staff.get(page_of(statement("7.00,,,"))))
    assert "Forgotten by the other bank" in page
    assert "40.00 USD, 1 payment" in page


def test_what_the_file_lacks_has_pages(staff: Client, ana: Account) -> None:
    for number in range(26):
        paid_in(ana, "1", description=f"Payment {number:02}")
    address = page_of(statement("7.00,,,"))
    first, second = (text_of(staff.get(address, {"books": page})) for page in (1, 2))
    assert ("Payment 24" in first, "Payment 25" in first) == (True, False)
    assert ("Payment 24" in second, "Payment 25" in second) == (False, True)


def test_a_line_that_is_matched_in_part_says_how_much_is_left(staff: Client, ana: Account) -> None:
    row = paid_in(ana, "30")
    whose = statement("40.00,Batch,What it is for,")
    staff.post(line_page(whose, 1), {"step": "match", "id": str(row.pk)})
    assert re.search(
        r"10\.00 USD\s+of this line is\s+open", text_of(staff.get(line_page(whose, 1)))
    )
    staff.post(line_page(whose, 1), {"step": "leftover", "reason": "A fee", "seen": ""})
    page = text_of(staff.get(line_page(whose, 1)))
    assert re.search(r"10\.00 USD\s+of this line is\s+left over", page)
    page = text_of(staff.get(page_of(whose)))
    assert re.search(r"Left over 10\.00 USD, 1\s+line", page)
    assert re.search(r"10\.00 left\s+over: A fee", page)
    assert "What it is for" in page


def test_who_reads_the_bank_reads_them_and_nobody_else(client: Client, ana: Account) -> None:
    paid_in(ana, "40")
    whose = statement("40.00,,,")
    auditor = signed_in(colleague(AUDITOR, "Auditor"))
    for address in (LIST, page_of(whose), line_page(whose, 1)):
        page = auditor.get(address)
        assert page.status_code == 200
        assert "Match all certain" not in text_of(page)
        assert "Mark as left over" not in text_of(page)
    stepping = page_of(whose).replace("change/", "step/")
    for address in (ADD, stepping, line_page(whose, 1)):
        assert auditor.post(address, {"step": "sure"}).status_code == 403
    support = signed_in(colleague(SUPPORT, "Support"))
    client.force_login(ana.user)
    for who, address in ((support, LIST), (support, line_page(whose, 1)), (client, page_of(whose))):
        assert who.get(address).status_code in (302, 403)
    assert not ReconciliationMatch.objects.exists()


def test_what_is_signed_has_no_forms_but_those_of_signatures(
    staff: Client, clerk: User, manager: Client, ana: Account
) -> None:
    paid_in(ana, "40")
    whose = statement("40.00,,,")
    step(staff, whose, "sure")
    step(staff, whose, "sign")
    mine, others = (text_of(each.get(page_of(whose))) for each in (staff, manager))
    assert "Withdraw the signature" in mine
    assert "Discard this reconciliation" not in mine
    assert f"{clerk} has signed this reconciliation" in others
    assert "Undo match" not in text_of(staff.get(line_page(whose, 1)))
    assert step(manager, whose, "take_back") == "The signature is withdrawn."
    step(staff, whose, "discard")
    assert not Reconciliation.objects.exists()


def test_an_old_page_replaces_no_reason_of_somebody_else(staff: Client, manager: Client) -> None:
    staff.post(ADD, sent(f"{today()},-2.50,Bank,Fee,\n"))
    whose = Reconciliation.objects.get()
    there = line_page(whose, 1)

    def reason_after(client: Client, **typed: str) -> str:
        answer = client.post(there, {"step": "leftover", **typed}, follow=True)
        assert answer.status_code == 200
        return ReconciliationLine.objects.get(reconciliation=whose).leftover

    assert 'name="seen" value=""' in manager.get(there).content.decode()
    assert reason_after(staff, reason="Fee A", seen="") == "Fee A"
    assert reason_after(staff, reason="Fee A", seen="") == "Fee A"  # sent twice
    assert reason_after(manager, reason="Fee B", seen="") == "Fee A"
    assert 'name="seen" value="Fee A"' in manager.get(there).content.decode()
    for step in ("", "Leftover"):
        nothing = manager.post(there, {"step": step, "seen": "Fee A"}, follow=True)
        assert "Press one of the buttons" in text_of(nothing)
    assert reason_after(manager, reason="Fee B", seen="Fee A") == "Fee B"
    assert reason_after(manager, reason="\u200b", seen="Fee B") == ""
    log = LogEntry.objects.filter(object_id=str(whose.pk)).order_by("action_time")
    assert [str(entry.change_message) for entry in log][-2:] == [
        "Line 2: left over.", "Line 2: open again."
    ]  # fmt: skip


def test_an_open_line_is_left_over_with_a_reason_alone(staff: Client) -> None:
    whose = statement("-2.50,Bank,Fee,")
    answer = staff.post(
        line_page(whose, 1), {"step": "leftover", "reason": " ", "seen": ""}, follow=True
    )
    assert "To mark it as left over, enter a reason" in text_of(answer)
    assert not LogEntry.objects.filter(object_id=str(whose.pk)).exists()


def test_a_matched_line_shows_which_payment_with_its_sign(staff: Client, ana: Account) -> None:
    paid_in(ana, "40", description="The other way")
    paid = posting.withdraw(
        from_account=ana, amount=Decimal(40), description="Cash machine", reference="ATM-7"
    )
    amount = f"{MINUS}40.00"
    whose = statement("-40.00,,,")
    assert "Cash machine ATM-7" in text_of(staff.get(page_of(whose))), "beside its button"
    assert "&minus;40.00" in text_of(staff.get(line_page(whose, 1)))
    staff.post(line_page(whose, 1), {"step": "match", "id": str(paid.pk)})
    page = text_of(staff.get(f"{page_of(whose)}?show=matched"))
    assert re.search(rf"{amount} Without a text\s+{amount}\s+of .* Cash machine\s+ATM-7", page)
    assert f"Matched {amount} USD" in text_of(staff.get(line_page(whose, 1)))


def test_an_old_page_signs_and_discards_nothing(
    staff: Client, clerk: User, manager: Client, ana: Account
) -> None:
    paid_in(ana, "40")
    whose = settled(statement("40.00,,,", "7.00,,,"), clerk)
    old = seen_on(manager.get(page_of(whose)))
    assert old == seen_on(staff.get(page_of(whose)))
    reason = ReconciliationLine.objects.exclude(leftover="").get().leftover
    staff.post(
        line_page(whose, 2), {"step": "leftover", "reason": "Another reason", "seen": reason}
    )
    before = LogEntry.objects.count()
    for name in ("sign", "discard"):
        assert "changed this reconciliation in the meantime" in press(manager, whose, name, old)
    assert press(staff, whose, "sign", seen_on(staff.get(page_of(whose)))).startswith("Signed.")
    assert "changed this reconciliation in the meantime" in press(manager, whose, "sign", old)
    assert "signed" in press(manager, whose, "discard", old)
    whose.refresh_from_db()
    assert (whose.signed_by, whose.is_frozen) == (clerk, False)
    assert LogEntry.objects.count() == before + 1, "only what was done is in the history"
    step(manager, whose, "take_back")
    assert f"Discarded: {whose.name}." in step(manager, whose, "discard")
    assert LogEntry.objects.filter(object_id=str(whose.pk), action_flag=DELETION).count() == 1


def test_a_reconciliation_stays_if_its_removal_cannot_be_logged(
    staff: Client, clerk: User, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_in(ana, "40")
    whose = settled(statement("40.00,,,"), clerk)
    monkeypatch.setattr(LogEntry.objects, "log_actions", Mock(side_effect=OperationalError))
    data = {"step": "discard", "seen": seen_now(whose)}
    assert staff.post(page_of(whose).replace("change/", "step/"), data).status_code == 503
    assert ReconciliationMatch.objects.filter(line__reconciliation=whose).exists()


def seen_on(page: Any) -> str:
    """The version that the forms of a page carry."""
    (seen,) = set(re.findall(r'name="seen" value="([^"]+)"', page.content.decode()))
    return str(seen)


def test_who_may_not_see_payments_may_not_reconcile_either(ana: Account) -> None:
    paid_in(ana, "40")
    whose = settled(statement("40.00,,,"), UserFactory())
    clerk = UserFactory(is_staff=True)
    wanted = permissions("reconcile", "view_reconciliation", "view_contact_details")
    clerk.user_permissions.set(wanted)
    client = signed_in(clerk)
    for address in (LIST, ADD, page_of(whose), line_page(whose, 1)):
        assert client.get(address).status_code == 403
    stepping = page_of(whose).replace("change/", "step/")
    assert client.post(stepping, {"step": "sign", "seen": seen_now(whose)}).status_code == 403
    assert "Open reconciliations" not in text_of(client.get("/admin/"))


def test_a_long_file_has_pages_and_few_queries(
    staff: Client, ana: Account, django_assert_max_num_queries: Any
) -> None:
    for cents in range(30):
        paid_in(ana, str(Decimal(cents + 1)))
    whose = statement(*(f"{cents + 1}.00,{'Name ' * 30},,REF" for cents in range(60)))
    staff.get(LIST)  # content types and the like
    with django_assert_max_num_queries(30):
        page = staff.get(page_of(whose))
    assert len(page.context["lines"]) == 25
    assert len(page.content) < 60_000
    assert "page=2" in page.content.decode()


def test_who_signs_is_told_of_unmatched_payments(
    staff: Client, manager: Client, ana: Account
) -> None:
    paid_in(ana, "40", description="Salary")
    paid_in(ana, "7", description="Refund")
    paid_in(ana, "5", description="Interest")
    whose = settled(statement("40.00,ACME,Salary,"), UserFactory())
    told = "2 payments from this period , 12.00 USD in total, have no matching line in the file."
    for signer in (staff, manager):
        page = text_of(signer.get(page_of(whose))).replace("\xa0", " ")
        assert told in page
        step(signer, whose, "sign")
    assert "no matching line in the file" not in text_of(staff.get(page_of(whose)))
    alone = settled(statement("40.00,,,", "-2.50,Bank,,", currency="EUR"), UserFactory())
    page = text_of(staff.get(page_of(alone)))
    assert "Every line is matched or left over. The reconciliation can be signed." in page
    assert "no matching line in the file" not in page


def test_sure_lines_are_offered_only_if_there_are_any(
    staff: Client, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = statement("40.00,ACME,,", "-2.50,Bank,,")
    button, none = (
        "Match all certain lines",
        "The open lines have no certain match. Match them by hand.",
    )
    page = text_of(staff.get(page_of(whose)))
    assert (button in page, none in page) == (False, True)
    paid_in(ana, "40")
    page = text_of(staff.get(page_of(whose)))
    assert (button in page, none in page) == (True, False)
    assert step(staff, whose, "sure") == "Matched: 1 line."
    assert button not in text_of(staff.get(page_of(whose)))
    monkeypatch.setattr(admin, "MAX_TRIED_LINES", 1)
    assert button in text_of(staff.get(page_of(whose)))


def test_an_opening_balance_that_the_format_lacks_is_called_computed(staff: Client) -> None:
    file = BytesIO(b"Date,Amount,Balance\n2026-01-02,5.00,15.00\n")
    facts: dict[str, Any] = {"by": UserFactory(), "name": "n.csv", "currency": "USD"}
    whose = services.upload(file, **facts)
    page = text_of(staff.get(page_of(whose))).replace("\xa0", " ")
    assert "Opening balance, computed from the file\u2019s balances and lines 10.00 USD" in page
    assert "Closing balance, as in the file 15.00 USD" in page
    whose.format = "mt940"
    assert not whose.has_computed_opening


def test_a_line_above_any_amount_is_refused_by_a_sentence(staff: Client) -> None:
    body = (
        b"Date,Description,Debit,Credit\n"
        b"2026-11-01,Shop,-999999999999999.00,999999999999999.00\n"
        b"2026-11-02,Second shop,2.00,\n2026-11-03,Third shop,2.00,\n"
    )
    file = SimpleUploadedFile("november.csv", body)
    answer = staff.post(ADD, {"id": uuid7(), "currency": "EUR", "number": "", "file": file})
    assert "is too large" in text_of(answer)
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize("limit", ["lines.MAX_PARTS", "lines.MAX_RAW_LINES", "reading.MAX_LINES"])
def test_a_file_of_too_many_lines_is_refused(
    limit: str, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"banking.outside.formats.{limit}", 50)
    body = b"Date,Description,Amount\n" + b"2026-11-14,Shop,-1.00\n" * 60
    file = SimpleUploadedFile("november.csv", body)
    answer = staff.post(ADD, {"id": uuid7(), "currency": "EUR", "number": "", "file": file})
    assert "The file has more than 50 lines" in text_of(answer)
    assert not Reconciliation.objects.exists()


def test_the_same_file_again_names_the_other_reconciliation(staff: Client) -> None:
    facts = sent(f"{today()},40.00,,,\n")
    body = facts["file"].read()
    for each in ("first.csv", "second.csv"):
        file = SimpleUploadedFile(each, body)
        page = text_of(staff.post(ADD, facts | {"id": uuid7(), "file": file}, follow=True))
        assert ("had already uploaded the same file" in page) == (each == "second.csv")
    assert "first.csv , open" in page or "first.csv, open" in page
    first = Reconciliation.objects.earliest("pk")
    assert "uploaded the same file again" in text_of(staff.get(page_of(first)))


def test_the_page_of_a_line_names_where_its_payment_is_matched(staff: Client, ana: Account) -> None:
    paid_in(ana, "5", description="Rent", reference="R-5")
    services.match_sure(reconciliation=statement("5.00,,Rent,R-5"), by=UserFactory())
    again = statement("5.00,,Rent,R-5", "7.00,,,")
    text = text_of(staff.get(line_page(again, 1)))
    assert "already matched with another line: Rent (R-5)" in text
    assert "already matched with another line" not in text_of(staff.get(line_page(again, 2)))


@pytest.mark.parametrize("amount", ["40.00", "40.01"])
def test_whether_a_line_is_surely_a_payment_is_a_read(
    staff: Client, ana: Account, amount: str
) -> None:
    """A file of guesses would find out amounts, days and names."""
    paid_in(ana, "40", description="Salary")
    staff.post(ADD, sent(f"{today()},{amount},ACME,Salary,\n"))
    before = Read.objects.count()
    press(staff, Reconciliation.objects.get(), "sure", "")
    assert Read.objects.count() == before + 1
    named = Read.objects.latest("read_at").people
    assert named == ([ana.user_id] if amount == "40.00" else [])
