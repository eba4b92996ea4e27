"""The pages of outside accounts, as their owner uses them."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import Http404
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from banking.outside import services, views
from banking.outside.file_parts import PART_BYTES, _StoredFile
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport
from ledger.db.ids import uuid7
from ledger.text.money import MINUS
from tests.attacks.forms import PageForm, forms_of
from tests.banking.outside.files import (
    GERMAN,
    balance_of,
    imported,
    outside_account,
    stored,
    uploaded,
)
from tests.banking.outside.samples import ofx2, ofx2_line
from tests.factories import UserFactory
from tests.pages import lacks, text_of
from tests.requests import HTMX, leave_unrendered, messages_of, request_of
from tests.transactions.table_files import json_of
from transactions.exceptions import InvalidDetails

pytestmark = pytest.mark.django_db
FOLDER = "outside/"  # of the templates
LIST, NEW, UPLOAD = "/outside/", "/outside/new/", "/outside/upload/"
HEADING, ROW, LAST = "Datum;Zweck für;Betrag\n", "01.11.2026;Bus;-2,80\n", "01.11.2026;Café;-2,80\n"


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def ana(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def account(user: User) -> OutsideAccount:
    return outside_account(owner=user, name="Sparkasse")


def send(client: Client, account: OutsideAccount, text: str | bytes, **more: Any) -> Any:
    body = text.encode() if isinstance(text, str) else text
    file = SimpleUploadedFile("november.csv", body)
    form = {"id": str(uuid7()), "account": str(account.pk), "file": file, **more}
    return client.post(UPLOAD, form)


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the form of columns as it is filled in."""
    fields: dict[str, Any] = {}
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    fields["texts"] = re.findall(r'name="texts" value="(\d+)"[^>]*checked', page)
    return fields


def change_form(page: Any) -> PageForm:
    """The form of a name and an opening balance as it is filled in."""
    url = page.wsgi_request.path
    return [form for form in forms_of(page.content.decode(), url) if form.action == url][-1]


def test_from_the_empty_page_to_a_balance(ana: Client, user: User) -> None:
    assert NEW in ana.get(LIST).content.decode()
    form = {"id": str(uuid7()), "name": "Sparkasse", "currency": "EUR", "opening": "-10"}
    first, second = ana.post(NEW, form), ana.post(NEW, form)
    assert first["Location"] == second["Location"]
    account = OutsideAccount.objects.get()
    assert (account.owner, account.opening) == (user, -10)
    # After Back the browser shows the same form, for another account or balance, each sent twice.
    for changed in ({"name": "Volksbank"}, {"opening": "7"}) * 2:
        ana.post(NEW, form | changed)
    others = OutsideAccount.objects.exclude(pk=account.pk)
    assert sorted(others.values_list("name", "opening")) == [
        ("Sparkasse", 7),
        ("Volksbank", -10),
    ]
    others.delete()
    answer = send(ana, account, GERMAN)
    columns = ana.get(answer["Location"], follow=True)
    source = OutsideImport.objects.get()
    url = reverse("transactions:outside_columns", args=[source.pk])
    assert columns.redirect_chain == [(url, 302)]
    fields = fields_of(columns.content.decode())
    assert (fields["role_date"], fields["role_amount"], fields["decimal"]) == ("0", "5", ",")
    preview = ana.post(url, fields, follow=True)
    for fact in ("Stadtwerke", "84.00", "1,932.80", "4 new", "Import 4 lines"):
        assert fact in text_of(preview), fact
    here = reverse("transactions:outside_import", args=[source.pk])
    done = text_of(ana.post(here, {"step": "confirm"}, follow=True))
    for fact in ("Imported: 4 lines", "1,833.20", "Gehalt", "30 November 2026"):
        assert fact in done, fact
    assert "1,833.20" in text_of(ana.get(LIST))


def test_a_remembered_heading_leads_straight_to_the_preview_with_its_doubles(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, GERMAN)
    more = GERMAN + '"05.11.2026";"05.11.2026";"";"Bäcker";"";"-1,00"\n'
    page = text_of(ana.get(send(ana, account, more)["Location"]))
    assert page.count("duplicate") >= 5
    for fact in ("1 new", "Import 1 line", "Import the duplicates too"):
        assert fact in page, fact
    source = OutsideImport.objects.newest_first().first()
    assert source is not None
    ana.post(reverse("transactions:outside_import", args=[source.pk]), {"step": "confirm"})
    assert balance_of(account) == Decimal("1842.20")


def test_a_file_that_remembered_columns_do_not_fit_leads_to_them_with_what_did_not_fit(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, "Date;Amount\n2026-11-02;-5\n")
    here = send(ana, account, "Date;Amount\n2026-12-02;-12,50\n")["Location"]
    page = ana.get(here, follow=True)
    assert page.redirect_chain[-1][0].endswith("/columns/")
    assert "is not an amount" in text_of(page)
    preview = ana.post(page.redirect_chain[-1][0], fields_of(page.content.decode()), follow=True)
    assert "Import 1 line" in text_of(preview)


@pytest.mark.parametrize(
    ("amounts", "as_read", "otherwise"),
    [
        (("12.00", "5.00"), "+12.00 EUR", f"{MINUS}12.00 EUR"),
        (("-7.00",), f"{MINUS}7.00 EUR", "+7.00 EUR"),
    ],
)
def test_a_file_whose_lines_all_go_one_way_is_shown_in_both_readings(
    ana: Client, account: OutsideAccount, amounts: tuple[str, ...], as_read: str, otherwise: str
) -> None:
    lines = "".join(f"2026-11-02;{amount};Caf\u00e9\n" for amount in amounts)
    source = uploaded(account, f"Date;Amount;Name\n{lines}")
    page = ana.get(reverse("transactions:outside_import", args=[source.pk]))
    assert page.context["one_way"].first.number == min(
        OutsideEntry.objects.of(source).values_list("number", flat=True)
    )
    assert not lacks(text_of(page), as_read, otherwise)


