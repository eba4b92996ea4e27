"""The list of statements, and the page that checks one, signed in or not."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.signing import Signer
from django.http import Http404
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader
from reportlab.graphics.barcode.qr import QrCodeWidget

from accounts.models import Account, User
from accounts.sign_in.limits import Limit
from banking.statement_files import checking, chosen, places, views
from banking.statement_files.chosen import ChosenEntries
from banking.statement_files.formats import pdf as pdf_format
from banking.statement_files.models import MonthlyStatement
from ledger.db.ids import uuid7
from tests.banking.statement_files.shared import pdf_text
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.pages import text_of, without_token
from transactions import services
from transactions.annotations.services import annotate
from transactions.audit import sealing
from transactions.audit.runs import run_audit
from transactions.categories.services import give_category, undo_change
from transactions.models import AuditRun, Entry, Transaction
from transactions.statements.forms import StatementForm

pytestmark = pytest.mark.django_db
CHECK = "/statements/check/"


def test_the_list_has_each_month_with_its_files(
    ana: Client, account: Account, issued: list[MonthlyStatement]
) -> None:
    answer = ana.get(f"/accounts/{account.pk}/statements/")
    page = answer.content.decode()
    for statement in issued:
        assert f'href="{statement.number}.pdf"' in page
        assert f"{statement.closing:,.2f}" in page
    assert "March 2026" in page
    assert page.index("March 2026") < page.index("January 2026")


def test_without_a_statement_the_page_says_when_there_is_one(ana: Client, account: Account) -> None:
    page = ana.get(f"/accounts/{account.pk}/statements/").content.decode()
    assert "No statement yet" in page
    assert reverse("transactions:statement", args=[account.pk]) in page


@pytest.mark.parametrize("path", ["statements/", "statements/1.pdf", "statement.pdf"])
def test_nobody_else_sees_them(
    client: Client, account: Account, issued: list[MonthlyStatement], path: str
) -> None:
    url = f"/accounts/{account.pk}/{path}"
    assert client.get(url).status_code == 302  # to the sign-in
    client.force_login(AccountFactory().user)
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("path", ["9.pdf", "1.exe", "99999999999.pdf"])
def test_there_is_no_other_file(
    ana: Client, account: Account, issued: list[MonthlyStatement], path: str
) -> None:
    assert ana.get(f"/accounts/{account.pk}/statements/{path}").status_code == 404


def test_without_a_statement_of_that_number_and_kind_there_is_no_file() -> None:
    account = AccountFactory()
    request: Any = RequestFactory().get("/")
    request.user = account.user
    for kind in ("exe", "pdf"):
        with pytest.raises(Http404):
            views.monthly_file(request, pk=account.pk, number=1, kind=kind)


def test_a_file_of_a_choice_needs_valid_filters() -> None:
    account = AccountFactory()
    request: Any = RequestFactory().get("/", {"start": "late", "direction": "up"})
    request.user = account.user
    answer: Any = views.chosen_file(request, pk=account.pk, kind="camt053.xml")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    errors = StatementForm(request.GET).errors
    assert answer.content.decode() == " ".join([*errors["start"], *errors["direction"]])
    request.user = UserFactory()
    with pytest.raises(Http404):
        views.chosen_file(request, pk=account.pk, kind="pdf")


@pytest.mark.parametrize(
    ("name", "typed", "problem", "errors"),
    [
        pytest.param("choice", "x", views.NO_CHOICE, {}, id="code"),
        pytest.param("digest", "ab" * 32, views.NO_STATEMENT, {}, id="digest"),
        pytest.param("digest", "ab", "", {"digest": [views.NO_DIGEST]}, id="short"),
        pytest.param("other", "", "", {}, id="nothing"),
    ],
)
def test_the_page_says_what_it_has_not_found(
    client: Client, name: str, typed: str, problem: str, errors: dict[str, list[str]]
) -> None:
    page = client.get(CHECK, {name: typed})
    assert (page.status_code, page.context["checked"]) == (200, None)
    assert (page.context["problem"], page.context["form"].errors) == (problem, errors)


@pytest.mark.parametrize("signed_in", [True, False])
def test_whoever_holds_a_digest_reads_what_the_books_say(
    ana: Client, issued: list[MonthlyStatement], signed_in: bool
) -> None:
    statement = issued[1]
    client = ana if signed_in else Client()
    digest = statement.hex_digest
    spaced = " ".join(digest[n : n + 4] for n in range(0, 64, 4)).upper()
    for typed in (digest, spaced):
        answer = client.get(CHECK, {"digest": typed})
        page = answer.content.decode()
        assert "This matches the bank" in page
        for name in ("opening", "money_in", "money_out", "closing"):
            assert f"{getattr(statement, name):,.2f}" in page
        assert "Ana &lt;Ribeiro&gt;" in page
        assert "no-store" in answer.headers["Cache-Control"]


def test_an_audit_is_named_if_it_found_nothing(
    client: Client, account: Account, issued: list[MonthlyStatement]
) -> None:
    def page() -> str:
        return text_of(client.get(CHECK, {"digest": issued[0].hex_digest}))

    assert "The audit of" not in page()
    run_audit()
    assert "The audit of" in page()
    with walls_down("accounts") as cursor:
        cursor.execute("UPDATE accounts SET balance = balance + 1 WHERE id = %s", [account.pk])
    run_audit()
    assert "The audit of" not in page()


@pytest.mark.parametrize("digest", ["", "abc", "zz" * 32, "ab" * 32, "\x00" * 64, "ab" * 31])
def test_a_digest_of_no_statement_is_told_by_a_sentence(
    client: Client, issued: list[MonthlyStatement], digest: str
) -> None:
    answer = client.get(CHECK, {"digest": digest})
    assert answer.status_code == 200
    assert answer.context["checked"] is None
    assert answer.context["problem"] or answer.context["form"].errors
    assert "Ana" not in without_token(answer)


def test_a_row_that_was_falsified_is_found(
    client: Client, account: Account, issued: list[MonthlyStatement]
) -> None:
    statement = issued[1]
    row = Transaction.objects.filter(
        to_account=account, created_at__gte=statement.starts_at, created_at__lt=statement.ends_at
    ).first()
    assert row is not None
    with walls_down("transactions") as cursor:
        cursor.execute("UPDATE transactions SET description = 'Bay' WHERE id = %s", [row.pk])
    page = client.get(CHECK, {"digest": statement.hex_digest}).content.decode()
    assert "This does not match the bank" in page
    other = client.get(CHECK, {"digest": issued[0].hex_digest}).content.decode()
    assert "This matches the bank" in other


QUERIES = [
    "",
    "?start=2026-02-01&end=2026-02-28",
    "?direction=out&q=rent",
    "?start=2026-03-01",
    "?q=12.50&end=2026-03-01",
]


def code_of(client: Client, account: Account, query: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address in the code of a PDF of these filters."""
    found: list[str] = []
    real = QrCodeWidget

    def widget(text: str, **options: str) -> object:
        found.append(text)
        return real(text, **options)

    monkeypatch.setattr(pdf_format, "QrCodeWidget", widget)
    assert client.get(f"/accounts/{account.pk}/statement.pdf{query}").status_code == 200
    return found[0].removeprefix("http://testserver")