def test_a_file_with_money_both_ways_is_read_without_that_warning(
    ana: Client, account: OutsideAccount
) -> None:
    source = uploaded(account, GERMAN)
    page = ana.get(reverse("transactions:outside_import", args=[source.pk]))
    assert page.context["one_way"] is None


def test_the_preview_says_a_line_that_was_read_as_windows_1252(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, GERMAN)
    preview = text_of(ana.get(send(ana, account, GERMAN.encode("cp1252"))["Location"]))
    assert re.search(
        r"read the file as Windows-1252, not as .{30,40} \u201c.{10,90}Caf\u00e9 Anna", preview
    ), preview
    assert "Windows-1252" not in text_of(ana.get(send(ana, account, GERMAN)["Location"]))


def test_the_preview_says_how_many_lines_have_an_unknown_status(
    ana: Client, account: OutsideAccount
) -> None:
    rows = "".join(f"2026-11-02,-5,{word}\n" for word in ("Booked", "Routed", "Failed."))
    columns = ana.get(send(ana, account, f"Date,Amount,Status\n{rows}")["Location"], follow=True)
    here = columns.redirect_chain[-1][0]
    preview = text_of(ana.post(here, fields_of(columns.content.decode()), follow=True))
    assert "1 line of the file has an unknown status. We treat this line as booked." in preview


def test_the_preview_does_not_read_the_file_again(ana: Client, account: OutsideAccount) -> None:
    source = uploaded(account, GERMAN.encode("cp1252"))
    page = reverse("transactions:outside_import", args=[source.pk])
    with CaptureQueriesContext(connection) as queries:
        assert "Windows-1252" in text_of(ana.get(page))
    assert not any("outside_file_parts" in query["sql"] for query in queries)
    assert services.confirm(source=source).doubts is None


@pytest.mark.parametrize("row", [ROW, "***;;\n"])
def test_the_page_of_the_columns_reads_only_the_beginning_of_the_file(
    row: str, ana: Client, account: OutsideAccount
) -> None:
    """Whatever its encoding, which letters below the beginning may tell."""
    bodies = [f"{HEADING}{ROW}{row * count}{LAST}".encode("cp1252") for count in (100, 60_000)]
    found = [bytes_read(ana, send(ana, account, body)["Location"]) for body in bodies]
    assert found[0] <= found[1] <= PART_BYTES < len(bodies[1])


def bytes_read(client: Client, here: str) -> int:
    """How many bytes of the stored file the page of its columns reads."""
    columns = client.get(here)["Location"]
    sizes = []

    def counted(kept_file: Any, buffer: memoryview) -> int:
        sizes.append(read(kept_file, buffer))
        return sizes[-1]

    read = _StoredFile.readinto
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_StoredFile, "readinto", counted)
        assert client.get(columns).status_code == 200
    return sum(sizes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_page_of_the_columns_has_the_letters_of_the_file(
    encoding: str, ana: Client, account: OutsideAccount
) -> None:
    body = f"{HEADING}01.11.2026;Café;-2,80\n".encode(encoding)
    page = ana.get(send(ana, account, body)["Location"], follow=True)
    assert not lacks(text_of(page), "Zweck für (Café)", "Datum (01.11.2026)")


def test_the_fewer_of_new_lines_and_doubles_are_shown_first(
    ana: Client, account: OutsideAccount
) -> None:
    head, lines = "Date,Payee,Amount\n", [f"2026-11-0{day},Shop {day},-1.00\n" for day in (1, 2, 3)]
    imported(account, head + lines[0] + lines[1])
    for sent, first in ((lines, "Shop 3"), (lines[1:] + lines[2:], "Shop 2")):
        page = ana.get(send(ana, account, head + "".join(sent))["Location"])
        assert page.context["page"][0].title == first


def test_new_lines_that_look_like_entries_are_told_and_marked(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, GERMAN)
    page = text_of(ana.get(send(ana, account, GERMAN.replace("Stadtwerke", "SWK"))["Location"]))
    sentence = "1 of the new lines may be a duplicate"
    assert sentence in page
    assert page.count("possible duplicate similar to the entry \u201cStadtwerke") == 1
    for button in ("Import 1 line", "Do not import these lines"):
        assert button in page


def test_lines_that_look_like_entries_are_left_out_if_the_person_says_so(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, GERMAN)
    more = GERMAN.replace("Stadtwerke", "SWK") + '"05.11.2026";"";"";"Bäcker";"";"-1,00"\n'
    here = send(ana, account, more)["Location"]
    ana.post(here, {"step": "confirm", "lookalikes": "no"})
    source = OutsideImport.objects.newest_first().first()
    assert source is not None
    assert source.entry_count == 1
    assert balance_of(account) == Decimal("1842.20")


def test_the_button_without_lookalikes_says_how_many_it_imports(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, GERMAN)
    more = GERMAN.replace("Stadtwerke", "SWK") + '"05.11.2026";"";"";"B\u00e4cker";"";"-1,00"\n'
    page = text_of(ana.get(send(ana, account, more)["Location"]))
    assert "Import the other line, without this line" in page


def test_lines_that_are_not_booked_are_told_and_imported_without_a_status(
    ana: Client, account: OutsideAccount
) -> None:
    head = "Date,Description,Amount,Status\n2026-11-02,Bus,-2.00,Booked\n"
    text = f"{head}2026-11-03,Bar,-7.00,Pending\n"
    here = send(ana, account, text)["Location"]
    columns = ana.get(here)["Location"]
    fields = fields_of(ana.get(columns).content.decode())
    preview = text_of(ana.post(columns, fields, follow=True))
    assert "We left out 1 line" in preview
    preview = text_of(ana.post(columns, fields | {"role_status": ""}, follow=True))
    assert "left out" not in preview
    ana.post(here, {"step": "confirm"})
    assert balance_of(account) == -9


def test_balances_that_the_lines_do_not_lead_to_are_told(
    ana: Client, account: OutsideAccount
) -> None:
    head = "Date,Description,Amount,Balance\n2026-11-02,Salary,2000.00,2996.50\n"
    told = "because they do not match the lines"
    for last, is_told in (("2993.00", False), ("996.50", True)):
        imported(account, head + f"2026-11-03,Coffee,-3.50,{last}\n")
        page = ana.get(send(ana, account, head + f"2026-11-03,Coffee,-3.50,{last}\n")["Location"])
        assert (told in text_of(page)) == is_told


def test_the_same_file_is_pointed_out(ana: Client, account: OutsideAccount) -> None:
    imported(account, GERMAN)
    page = text_of(ana.get(send(ana, account, GERMAN)["Location"]))
    assert "imported the same file" in page
    assert "Import the duplicates anyway" in page


def test_an_import_is_undone_from_its_page(ana: Client, account: OutsideAccount) -> None:
    source = imported(account, GERMAN)
    here = reverse("transactions:outside_import", args=[source.pk])
    assert "Undo this import" in text_of(ana.get(here))
    page = text_of(ana.post(here, {"step": "undo"}, follow=True))
    assert "Undone" in page
    assert balance_of(account) == 0
    assert "4 lines imported and undone" in text_of(ana.get(here))


def test_a_refused_file_is_told_in_the_form_and_leaves_nothing(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, GERMAN)
    page = text_of(send(ana, account, GERMAN + '"31.02.2026";"";"";"X";"";"-1,00"\n'))
    assert "is not a valid date" in page
    assert OutsideImport.objects.count() == 1
    assert balance_of(account) == Decimal("1843.20")


def test_columns_that_do_not_fit_are_told_in_their_form(
    ana: Client, account: OutsideAccount
) -> None:
    send(ana, account, GERMAN)
    source = OutsideImport.objects.get()
    url = reverse("transactions:outside_columns", args=[source.pk])
    fields = fields_of(ana.get(url).content.decode())
    for wrong, sentence in (
        ({"role_amount": "3"}, "is not an amount"),
        ({"role_amount": ""}, "Choose the column of the amount"),
        ({"role_out": "5"}, "not both"),
        ({"order": "mdy"}, "is not a valid date"),
        ({"role_date": "99"}, "99 is not one of the available choices"),
    ):
        assert sentence in text_of(ana.post(url, fields | wrong)), sentence
        source.refresh_from_db()
        assert (source.state, source.entries.count()) == ("columns", 0)


def test_columns_of_a_file_without_a_heading_are_asked_for_each_time(
    ana: Client, account: OutsideAccount
) -> None:
    text = "11/13/2026,Bus,-5.00\n11/02/2026,Pay,20.00\n"
    for _ in range(2):
        page = ana.get(send(ana, account, text)["Location"], follow=True)
        assert "The file has no heading, so we ask you again for each file." in text_of(page)
        assert "column 3 (-5.00)" in text_of(page)
        listed = text_of(ana.get(f"/outside/{account.pk}/"))
        assert "Columns to be named" in listed
        assert "in the file" not in listed
        source = OutsideImport.objects.newest_first().first()
        assert source is not None
        columns = reverse("transactions:outside_columns", args=[source.pk])
        ana.post(columns, fields_of(page.content.decode()))
        services.confirm(source=source, with_duplicates=True)
    assert balance_of(account) == 30


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (("11/02/2026", "12/05/2026"), "month first, the dates are from 2 November 2026"),
        (("02/11/2026", "05/11/2026"), "day first, the dates are from 2 November 2026"),
        (("11/02/2026", "11/13/2026"), ""), (("11/11/2026", "12/12/2026"), ""),
        (("02.11.2026", "05.11.2026"), ""), (("2026-11-02", "2026-11-05"), ""),
        (("2 Nov 2026", "5 Nov 2026"), ""), (("20261102", "20261105"), ""),
    ],
)  # fmt: skip
def test_days_that_can_be_read_in_two_ways_are_told(
    ana: Client, account: OutsideAccount, days: tuple[str, str], told: str
) -> None:
    source = uploaded(account, "Date,Amount\n" + "".join(f"{day},1\n" for day in days))
    here = reverse("transactions:outside_import", args=[source.pk])
    page = text_of(ana.get(here))
    assert ("We can read the dates of the file in two ways" in page) == bool(told)
    assert told in page
    services.confirm(source=source)
    assert "two ways" not in text_of(ana.get(here))


@pytest.mark.parametrize("role", ["role_side", "role_fee"])
def test_a_column_that_goes_with_one_amount_needs_it(
    ana: Client, account: OutsideAccount, role: str
) -> None:
    answer = send(ana, account, "Date,Debit,Credit,Fee\n2026-11-02,5.00,,1.00\n")
    columns = ana.get(answer["Location"], follow=True)
    fields = fields_of(columns.content.decode()) | {role: "3"}
    page = ana.post(columns.redirect_chain[-1][0], fields)
    assert "To use this column, also choose the column of the amount" in text_of(page)


def test_the_order_of_days_in_qif_is_chosen_and_remembered(
    ana: Client, account: OutsideAccount
) -> None:
    def shown(*days: str) -> Any:
        text = "!Type:Bank\n" + "".join(f"D{day}\nT1.00\n^\n" for day in days)
        return ana.get(send(ana, account, text)["Location"])

    page = shown("01/01/2026", "01/02/2026", "01/06/2026")
    assert "month first, the dates are from 1 January 2026 to 6 January 2026" in text_of(page)
    here = page.request["PATH_INFO"]
    (order,) = re.findall(r'name="order" value="(\w+)"', page.content.decode())
    page = ana.post(here, {"step": "order", "order": order}, follow=True)
    assert "day first, the dates are from 1 January 2026 to 1 June 2026" in text_of(page)
    ana.post(here, {"step": "confirm"})
    assert "day first, the dates are from 1 July 2026" in text_of(shown("01/07/2026"))
    page = shown("07/13/2026")
    assert "13 July 2026" in text_of(page)
    for order in ("dmy", "mdy"):  # of which the first is not possible
        ana.post(page.request["PATH_INFO"], {"step": "order", "order": order})
        assert "13 July 2026" in text_of(ana.get(page.request["PATH_INFO"]))