def test_the_code_of_a_statement_can_be_clicked(ana: Client, account: Account) -> None:
    body = ana.get(f"/accounts/{account.pk}/statement.pdf?direction=out").content
    links: Any = PdfReader(BytesIO(body)).pages[-1]["/Annots"]
    assert len(links) == 1
    target = links[0].get_object()["/A"]["/URI"].removeprefix("http://testserver")
    assert Client().get(target).context["checked"].is_true


@pytest.mark.parametrize("query", QUERIES)
def test_the_code_of_a_choice_leads_to_what_the_books_say(
    ana: Client, account: Account, issued: list[MonthlyStatement], query: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = code_of(ana, account, query, monkeypatch)
    answer = Client().get(url)
    checked = answer.context["checked"]
    assert checked.is_true
    assert checked.count > 0
    assert "<dt>Statement</dt>" not in answer.content.decode()  # it has no number
    month = 3 if query.startswith("?start=2026-03") else 2
    rents = Transaction.objects.filter(from_account=account, description__startswith="Rent")
    row = rents.get(created_at__month=month)
    with walls_down("transactions") as cursor:
        cursor.execute("UPDATE transactions SET reference = 'No' WHERE id = %s", [row.pk])
    assert not Client().get(url).context["checked"].is_true


def test_paper_and_page_name_the_same_days_of_an_empty_choice(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "?start=2027-05-01&end=2027-06-01"
    url = code_of(ana, account, query, monkeypatch)
    paper = pdf_text(ana.get(f"/accounts/{account.pk}/statement.pdf{query}").content)
    assert "1 May 2027 to 1 May 2027" in paper
    assert Client().get(url).context["checked"].period == "1 May 2027 to 1 May 2027"


def audited(started_at: datetime, since: datetime | None = None, **facts: Any) -> None:
    """An audit of then, as it was stored then."""
    with walls_down("audit_runs"):
        AuditRun.objects.create(
            started_at=started_at, finished_at=started_at, since=since, accounts=2, transactions=9,
            **facts,
        )  # fmt: skip


def test_the_page_names_an_audit_only_if_it_has_read_the_entries(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = code_of(ana, account, "?start=2026-02-01", monkeypatch)

    def said() -> str:
        return text_of(Client().get(url))

    assert "No audit has run yet." in said()
    audited(datetime(2026, 3, 1, 4, 23, tzinfo=UTC))
    none = "No audit has read all of these entries yet. The last audit ended on"
    assert f"{none} 1 March 2026, 04:23." in said()
    audited(datetime(2026, 4, 1, tzinfo=UTC), since=datetime(2026, 2, 10, tzinfo=UTC))
    assert f"{none} 1 April 2026, 00:00." in said()
    audited(datetime(2026, 4, 2, 4, 23, tzinfo=UTC), since=datetime(2026, 2, 1, tzinfo=UTC))
    audited(datetime(2026, 4, 3, tzinfo=UTC), since=datetime(2026, 4, 2, tzinfo=UTC))
    assert "The audit of 2 April 2026, 04:23 found every seal and row unchanged." in said()
    audited(datetime(2026, 4, 4, tzinfo=UTC), findings=[{"check": "seal"}])
    assert "audit" not in said()
    audited(datetime(2026, 4, 5, tzinfo=UTC), since=datetime(2026, 4, 4, tzinfo=UTC))
    assert "audit" not in said()


def test_a_client_checks_a_limited_number_of_statements(
    issued: list[MonthlyStatement], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(views, "CHECKS_OF_CLIENT", Limit("statement_checks", 2, 300))
    digest = {"digest": issued[0].hex_digest}
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    here, elsewhere = ({"X-Forwarded-For": f"192.0.2.{n}"} for n in (1, 2))
    answers = [Client().get(CHECK, digest, headers=here) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].context["checked"] is None
    assert Client().get(CHECK, headers=here).status_code == 200, "the empty form counts nothing"
    assert Client().get(CHECK, digest, headers=elsewhere).status_code == 200
    monkeypatch.setattr(views, "CHECKS_OF_ALL", Limit("all_statement_checks", 4, 300))
    # Three checks count until now: the refused one of `here` counts for nobody else.
    assert Client().get(CHECK, digest, headers=elsewhere).status_code == 200
    further = {"X-Forwarded-For": "192.0.2.3"}
    assert Client().get(CHECK, {"choice": "x"}, headers=further).status_code == 429


def test_the_page_of_a_month_names_an_audit_only_if_it_has_read_it(
    ana: Client, issued: list[MonthlyStatement]
) -> None:
    audited(datetime(2026, 3, 1, tzinfo=UTC))
    january, _february, march = (
        text_of(Client().get("/statements/check/", {"digest": each.hex_digest})) for each in issued
    )
    assert "The audit of 1 March 2026, 00:00 found every seal and row unchanged." in january
    assert "No audit has read all of these entries yet." in march


def test_a_code_stays_true_when_money_moves_and_days_are_sealed(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = code_of(ana, account, "?end=2026-03-10", monkeypatch)
    open_ended = code_of(ana, account, "", monkeypatch)
    tomorrow = timezone.localdate() + timedelta(days=1)
    unfinished = code_of(ana, account, f"?end={tomorrow}", monkeypatch)
    services.deposit(to_account=account, amount=Decimal(5), description="Later")
    sealing.seal(until=date(2026, 4, 1))
    for each in (url, open_ended, unfinished):
        checked = Client().get(each).context["checked"]
        assert checked.is_true
        assert checked.closing != 0


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("query", ["", "?q=12.50", "?start=2026-03-01", "today"])
def test_a_code_holds_what_was_booked_whichever_clock_is_ahead(
    ana: Client, account: Account, query: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the web server may differ from that of Postgres, and a payment that is being
    booked has its moment before it is committed.
    """
    today = timezone.localdate()
    query = f"?start={today}" if query == "today" else query
    booked = services.deposit(to_account=account, amount=Decimal("12.50"), description="Before")
    another = timezone.now() + timedelta(hours=hours)
    with monkeypatch.context() as clock:
        clock.setattr(chosen, "timezone", SimpleNamespace(
            now=lambda: another,
            localdate=lambda moment=None: timezone.localdate(moment or another),
            get_current_timezone=timezone.get_current_timezone,
        ))  # fmt: skip
        url = code_of(ana, account, query, monkeypatch)
    first = Client().get(url).context["checked"]
    services.deposit(to_account=account, amount=Decimal("12.50"), description="After")

    checked = Client().get(url).context["checked"]

    assert first.is_true
    assert first == checked
    assert checked.closing == booked.to_balance


def test_a_code_of_an_empty_account_stays_true(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = AccountFactory(user=account.user)
    url = code_of(ana, empty, "", monkeypatch)
    services.deposit(to_account=empty, amount=Decimal(5), description="First")
    checked = Client().get(url).context["checked"]
    assert checked.is_true
    assert (checked.count, checked.closing) == (0, 0)


@pytest.mark.parametrize("query", ["?q=category:fun", "?q=%22gift+of+a+friend%22", "?q=Ohara"])
def test_a_code_stays_true_when_what_its_search_reads_has_changed(
    ana: Client, account: Account, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Transaction.objects.filter(from_account=account).order_by("created_at")
    few = sent.filter(pk__in=[row.pk for row in sent[3:12:4]])
    change = uuid7()
    give_category(owner=account.user, rows=few, category="fun", change=change)
    for row in few:
        annotate(transaction=row, owner=account.user, text="Gift of a friend")
    url = code_of(ana, account, query, monkeypatch)
    before = Client().get(url).context["checked"]
    undo_change(owner=account.user, change=change)
    for row in few:
        annotate(transaction=row, owner=account.user)
    User.objects.filter(name__endswith="Ohara").update(name="Mara Lindt")
    checked = Client().get(url).context["checked"]
    assert checked.is_true
    assert checked.count == before.count == (20 if "Ohara" in query else 3)
    with walls_down("transactions") as cursor:
        cursor.execute("UPDATE transactions SET reference = 'No' WHERE id = %s", [few[0].pk])
    page = Client().get(url)
    assert not page.context["checked"].is_true
    assert "records differ from this statement" in text_of(page)


def test_a_code_without_places_says_that_its_search_may_find_others(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of a selection that is too long for places, or that was made before there were any."""
    monkeypatch.setattr(places, "MAX_BYTES", 0)
    url = code_of(ana, account, "?q=Ohara", monkeypatch)
    assert Client().get(url).context["checked"].is_true
    User.objects.filter(name__endswith="Ohara").update(name="Mara Lindt")
    page = Client().get(url)
    assert not page.context["checked"].is_true
    assert "finds different entries today" in text_of(page)


def test_a_code_of_no_entries_is_checked_without_its_search(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = code_of(ana, account, "?q=nothing+has+these+words", monkeypatch)
    monkeypatch.setattr(ChosenEntries, "entries", None)
    checked = Client().get(url).context["checked"]
    assert checked.is_true
    assert checked.count == 0


def test_a_search_that_is_applied_again_for_strangers_has_a_limit_of_time(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_BYTES", 0)
    url = code_of(ana, account, "?q=Ohara", monkeypatch)
    # Without the limit, no row sleeps, and the test fails at once.
    slow = Entry.objects.for_account(account).extra(
        where=["current_setting('statement_timeout') <> '50ms' OR pg_sleep(60) IS NULL"]
    )
    with monkeypatch.context() as patch:
        patch.setattr(ChosenEntries, "entries", slow)
        patch.setattr(checking, "SEARCH_SECONDS", 0.05)
        assert Client().get(url).status_code == 503
    with checking._search:  # of another stranger
        assert Client().get(url).status_code == 503
    assert Client().get(url).context["checked"].is_true


def test_places_are_those_of_the_chosen_entries_alone(account: Account) -> None:
    rows = Entry.objects.for_account(account)
    entries = list(rows.order_by("created_at"))
    for some in (entries, entries[5:6], entries[3:30:9], entries[-1:], entries[1::2], []):
        text = places.places_of(some, rows)
        assert places.ids_at(text, rows) == [entry.transaction_id for entry in some]


@pytest.mark.parametrize(
    "change", ["money_in = money_in + 1, money_out = money_out + 1", "entry_count = 1"]
)
def test_a_figure_of_a_statement_that_was_falsified_is_found(
    issued: list[MonthlyStatement], change: str
) -> None:
    statement = issued[1]
    with walls_down("monthly_statements") as cursor:
        cursor.execute(f"UPDATE monthly_statements SET {change} WHERE id = %s", [statement.pk])
    page = Client().get(CHECK, {"digest": statement.hex_digest})
    assert not page.context["checked"].is_true


def test_a_forged_code_is_refused(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = code_of(ana, account, "", monkeypatch)
    other = f"{CHECK}?choice={Signer().sign('x')}"
    for forged in (url[:-1], f"{url}x", other, f"{CHECK}?choice=a"):
        answer = Client().get(forged)
        assert answer.status_code == 200
        assert answer.context["checked"] is None
    with override_settings(SECRET_KEY="another"):
        assert Client().get(url).context["checked"] is None


def test_the_page_of_the_account_offers_every_format(ana: Client, account: Account) -> None:
    page = ana.get(f"/accounts/{account.pk}/?direction=out").content.decode()
    for kind in ("csv", "json"):
        assert re.search(rf'href="/accounts/{account.pk}/statement\.{kind}\?direction=out"', page)
    for kind in ("pdf", "xlsx", "ofx", "qif", "xml", "sta"):
        assert f'formaction="statement.{kind}"' in page
    assert '<input type="hidden" name="direction" value="out">' in page