def test_a_long_file_is_read_in_steps_with_a_bar(
    ana: Client, account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(account, GERMAN)
    monkeypatch.setattr(services, "STEP", 2)
    here = send(ana, account, GERMAN)["Location"]
    assert "<progress" in ana.get(here).content.decode()
    step = ana.post(here, {"step": "read"}, headers={"HX-Request": "true"}).content.decode()
    assert 'max="4"' in step
    assert 'value="2"' in step
    assert "<html" not in step
    assert "4 lines in the file" in text_of(ana.post(here, {"step": "read"}, follow=True))


def test_an_upload_is_thrown_away(ana: Client, account: OutsideAccount) -> None:
    source = uploaded(account, GERMAN)
    ana.post(reverse("transactions:outside_import", args=[source.pk]), {"step": "discard"})
    assert not OutsideImport.objects.exists()


@pytest.mark.parametrize("step", ["confirm", "undo", "read", "discard", "", "dance"])
def test_a_step_that_does_not_fit_changes_nothing(
    ana: Client, account: OutsideAccount, step: str
) -> None:
    source = imported(account, GERMAN) if step != "undo" else uploaded(account, GERMAN)
    before = balance_of(account)
    here = reverse("transactions:outside_import", args=[source.pk])
    assert ana.post(here, {"step": step}).status_code == 302
    assert balance_of(account) == before


def test_an_account_is_changed_and_removed(ana: Client, account: OutsideAccount) -> None:
    imported(account, GERMAN)
    url = f"/outside/{account.pk}/change/"
    ana.post(url, {"name": "Sparkasse Köln", "opening": "100.50"})
    assert balance_of(account) == Decimal("1943.70")
    for opening in ("1e3", "0.001", "many"):
        assert "field__error" in ana.post(url, {"name": "A", "opening": opening}).content.decode()
    ana.post(f"/outside/{account.pk}/remove/")
    assert not OutsideAccount.objects.exists()


@pytest.mark.parametrize(
    ("typed", "opening", "name"),
    [
        ({"name": "New name"}, "1234.00", "New name"),
        ({"name": "New name", "opening": "0"}, "1234.00", "New name"),
        ({"opening": "-5"}, "-5.00", "Renamed elsewhere"),
        ({"opening": "1234"}, "1234.00", "Renamed elsewhere"),
        ({"opening": "many"}, "1234.00", "Renamed elsewhere"),
        ({"name": ""}, "1234.00", "Renamed elsewhere"),
    ],
)
def test_a_form_changes_what_its_reader_typed_and_keeps_what_an_import_has_changed_since(
    ana: Client, account: OutsideAccount, typed: dict[str, str], opening: str, name: str
) -> None:
    url = f"/outside/{account.pk}/change/"
    form = change_form(ana.get(url)).filled(typed)
    changed = OutsideAccount.objects.filter(pk=account.pk)
    changed.update(opening=Decimal(1234), name="Renamed elsewhere")
    answer = ana.post(url, form)
    account.refresh_from_db()
    assert (account.opening, account.name) == (Decimal(opening), name)
    if answer.status_code == 200:
        shown = {"initial-name": "Sparkasse", "initial-opening": "0.00"}
        assert shown.items() <= change_form(answer).values.items()


def test_an_empty_account_has_one_way_to_the_upload_with_itself_chosen(
    ana: Client, user: User, account: OutsideAccount
) -> None:
    outside_account(owner=user, name="Another")
    page = ana.get(f"/outside/{account.pk}/").content.decode()
    (link,) = re.findall(rf'href="({UPLOAD}[^"]*)"', page)
    assert f'<option value="{account.pk}" selected' in ana.get(link).content.decode()


def test_a_file_that_says_another_balance_is_told_and_its_balance_taken_over(
    ana: Client, account: OutsideAccount
) -> None:
    heading = "Date,Description,Amount,Balance\n"
    imported(account, heading + "2026-11-02,Pay,1500.00,2500.00\n2026-11-13,Bus,-124.75,2375.25\n")
    here, change = f"/outside/{account.pk}/", f"/outside/{account.pk}/change/"
    assert "the entries add up to" not in text_of(ana.get(here))
    services.change_account(account=account, name=account.name, opening=Decimal(0))
    page = text_of(ana.get(here))
    assert "13 November 2026 is 2,375.25, but the entries add up to 1,375.25." in page
    assert change in ana.get(here).content.decode()
    shown = ana.get(change)
    assert "If the balance before the first entry is 1,000.00, the entries" in text_of(shown)
    forms = forms_of(shown.content.decode(), change)
    take = next(form for form in forms if form.action == change)
    OutsideAccount.objects.filter(pk=account.pk).update(name="Renamed elsewhere")
    ana.post(change, take.values)
    account.refresh_from_db()
    assert account.name == "Renamed elsewhere"
    assert balance_of(account) == Decimal("2375.25")
    assert "the entries add up to" not in text_of(ana.get(here))
    assert "the entries add up to" not in text_of(ana.get(change))


def test_an_entry_that_two_files_have_is_named_instead_of_another_opening_balance(
    ana: Client, account: OutsideAccount
) -> None:
    line = '"03.11.2026";"";"";"Mara Lindt";"Rent";"-7,00"\n'
    imported(account, GERMAN + line)
    again = ofx2(ofx2_line("20261103", "-7.00", "A1", "MARA LINDT RENT", ""))
    closing = f"{balance_of(account):.2f}"
    imported(account, re.sub(r"<BALAMT>[^<]*", f"<BALAMT>{closing}", again))
    for path in (f"/outside/{account.pk}/", f"/outside/{account.pk}/change/"):
        page = text_of(ana.get(path))
        assert "seems to contain one payment twice: \u22127.00 on 3 November 2026" in page
        assert "\u201cMara Lindt, Rent\u201d in" in page
        assert "as \u201cMARA LINDT RENT\u201d in" in page
        assert "If the balance before the first entry" not in page
        assert "change the balance before" not in page


def test_a_balance_is_compared_on_the_day_that_the_file_says(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, ofx2(ofx2_line("20261104", "5.00", "A1", "Shop", "Refund")))
    imported(account, "Date,Amount\n2026-11-13,7.00\n")
    told = "in file.csv on 30 November 2026 is 2,027.20, but the entries add up to 2,034.20."
    assert told in text_of(ana.get(f"/outside/{account.pk}/"))


def test_a_balance_that_counts_from_zero_says_so(ana: Client, account: OutsideAccount) -> None:
    pages = f"/outside/{account.pk}/", "/outside/"
    assert all("not contain a balance" not in text_of(ana.get(page)) for page in pages)
    bare = imported(account, "Date,Amount\n2026-11-03,7.00\n")
    assert all("not contain a balance" in text_of(ana.get(page)) for page in pages)
    services.change_account(account=account, name=account.name, opening=Decimal(1))
    assert all("not contain a balance" not in text_of(ana.get(page)) for page in pages)
    services.change_account(account=account, name=account.name, opening=Decimal(0))
    services.undo(source=bare)
    imported(account, "Date,Amount,Balance\n2026-11-02,5.00,5.00\n")
    assert all("not contain a balance" not in text_of(ana.get(page)) for page in pages)


def test_only_entries_up_to_the_last_day_of_the_newest_file_with_a_balance_are_compared(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, "Date,Amount,Balance\n2026-11-02,5.00,15.00\n")
    imported(account, "Date,Amount\n2026-11-03,7.00\n")
    assert "the entries add up to" not in text_of(ana.get(f"/outside/{account.pk}/"))
    imported(account, "Date,Amount,Balance\n2026-11-05,1.00,24.00\n")
    page = text_of(ana.get(f"/outside/{account.pk}/"))
    assert "on 5 November 2026 is 24.00, but the entries add up to 23.00." in page


def test_pages_of_entries_carry_the_balance_on(
    ana: Client, account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(account, GERMAN)
    whole = json_of(ana, f"/outside/{account.pk}/entries.json")
    assert [row["balance"] for row in whole] == ["1843.20", "1927.20", "1930.00", "1932.80"]
    monkeypatch.setattr("banking.outside.reads.ENTRIES_PER_PAGE", 3)
    second = text_of(ana.get(f"/outside/{account.pk}/?page=2"))
    assert "1,932.80" in second
    assert "84.00" not in second


@pytest.mark.parametrize("is_newest_first", [True, False])
def test_entries_of_a_day_stand_as_the_file_has_them(
    ana: Client, account: OutsideAccount, is_newest_first: bool
) -> None:
    lines = ["2026-11-01,-1,First,,", "2026-11-02,-2,Second,,", "2026-11-02,-3,Third,,"]
    rows = lines[::-1] if is_newest_first else lines
    imported(account, "\n".join(["Date,Amount,Name,Description,Reference", *rows, ""]))
    shown = text_of(ana.get(f"/outside/{account.pk}/"))
    assert re.findall("First|Second|Third", shown) == ["Third", "Second", "First"]


def test_a_reference_stands_alone_where_there_is_no_description(
    ana: Client, account: OutsideAccount
) -> None:
    heading = "Date,Amount,Name,Description,Reference"
    imported(account, f"{heading}\n2026-11-02,-5,Baker,,R1\n2026-11-03,-6,Bus,Fare,R2\n")
    page = text_of(ana.get(f"/outside/{account.pk}/"))
    assert "Fare · R2" in page
    assert "Baker R1" in page


def test_nobody_elses_accounts_and_imports_are_there(ana: Client) -> None:
    source = uploaded(outside_account(), GERMAN)
    pages = [
        f"/outside/{source.account_id}/", f"/outside/{source.account_id}/change/",
        f"/outside/{source.account_id}/entries.csv", f"/outside/imports/{source.pk}/",
        f"/outside/imports/{source.pk}/columns/",
    ]  # fmt: skip
    for page in pages:
        assert ana.get(page).status_code == 404, page
    assert ana.post(pages[3], {"step": "confirm"}).status_code == 404
    ana.post(f"/outside/{source.account_id}/remove/")
    outside_account(owner=User.objects.get(pk=ana.session["_auth_user_id"]))
    assert "field__error" in send(ana, source.account, GERMAN).content.decode()
    source.refresh_from_db()
    assert source.state == "preview"


def test_the_queries_do_not_grow(ana: Client, account: OutsideAccount) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            ana.get(LIST)
            ana.get(f"/outside/{account.pk}/")
        return len(found)

    imported(account, "Date,Amount\n2026-11-02,5\n")
    few = asked()
    imported(account, GERMAN)
    imported(outside_account(owner=account.owner), GERMAN)
    assert asked() == few


def test_a_formula_of_another_bank_is_guarded_in_the_file(
    ana: Client, account: OutsideAccount
) -> None:
    imported(account, "Date,Amount,Description\n2026-11-02,5,@SUM(A1)\n")
    text = b"".join(ana.get(f"/outside/{account.pk}/entries.csv")).decode()
    assert "'@SUM(A1)" in text


MONTH_FIRST = "05/05/2026,1.00\n" * 21 + "05/06/2026,1.00\n05/07/2026,1.00\n"


@pytest.mark.parametrize(
    ("rows", "last", "told"),
    [
        (MONTH_FIRST, "7 May 2026", "month first, the dates are from"),
        ("26/01/05,1.00\n", "26 January 2005", "day first, the dates are from"),
        ("26/01/05,1.00\n26/01/06,1.00\n", "6 January 2026", "year first, the dates are from"),
        ("05/01/26,1.00\n13/01/26,1.00\n", "13 January 2026", ""),
    ],
    ids=["after many alike", "a year first on one day", "a year first", "the day first"],
)
def test_the_preview_says_in_which_order_days_were_read(
    ana: Client, account: OutsideAccount, rows: str, last: str, told: str
) -> None:
    source = uploaded(account, f"Date,Amount\n{rows}")
    text = text_of(ana.get(reverse("transactions:outside_import", args=[source.pk])))
    assert last in text
    assert told in text
    assert ("We can read the dates of the file" in text) == bool(told)


def test_the_help_of_an_opening_balance_says_when_to_leave_it_empty(ana: Client) -> None:
    page = text_of(ana.get(NEW))
    assert "Leave this empty if your first file includes balances" in page


TOO_MUCH = (
    "Date,Description,Debit,Credit\n"
    "2026-11-01,Shop,-999999999999999.00,999999999999999.00\n"
    "2026-11-02,Second shop,2.00,\n2026-11-03,Third shop,2.00,\n"
)


def test_a_line_of_two_figures_above_any_amount_is_refused_by_a_sentence(
    ana: Client, account: OutsideAccount
) -> None:
    columns = ana.get(send(ana, account, TOO_MUCH)["Location"])["Location"]
    page = ana.get(columns)
    answer = ana.post(columns, fields_of(page.content.decode()))
    assert answer.status_code == 200
    assert "Line 2: the amount 1999999999999998.00 is too large" in text_of(answer)
    assert list(OutsideImport.objects.values_list("state", flat=True)) == ["columns"]
    assert not OutsideEntry.objects.exists()


def test_sums_above_the_largest_amount_are_shown(ana: Client, account: OutsideAccount) -> None:
    lines = "".join(f"2026-11-{day:02},Shop {day},999999999999999.99\n" for day in range(1, 13))
    imported(account, "Date,Description,Amount\n" + lines)
    total = "11,999,999,999,999,999.88"
    assert balance_of(account) == Decimal(total.replace(",", ""))
    own = f"/outside/{account.pk}/"
    for page in (LIST, own, f"{own}change/", f"{own}entries.csv"):
        assert ana.get(page).status_code == 200
    assert total in text_of(ana.get(own))


@pytest.mark.parametrize("limit", ["MAX_PARTS", "MAX_RAW_LINES"])
def test_a_file_of_endless_rows_is_refused_before_its_columns_are_asked_for(
    limit: str, ana: Client, account: OutsideAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"banking.outside.formats.lines.{limit}", 50)
    text = "Date,Debit,Credit\n1/1/26,1,\n1/1/26,2,\n" + "\n" * 50
    assert "The file has more than 50 lines" in text_of(send(ana, account, text))
    assert not OutsideImport.objects.exists()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    return leave_unrendered(monkeypatch, views)


@pytest.mark.parametrize("name", ["account_page", "account_change", "columns", "import_page"])
def test_a_page_of_another_person_is_not_found(user: User, name: str) -> None:
    source = stored(outside_account(), state="columns")
    pk = source.account_id if name.startswith("account") else source.pk
    both: tuple[dict[str, Any] | None, ...] = (None, {})
    for data in both:
        if data is None or name != "account_page":
            with pytest.raises(Http404):
                getattr(views, name)(request_of(user, data), pk)
    with pytest.raises(Http404):
        views.entries_file(request_of(user), source.account_id, "csv")
    assert views.account_remove(request_of(user, {}), source.account_id).status_code == 302
    assert OutsideAccount.objects.filter(pk=source.account_id).exists()


def test_an_account_is_opened_by_its_form_or_refused_in_it(
    user: User, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert views.account_new(request_of(user)).status_code == 200
    form = {"id": str(uuid7()), "name": "A", "currency": "EUR", "opening": "-5"}
    first, again = (views.account_new(request_of(user, form)) for _ in range(2))
    account = OutsideAccount.objects.get()
    assert (account.owner, account.name, account.currency, account.opening) == (
        user,
        "A",
        "EUR",
        -5,
    )
    assert first["Location"] == again["Location"] == f"{UPLOAD}?account={account.pk}"
    monkeypatch.setattr(services, "MAX_ACCOUNTS", 1)
    for changed in ({"name": "B"}, {"name": ""}):
        assert views.account_new(request_of(user, form | changed)).status_code == 200
    assert OutsideAccount.objects.count() == 1
    assert [template for template, _context in shown] == [f"{FOLDER}new.html"] * 3
    forms = [context["form"] for _template, context in shown]
    assert [form.is_bound for form in forms] == [False, True, True]
    assert [list(form.errors) for form in forms] == [[], ["__all__"], ["name"]]


def test_an_account_is_changed_by_its_form_or_refused_in_it(
    user: User, account: OutsideAccount, shown: list[Any]
) -> None:
    services.change_account(account=account, opening=Decimal(1234))
    stored(account, ("2026-11-02", 5, "Pay"), closing=1)
    assert views.account_change(request_of(user), account.pk).status_code == 200
    typed = {"name": "New", "opening": "0.001"}
    assert views.account_change(request_of(user, typed), account.pk).status_code == 200
    (_, first), (template, refused) = shown
    assert template == f"{FOLDER}change.html"
    assert first["form"].initial == {"name": "Sparkasse", "opening": "1,234.00"}
    assert (first["form"].is_bound, list(refused["form"].errors)) == (False, ["opening"])
    for context in (first, refused):
        assert (context["account"], context["difference"].balance) == (account, 1239)
    changed = views.account_change(request_of(user, {"name": "New", "opening": "-2"}), account.pk)
    assert changed["Location"] == f"/outside/{account.pk}/"
    account.refresh_from_db()
    assert (account.name, account.opening) == ("New", -2)


def test_an_account_is_removed_by_its_owner(user: User, account: OutsideAccount) -> None:
    for is_told in (True, False):
        request = request_of(user, {})
        assert views.account_remove(request, account.pk)["Location"] == LIST
        assert bool(messages_of(request)) == is_told
    assert not OutsideAccount.objects.exists()


def test_the_page_of_an_account_has_its_entries_and_imports(
    user: User, account: OutsideAccount, shown: list[Any]
) -> None:
    source = stored(account, ("2026-11-02", 5, "Pay"), closing=1)
    views.account_page(request_of(user), account.pk)
    ((template, context),) = shown
    assert (template, context["account"].balance, context["imports"]) == (
        f"{FOLDER}account.html", 5, [source],
    )  # fmt: skip
    assert [entry.description for entry in context["page"]] == ["Pay"]
    assert [day.total for day in context["days"]] == [5]
    assert context["upload_url"] == f"{UPLOAD}?account={account.pk}"
    assert context["difference"].closing == 1
    views.account_list(request_of(user))
    assert shown[1][1] == {"accounts": [account], "totals": [("EUR", Decimal(5))]}


QIF_FILE = b"!Type:Bank\nD25/11/2026\nT1.00\n^\n"


def sent(account: OutsideAccount, body: bytes, **changed: Any) -> dict[str, Any]:
    file = SimpleUploadedFile("november.qif", body)
    return {"id": str(uuid7()), "account": str(account.pk), "file": file, **changed}


def test_an_upload_is_stored_once_and_read(user: User, account: OutsideAccount) -> None:
    id = str(uuid7())
    answers = [views.upload(request_of(user, sent(account, QIF_FILE, id=id))) for _time in range(2)]
    source = OutsideImport.objects.get()
    assert (source.state, source.name, source.account) == ("preview", "november.qif", account)
    assert {answer["Location"] for answer in answers} == {f"/outside/imports/{source.pk}/"}


@pytest.mark.parametrize(("lines", "state"), [(1, "preview"), (0, "reading")])
def test_a_file_of_one_step_is_read_as_it_is_uploaded(
    user: User, account: OutsideAccount, monkeypatch: pytest.MonkeyPatch, lines: int, state: str
) -> None:
    monkeypatch.setattr(services, "STEP", lines)
    views.upload(request_of(user, sent(account, QIF_FILE)))
    assert OutsideImport.objects.get().state == state


def test_an_upload_that_is_refused_is_so_in_its_form(
    user: User, account: OutsideAccount, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    views.upload(request_of(user, query={"account": str(account.pk)}))
    views.upload(request_of(user, {}))
    views.upload(request_of(user, sent(outside_account(), QIF_FILE)))
    views.upload(request_of(user, sent(account, b"%PDF")))
    monkeypatch.setattr(services, "MAX_LINES_PER_PERSON", 0)
    views.upload(request_of(user, sent(account, QIF_FILE)))
    assert not OutsideImport.objects.exists()
    forms = [context["form"] for _template, context in shown]
    assert forms[0].initial == {"account": str(account.pk)}
    assert [sorted(form.errors) for form in forms] == [
        [], ["account", "file", "id"], ["account"], ["file"], ["file"],
    ]  # fmt: skip


@pytest.mark.parametrize("refusal", ["", "It does not fit."])
def test_an_upload_says_what_of_the_last_columns_did_not_fit(
    user: User, account: OutsideAccount, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    source = stored(account, state="columns")
    source.refusal = refusal
    upload = Mock(return_value=source)
    monkeypatch.setattr(services, "upload", upload)
    request = request_of(user, sent(account, QIF_FILE))
    assert views.upload(request)["Location"] == f"/outside/imports/{source.pk}/"
    told = [text for _level, text in messages_of(request)]
    assert told == ([f"{refusal} {views.NOT_AS_BEFORE}"] if refusal else [])
    facts = upload.call_args.kwargs
    assert facts == {"account": account, "name": "november.qif", "id": facts["id"]}


CSV = "Date,Amount,Note\n2026-11-02,-5.00,Bus\n"
MAPPING = {"date": 0, "amount": 1, "texts": [2], "order": "ymd", "decimal": ".", "flip": False}


@pytest.mark.parametrize(
    ("facts", "is_shown"),
    [
        ({"state": "columns"}, True), ({"state": "reading"}, True), ({"state": "preview"}, True),
        ({"state": "imported"}, False), ({"state": "undone"}, False),
        ({"state": "preview", "format": "qif"}, False),
    ],
)  # fmt: skip
def test_columns_are_shown_until_the_file_is_imported(
    user: User, account: OutsideAccount, shown: list[Any], facts: dict[str, str], is_shown: bool
) -> None:
    source = stored(account, file=CSV, **facts)
    answer = views.columns(request_of(user), source.pk)
    if not is_shown:
        assert (answer["Location"], shown) == (f"/outside/imports/{source.pk}/", [])
        return
    ((template, context),) = shown
    assert (template, context["source"]) == (f"{FOLDER}columns.html", source)
    assert context["sheet"].names == ("Date", "Amount", "Note")
    form = context["form"]
    assert (form.is_bound, form.initial["role_amount"], form.initial["flip"]) == (False, 1, False)


def test_columns_that_are_named_lead_to_the_preview(
    user: User, account: OutsideAccount, shown: list[Any]
) -> None:
    source = stored(account, file=CSV, state="columns", mapping=MAPPING | {"flip": True})
    views.columns(request_of(user), source.pk)
    initial = shown[0][1]["form"].initial
    assert (initial["flip"], initial["role_date"], initial["role_fee"]) == (True, 0, None)
    fields = {"role_date": "0", "role_amount": "1", "texts": ["2"], "order": "ymd", "decimal": "."}
    for wrong, error in (({"role_date": ""}, "role_date"), ({"role_amount": "2"}, "__all__")):
        views.columns(request_of(user, fields | wrong), source.pk)
        assert list(shown[-1][1]["form"].errors) == [error]
        source.refresh_from_db()
        assert source.state == "columns"
    answer = views.columns(request_of(user, fields), source.pk)
    source.refresh_from_db()
    assert answer["Location"] == f"/outside/imports/{source.pk}/"
    assert (source.state, source.entries.get().amount) == ("preview", -5)


@pytest.mark.parametrize("doubts", [None, {"order": "dmy"}])
def test_a_preview_has_its_lines_and_what_it_warns_of(
    user: User, account: OutsideAccount, shown: list[Any], doubts: dict[str, str] | None
) -> None:
    """One that an earlier version read has no doubts: they are found again."""
    before = stored(account, ("2026-11-02", -5, "Tram"), digest="same")
    source = stored(
        account, ("2026-11-02", -5, "Bus"), ("2026-11-03", -6, "Bus"), file=CSV, digest="same",
        state="preview", mapping=MAPPING, doubts=doubts,
    )  # fmt: skip
    assert views.import_page(request_of(user), source.pk).status_code == 200
    ((template, context),) = shown
    assert (template, context["source"], context["account"]) == (
        f"{FOLDER}import.html",
        source,
        account,
    )
    like, other = source.entries.order_by("number")
    assert context["lines"] == [(like, "\u201cTram\u201d"), (other, None)]
    assert (context["lookalikes"].ids, context["other_count"]) == ({like.pk}, 1)
    assert context["one_way"] == (like, 5)
    assert context["before"] == before
    found = {"order": "", "letters": "", "unknown_status_count": 0}
    assert context["doubts"] == (doubts or found)


@pytest.mark.parametrize("state", ["columns", "reading", "imported", "undone"])
def test_an_import_that_is_no_preview_has_no_lines(
    user: User, account: OutsideAccount, shown: list[Any], state: str
) -> None:
    source = stored(account, ("2026-11-02", -5, "Bus"), state=state)
    answer = views.import_page(request_of(user), source.pk)
    if state == "columns":
        assert answer["Location"] == f"/outside/imports/{source.pk}/columns/"
    else:
        assert shown == [(f"{FOLDER}import.html", {"source": source, "account": account})]


@pytest.mark.parametrize(
    ("data", "called"),
    [
        ({"step": "order", "order": "mdy"}, ("read_in_order", {"order": "mdy"})),
        ({"step": "order", "order": "dmy"}, ("read_in_order", {"order": "dmy"})),
        ({"step": "order", "order": "x"}, ("read_in_order", {"order": "dmy"})),
        ({"step": "confirm"}, ("confirm", {"with_duplicates": False, "with_lookalikes": True})),
        (
            {"step": "confirm", "doubles": "yes", "lookalikes": "no"},
            ("confirm", {"with_duplicates": True, "with_lookalikes": False}),
        ),
        ({"step": "undo"}, ("undo", {})), ({"step": "discard"}, ("discard", {})),
        ({"step": "dance"}, None), ({}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_refused", [False, True])
def test_each_button_of_an_import_calls_its_service(
    user: User,
    account: OutsideAccount,
    monkeypatch: pytest.MonkeyPatch,
    data: dict[str, str],
    called: tuple[str, dict[str, Any]] | None,
    is_refused: bool,
) -> None:
    source, calls = stored(account, state="preview", line_count=0), []

    def service(name: str) -> Callable[..., OutsideImport]:
        def call(*, source: OutsideImport, **how: Any) -> OutsideImport:
            calls.append((source.pk, name, how))
            if is_refused:
                raise InvalidDetails("Not now.")
            return source

        return call

    for name in ("read_in_order", "confirm", "undo", "discard"):
        monkeypatch.setattr(services, name, service(name))
    request = request_of(user, data)
    answer = views.import_page(request, source.pk)
    assert calls == ([(source.pk, *called)] if called else [])
    here, of_account = f"/outside/imports/{source.pk}/", f"/outside/{account.pk}/"
    stays = is_refused or called is None or called[0] == "read_in_order"
    assert answer["Location"] == (here if stays else of_account)
    told = [text for _level, text in messages_of(request)]
    if is_refused and called:
        assert told == ["Not now."]
    else:
        assert len(told) == (not stays)


@pytest.mark.parametrize(("htmx", "count"), [(True, 1), (False, 3)])
def test_reading_answers_after_each_step_with_htmx(
    user: User,
    account: OutsideAccount,
    shown: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    htmx: bool,
    count: int,
) -> None:
    monkeypatch.setattr(services, "STEP", 1)
    rows = "".join(f"2026-11-0{day},-5.00,Bus\n" for day in (1, 2, 3))
    source = stored(
        account, file=f"Date,Amount,Note\n{rows}", state="reading", line_count=3, mapping=MAPPING
    )
    answer = views.import_page(
        request_of(user, {"step": "read"}, headers=HTMX if htmx else None), source.pk
    )
    source.refresh_from_db()
    assert source.read_count == count
    if htmx:
        assert shown == [(f"{FOLDER}_reading.html", {"source": source})]
    else:
        assert answer["Location"] == f"/outside/imports/{source.pk}/"


def test_the_accounts_and_the_entries_of_one_are_files(user: User, account: OutsideAccount) -> None:
    stored(account, ("2026-11-02", 5, "Pay"), ("2026-11-03", -2, "Bus"))
    outside_account()
    answers = (
        views.list_file(request_of(user), "json"),
        views.entries_file(request_of(user), account.pk, "json"),
    )
    accounts, entries = (json.loads(b"".join(answer)) for answer in answers)
    assert [(row["account"], row["balance"]) for row in accounts] == [("Sparkasse", "3.00")]
    assert [(row["amount"], row["balance"]) for row in entries] == [
        ("-2.00", "3.00"), ("5.00", "5.00"),
    ]  # fmt: skip
