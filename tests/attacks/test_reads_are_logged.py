"""Whoever reads the rows of others by right is on record: found by walking, so that no page is
forgotten.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext, override_script_prefix
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import memberships, read_log, shown
from accounts.groups import AUDITOR, MANAGER, OPERATIONS, PEOPLE_ADMIN
from accounts.models import Account, Household, Read, User
from accounts.models.read import MAX_PEOPLE
from api import views
from explorer.models import QueryRun
from ledger.db.history import facts
from ledger.web.middleware import RequestCheckMiddleware
from tests.attacks.answers import Answer, ask
from tests.attacks.bank import AttackedBank, Holder
from tests.attacks.forms import PageForm, forms_of
from tests.attacks.parameters import UUID as UUID_IN_PATH
from tests.attacks.parameters import page_of
from tests.attacks.people import attempt_of
from tests.attacks.walk import addresses, is_without_people
from tests.conftest import colleague, set_role, signed_in
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.pages import text_of
from tests.refusals import refused_by
from transactions.models import Seal
from transactions.reports.catalogue import BY_SLUG

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("practice_bank")]
PAGE = reverse("admin:accounts_read_changelist")
# Their rows have the page, but not everybody whose facts are on it: values of metadata, which
# belong to no one person there.
WITHOUT_NAMES = (
    *(f"/reports/metadata-keys/{file}" for file in ("", "report.csv", "report.json")),
    "/api/v1/reports/metadata-keys/",
)


@pytest.fixture
def bank(bank_of_the_module: AttackedBank, no_lines_of_refused_requests: None) -> AttackedBank:
    return deepcopy(bank_of_the_module)


def answers_to(client: Client, holder: Holder) -> Iterator[tuple[str, str, Answer, list[Read]]]:
    """The method, URL and answer of each request for pages of the holder, and what it logged: each
    address by GET, by HEAD, and again with the tag of the answer; then each form of these pages, as
    it is.
    """
    forms = dict[tuple[str, ...], PageForm]()

    def sent(method: str, url: str, *args: Any, **more: Any) -> tuple[str, str, Answer, list[Read]]:
        before = set(Read.objects.values_list("pk", flat=True))
        answer = ask(sender, method, url, *args, **more)
        return method, url, answer, list(Read.objects.exclude(pk__in=before))

    for address in addresses(holder):
        for url in (address.url, f"{address.url}?q={holder.canary}&whose=bank"):
            with attempt_of(client) as sender:
                got = sent("GET", url)
                yield got
                if tag := got[2].headers.get("ETag"):
                    yield sent("GET", url, headers={"If-None-Match": tag})
                if url == address.url:
                    yield sent("HEAD", url)
            for form in forms_of(got[2].body, url):
                if form.method == "POST":
                    forms.setdefault((page_of(form.action), *sorted(form.values)), form)
    for form in forms.values():
        with attempt_of(client) as sender:
            yield sent("POST", form.action, form.values)


@pytest.mark.parametrize("kind", ["analyst", "staff", "superuser"])
def test_each_answer_that_shows_somebody_the_rows_of_others_is_logged(
    kind: str, bank: AttackedBank, readers: dict[str, Client]
) -> None:
    facts = {holder.user.pk: list(holder.facts()) for holder in bank.victims}
    forgotten, logged = list[str](), set[tuple[str, int]]()
    shown = dict[str, list[UUID]]()  # by URL: whose facts its page has
    for method, url, answer, rows in answers_to(readers[kind], bank.ana):
        people = {person for row in rows for person in row.people}
        found = {
            person: words for person, own in facts.items() if (words := answer.shown(own, url))
        }
        if answer.status == 304:
            found = {person: ["nothing new"] for person in shown[url]}
        elif (method, answer.status) == ("HEAD", 200):
            found = {person: ["a length"] for person in shown[url]}
        shown.setdefault(url, list(found))
        if found:
            logged.add((method, answer.status))
        for person, words in found.items():
            if not (person in people or (rows and urlsplit(url).path in WITHOUT_NAMES)):
                forgotten.append(f"{method} {url} ({answer.status}) shows {words} of {person}")
    assert not forgotten, "\n".join(forgotten)
    # Analysts see no names, and read neither the API nor the admin.
    of_names = set() if kind == "analyst" else {("GET", 304), ("POST", 200)}
    assert logged >= {("GET", 200), ("HEAD", 200)} | of_names


def test_customers_reading_their_own_are_not_logged(
    bank: AttackedBank, readers: dict[str, Client]
) -> None:
    for address in addresses(bank.eve):
        ask(readers["customer"], "GET", address.url)
    assert not Read.objects.filter(reader=bank.eve.user).exists()


def test_staff_reading_their_own_money_are_not_logged(bank: AttackedBank) -> None:
    bank.ana.user.is_staff = True
    bank.ana.user.save()
    bank.ana.user.groups.add(*bank.clerk.groups.all())
    browser = signed_in(bank.ana.user)
    for url in ("/", "/accounts/", f"/accounts/{bank.ana.everyday.pk}/"):
        assert browser.get(url).status_code == 200
    assert browser.get(f"/transactions/{bank.ana.transactions['paid'].pk}/").status_code == 200
    assert not Read.objects.filter(reader=bank.ana.user).exists()


def test_staff_reading_the_money_of_their_household_are_logged(bank: AttackedBank) -> None:
    """And the page is that of staff: an owner's forms would be refused."""
    home = Household.objects.create(name="Elm Street 5")
    User.objects.filter(pk__in=[bank.clerk.pk, bank.ana.user.pk]).update(household=home)
    paid, browser = bank.ana.transactions["paid"], signed_in(bank.clerk)
    url = reverse("transactions:detail", args=[paid.pk])
    api = f"{reverse('api:transaction', args=[paid.pk])}?expand=from_account,to_account"
    for page in (url, f"{url}sides.csv", f"{url}metadata.json", api):
        assert browser.get(page).status_code == 200
        read = Read.objects.get(reader=bank.clerk, path=page.partition("?")[0])
        assert {bank.ana.user.pk, bank.ben.user.pk} == set(read.people)
    assert reverse("transactions:note", args=[paid.pk]) not in browser.get(url).content.decode()
    for page, values in (
        (reverse("transactions:note", args=[paid.pk]), {"text": "mine"}),
        (reverse("transactions:attachment_new"), {"transaction": str(paid.pk)}),
    ):
        assert browser.post(page, values).status_code == 404


def test_a_row_says_who_whom_what_when_and_from_where(bank: AttackedBank) -> None:
    browser = signed_in(bank.clerk)
    url = reverse("admin:accounts_account_change", args=[bank.ana.everyday.pk])
    browser.get(url, {"from": "list"})
    read = Read.objects.get(reader=bank.clerk, path=url)
    assert (read.page, read.query) == ("admin:accounts_account_change", "from=list")
    assert (read.people, read.address) == ([bank.ana.user.pk], "127.0.0.1")


def test_reads_are_logged_below_a_path_prefix(bank: AttackedBank) -> None:
    browser = signed_in(bank.clerk)
    url = reverse("admin:accounts_account_change", args=[bank.ana.everyday.pk])
    with override_script_prefix("/bank/"):
        assert browser.get(url, SCRIPT_NAME="/bank").status_code == 200
    read = Read.objects.get(reader=bank.clerk, path=f"/bank{url}")
    assert read.people == [bank.ana.user.pk]


OTHER_SPELLINGS = ("-" * 230 + "{}", "{{{0.hex}}}", "urn_3A{}")


def page_at(url: str) -> str:
    """The name of the page that answers; "" if there is none, or it only redirects."""
    try:
        request, match = RequestFactory().get(url), resolve(url)
        request.resolver_match = match
        RequestCheckMiddleware(lambda _: HttpResponse()).process_view(request, *match)
    except Http404:
        return ""
    return match.view_name if match.url_name else ""


def test_an_id_in_another_spelling_has_no_page(
    bank: AttackedBank, readers: dict[str, Client]
) -> None:
    """The log keeps the start of an address, where an auditor looks for the id."""
    one_each = {it.pattern.template: it.url for it in addresses(bank.ana)}
    opened, of_ids = list[str](), list[str]()
    for url in one_each.values():
        for id in UUID_IN_PATH.findall(urlsplit(url).path)[-1:]:
            others = [url.replace(id, form.format(UUID(id))) for form in OTHER_SPELLINGS]
            page = page_at(url)
            opened += [other for other in others if page and page_at(other) == page]
            of_ids += [page] if page else []
    assert not opened
    assert len(of_ids) > 100
    url = reverse("admin:accounts_account_change", args=[bank.ana.everyday.pk])
    assert readers["staff"].get(url).status_code == 200
    assert readers["staff"].get(url.replace("-", "--")).status_code == 404


def test_an_unchanged_answer_is_logged(bank: AttackedBank) -> None:
    url = reverse("api:transaction", args=[bank.ana.transactions["paid"].pk])
    answer = signed_in(bank.clerk).get(url, headers={"If-None-Match": "*"})
    assert answer.status_code == 304
    assert bank.ana.user.pk in Read.objects.get(reader=bank.clerk, path=url).people


def test_the_tag_of_an_answer_tells_no_value(
    bank: AttackedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is keyed, so nobody computes it of the values that the answer may have."""
    url = reverse("api:transaction", args=[bank.ana.transactions["paid"].pk])

    def body_and_tag() -> tuple[bytes, str]:
        answer = signed_in(bank.ana.user).get(url, {"fields": "amount"})
        return answer.content, answer.headers["ETag"]

    body, tag = body_and_tag()
    assert body_and_tag() == (body, tag)
    # Not SECRET_KEY, by which policies know the reader.
    monkeypatch.setattr(views, "salted_hmac", partial(salted_hmac, secret="of another bank"))
    other_body, other_tag = body_and_tag()
    assert other_body == body
    assert other_tag != tag


def test_what_cannot_be_logged_is_not_shown(
    bank: AttackedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(bank.clerk)
    monkeypatch.setattr(read_log, "MAX_PEOPLE", 0)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE reads ADD CONSTRAINT nobody CHECK (people <> '{}') NOT VALID")
    answer = ask(browser, "GET", reverse("admin:accounts_user_changelist"))
    assert answer.status in (500, 503)
    assert bank.ana.canary not in answer.text


@pytest.mark.parametrize(
    "sql", ["UPDATE reads SET query = ''", "DELETE FROM reads", "TRUNCATE reads"]
)
def test_nobody_changes_the_log(sql: str, bank: AttackedBank) -> None:
    signed_in(bank.clerk).get(reverse("admin:accounts_user_changelist"))
    connection.check_constraints()
    assert refused_by(sql) in {"read_stays", "reads_stay"}
    with walls_down("reads") as cursor:
        cursor.execute("DELETE FROM reads WHERE read_at < now() - interval '1 year'")


def test_an_auditor_reads_the_log_and_staff_do_not(bank: AttackedBank) -> None:
    clerk = signed_in(bank.clerk)
    clerk.get(reverse("admin:accounts_account_change", args=[bank.ana.everyday.pk]))
    assert clerk.get(PAGE).status_code == 403
    auditor = signed_in(colleague(AUDITOR, "Ada"))
    words = text_of(auditor.get(PAGE, {"whose": bank.ana.user.email, "by": bank.clerk.email}))
    assert str(bank.ana.everyday.pk) in words
    assert bank.ana.user.name in words
    assert "No reads" in text_of(auditor.get(PAGE, {"whose": str(bank.clerk.pk)}))
    assert "No reads" in text_of(auditor.get(PAGE, {"day": "2020-01-01"}))
    person = text_of(auditor.get(reverse("admin:accounts_user_change", args=[bank.ana.user.pk])))
    assert str(bank.clerk) in person
    assert "Who read their data" in person


def test_the_query_is_logged_whole_and_a_longer_one_is_refused(
    bank: AttackedBank, readers: dict[str, Client]
) -> None:
    url, browser = reverse("admin_search"), signed_in(bank.clerk)
    browser.get(url, {"pad": "x" * 600, "q": bank.ana.canary})
    assert bank.ana.canary in Read.objects.get(reader=bank.clerk, path=url).query
    report = reverse("transactions:report", args=["top-spenders"])
    for reader, path in (("staff", url), ("analyst", report)):
        answer = ask(readers[reader], "GET", f"{path}?pad={'x' * 2_000}&whose=bank")
        assert answer.status == 414, path
        assert bank.ana.user.name not in answer.text


def test_a_query_of_sql_with_too_long_an_address_is_not_run(
    readers: dict[str, Client],
) -> None:
    before = QueryRun.objects.count()
    answer = ask(
        readers["analyst"], "POST", f"/explorer/?pad={'x' * 2_000}",
        {"sql": "SELECT max(balance) FROM accounts", "as": "page"},
    )  # fmt: skip
    assert answer.status == 414
    assert QueryRun.objects.count() == before


@pytest.mark.parametrize("path", ["/search/", "/explorer/browse/", "/explorer/browse/groups.csv"])
def test_a_page_of_the_bank_with_too_long_an_address_asks_for_no_payment(
    path: str, readers: dict[str, Client]
) -> None:
    """The time of such a query may depend on rows, and the log of reads would not have it."""
    with CaptureQueriesContext(connection) as sent:
        answer = ask(readers["analyst"], "GET", f"{path}?pad={'x' * 2_000}&whose=bank")
    assert answer.status == 414
    assert not [query["sql"] for query in sent if '"transactions"' in query["sql"]]


def test_a_customer_reads_their_own_with_a_long_address(readers: dict[str, Client]) -> None:
    answer = ask(readers["customer"], "GET", f"/search/?pad={'x' * 2_000}")
    assert answer.status == 200


def test_a_form_of_the_admin_with_too_long_a_query_changes_nothing(bank: AttackedBank) -> None:
    """Refused before the form is read: its answer would be refused too late."""
    account = bank.ana.everyday
    freeze = reverse("admin:accounts_account_freeze", args=[account.pk])
    browser = signed_in(bank.clerk)
    assert browser.post(f"{freeze}?pad={'x' * 2_000}", {"reason": "x"}).status_code == 414
    account.refresh_from_db()
    assert account.status == "active"
    assert browser.post(freeze, {"reason": "x"}).status_code == 302
    account.refresh_from_db()
    assert account.status == "frozen"


def test_the_web_role_chooses_neither_the_time_nor_the_session_of_a_row(
    bank: AttackedBank,
) -> None:
    before = timezone.now()
    set_role("ledger_web")
    try:
        with facts.with_facts(lambda: {"person": str(bank.clerk.pk)}):
            forged = Read.objects.create(
                reader=bank.clerk, page="-", path="/", people=[], address="192.0.2.9",
                read_at=before - timedelta(days=900), role="ledger", session="1",
            )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()::text")
            (session,) = cursor.fetchone()
    finally:
        set_role(None)
    forged.refresh_from_db()
    assert forged.read_at >= before
    assert forged.role == "ledger_web"
    assert forged.session.startswith(session)


@pytest.mark.parametrize(
    "url_name", ["transactions:report", "transactions:report_csv", "transactions:report_json"]
)
@pytest.mark.parametrize(
    "report",
    ["running-total", "users-by-balance", "top-spenders", "accounts-by-balance", "trial-balance"],
)
def test_an_auditor_finds_the_readers_of_a_report_by_the_customer(
    url_name: str, report: str, bank: AttackedBank, readers: dict[str, Client]
) -> None:
    url = reverse(url_name, args=[report])
    currency = bank.ana.everyday.currency
    for kind in ("analyst", "staff"):
        answer = ask(readers[kind], "GET", f"{url}?whose=bank&currency={currency}")
        assert answer.status == 200
    found = Read.objects.filter(path=url, people__contains=[bank.ana.user.pk])
    assert found.count() == 2


@pytest.mark.parametrize("name", ["report", "report_csv"])
@pytest.mark.parametrize(("holders", "named"), [(2, 2), (3, 0)])
def test_a_report_in_a_currency_of_few_holders_names_them(
    name: str, holders: int, named: int, bank: AttackedBank, readers: dict[str, Client]
) -> None:
    people = [AccountFactory(currency="TND", balance="5").user.pk for _ in range(holders)]
    url = reverse(f"transactions:{name}", args=["money-by-month"])
    answer = ask(readers["analyst"], "GET", f"{url}?whose=bank&currency=TND")
    assert answer.status == 200
    found = [pk for read in Read.objects.filter(path=url) for pk in read.people]
    assert found == sorted(people)[:named]


@pytest.mark.parametrize("slug", sorted(BY_SLUG))
@pytest.mark.parametrize(
    "url_name", ["transactions:report", "transactions:report_csv", "api:report"]
)
def test_each_report_of_the_bank_is_logged(
    url_name: str, slug: str, bank: AttackedBank, readers: dict[str, Client]
) -> None:
    """Sums may be of one person: of a day, of a category, or of all people but those one knows."""
    url = reverse(url_name, args=[slug])
    assert ask(readers["analyst"], "GET", f"{url}?whose=bank").status == 200
    assert Read.objects.filter(path=url).exists()


def test_the_sums_of_seals_are_logged(bank: AttackedBank, readers: dict[str, Client]) -> None:
    page = reverse("admin:transactions_auditrun_changelist")
    assert Seal.objects.exists()
    assert readers["staff"].get(page).status_code == 200
    assert Read.objects.filter(path=page).exists()


@pytest.mark.parametrize("whose", ["bank", "mine"])
@pytest.mark.parametrize("kind", ["analyst", "staff"])
def test_plans_of_a_search_that_finds_nothing_are_logged(
    kind: str, whose: str, bank: AttackedBank, readers: dict[str, Client]
) -> None:
    """They count the rows that matched all but the last condition."""
    q = f"from:{bank.ana.everyday.pk} amount:>99999999"
    page = f"/search/?whose={whose}&q={q}"
    found = ask(readers[kind], "GET", f"{page}&plans=1")
    assert found.status == 200
    assert Read.objects.filter(path="/search/").exists() == ("Execution Time" in found.text)
    if whose == "bank":
        assert Read.objects.get(path="/search/").people == [bank.ana.user.pk]


@pytest.mark.parametrize("path", ["/search/", "/search/results.csv", "/api/v1/search/"])
@pytest.mark.parametrize("name", ["account:{number}", "to:{number}", "account:{ending}"])
def test_that_an_account_has_no_such_row_is_a_read(
    name: str, path: str, bank: AttackedBank
) -> None:
    number = bank.ana.everyday.number
    q = f"{name.format(number=number, ending=number[-4:])} amount:>99999999"
    assert signed_in(bank.clerk).get(path, {"whose": "bank", "q": q}).status_code == 200
    assert bank.ana.user.pk in Read.objects.get(path=path).people


def test_a_page_of_more_people_than_a_row_keeps_is_found_for_each(bank: AttackedBank) -> None:
    many = [uuid4() for _ in range(MAX_PEOPLE)]
    Read.objects.create(
        reader=bank.clerk, page="-", path="/everybody/", people=many, address="192.0.2.7"
    )
    auditor = signed_in(colleague(AUDITOR, "Ada"))
    assert "/everybody/" in text_of(auditor.get(PAGE, {"whose": str(bank.ana.user.pk)}))


def test_a_page_with_nobodys_data_is_not_logged(bank: AttackedBank) -> None:
    """Empty lists, empty forms and counts: otherwise the log hides what matters."""
    clerk, auditor = (
        signed_in(colleague(group, name))
        for group, name in ((OPERATIONS, "Otto"), (AUDITOR, "Ada"))
    )
    for browser, name in (
        (clerk, "admin:index"),
        (clerk, "admin:password_change"),
        (clerk, "admin:accounts_currency_changelist"),
        (clerk, "admin:transactions_transaction_cash_desk"),
        (auditor, "admin:auth_group_changelist"),
    ):
        before = Read.objects.count()
        assert browser.get(reverse(name)).status_code in (200, 302), name
        assert Read.objects.count() == before, name


@pytest.mark.parametrize(
    "name", ["admin:accounts_account_changelist", "admin:accounts_user_changelist", "admin_search"]
)
def test_a_search_that_finds_nobody_is_logged(bank: AttackedBank, name: str) -> None:
    clerk = signed_in(colleague(OPERATIONS, "Otto"))
    before = Read.objects.count()
    assert clerk.get(reverse(name), {"q": "wwxxkkvv"}).status_code == 200
    assert Read.objects.count() == before + 1


def test_words_of_names_that_a_search_suggests_are_logged(bank: AttackedBank) -> None:
    browser, missed = signed_in(colleague(OPERATIONS, "Otto")), f"{bank.ana.canary[:-2]}xz"
    assert bank.ana.canary in text_of(browser.get(reverse("admin_search"), {"q": missed}))
    assert Read.objects.filter(query=f"q={missed}").exists()


def test_the_first_page_names_whom_the_recent_actions_of_the_reader_name(
    bank: AttackedBank,
) -> None:
    freeze = reverse("admin:accounts_account_freeze", args=[bank.ana.everyday.pk])
    browser = signed_in(colleague(OPERATIONS, "Otto"))
    browser.post(freeze, {"reason": "Lost card"})
    assert bank.ana.everyday.name in text_of(browser.get(reverse("admin:index")))
    assert Read.objects.latest("read_at").people == [bank.ana.user.pk]


def test_a_page_is_refused_at_once_where_its_read_would_wait_for_a_lost_standby(
    bank: AttackedBank, readers: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, before = reverse("admin:accounts_account_changelist"), Read.objects.count()
    monkeypatch.setattr(read_log, "is_known_lost", lambda: True)

    response = readers["staff"].get(page)

    assert response.status_code == 503
    assert bank.ana.canary not in response.content.decode()
    assert Read.objects.count() == before

    monkeypatch.setattr(read_log, "is_known_lost", lambda: False)
    assert readers["staff"].get(page).status_code == 200
    assert Read.objects.count() == before + 1


@pytest.mark.parametrize(
    ("group", "page", "action"),
    [
        (OPERATIONS, "admin:accounts_account_changelist", "close"),
        (OPERATIONS, "admin:transactions_transaction_changelist", "release"),
        (PEOPLE_ADMIN, "admin:accounts_user_changelist", "restore_sign_in"),
    ],
)
def test_an_action_whose_messages_repeat_rows_is_a_read(
    group: str, page: str, action: str, bank: AttackedBank
) -> None:
    """Some rows are refused, so that their page comes back with the obstacles."""
    browser = signed_in(colleague(group, "Otto"))
    chosen = {"action": action, "select_across": 1, "_selected_action": uuid4(), "reason": "x"}
    answer = browser.post(f"{reverse(page)}?q={bank.ana.canary}", chosen)
    assert answer.status_code in (200, 302)
    assert bank.ana.user.pk in Read.objects.get(path=reverse(page)).people


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"from_account": "{everyday}", "amount": "9000000"}),
        ("holds/", {"from_number": "{number}", "amount": "9000000", "description": "d",
                    "until": "{tomorrow}", "reason": "r"}),
        ("{paid}/refund/", {"amount": "9000000", "reason": "r"}),
        ("{paid}/capture/", {"reason": "r"}),
        ("{paid}/void/", {"reason": "r"}),
    ],
)  # fmt: skip
def test_a_refusal_of_the_api_that_repeats_a_figure_is_a_read(
    path: str, body: dict[str, str], bank: AttackedBank
) -> None:
    ana = bank.ana
    of_ana = {
        "everyday": ana.everyday.pk, "number": ana.everyday.number,
        "paid": ana.transactions["paid"].pk,
        "tomorrow": timezone.localdate() + timedelta(days=1),
    }  # fmt: skip
    sent = {name: value.format(**of_ana) for name, value in body.items()}
    url = f"/api/v1/transactions/{path.format(**of_ana)}"
    answer = signed_in(bank.clerk).post(
        url, sent, "application/json", headers={"Idempotency-Key": "one"}
    )
    assert answer.status_code in (409, 422), answer.content
    assert ana.user.pk in Read.objects.get(path=url).people


def test_each_row_that_the_admin_lists_says_whose_it_is() -> None:
    """So a list, a file or a suggestion of them cannot forget to tell the log. Rows of some models
    have personal data, but are not about one person.
    """
    silent, without_people = set(), set()
    for model in admin.site._registry:
        if model.from_db.__func__ is Model.from_db.__func__:  # type: ignore[attr-defined]
            silent.add(model._meta.label)
        if is_without_people(model):
            without_people.add(model._meta.label)
    assert silent == without_people | {"transactions.AuditRun", "reconciliation.Reconciliation"}
    assert "accounts.Currency" in without_people


def test_no_list_counts_rows_that_it_does_not_show(root: Client) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        page = root.get(reverse(name), {"_facets": "True"})
        assert "cl" not in page.context or not page.context["cl"].add_facets, name


@pytest.mark.parametrize("path", ["/api/v1/search/", "/search/"])
@pytest.mark.parametrize("page", ["1", "400"])
def test_the_figures_of_a_search_are_a_read_whatever_its_page(
    path: str, page: str, bank: AttackedBank
) -> None:
    query = {"whose": "bank", "q": f"from:{bank.ana.canary}", "page": page}
    answer = signed_in(bank.clerk).get(path, query)
    assert answer.status_code == 200
    assert bank.ana.user.pk in Read.objects.get(path=path).people


@pytest.mark.parametrize("file", ["", "report.csv"])
def test_a_report_that_names_an_account_is_a_read_even_if_another_field_is_wrong(
    file: str, bank: AttackedBank
) -> None:
    path = f"/reports/balance-over-time/{file}"
    query = {"whose": "bank", "number": bank.ana.everyday.number, "since": "x"}
    assert ask(signed_in(bank.clerk), "GET", path, query).status < 500
    assert Read.objects.get(path=path).people == [bank.ana.user.pk]


def test_a_request_for_a_group_is_a_read_of_who_would_get_it(bank: AttackedBank) -> None:
    member = colleague(AUDITOR, "Member")
    group = Group.objects.get(name=OPERATIONS)
    boss = colleague(MANAGER, "Boss")
    asker = UserFactory(is_staff=True, is_superuser=True)
    memberships.ask_for(person=member, group=group, asked_by=asker, reason="Vacancy")
    page = signed_in(boss).get(reverse("admin_approvals"))
    assert member.email in page.content.decode()
    assert member.pk in Read.objects.get(page="admin_approvals", reader=boss).people


@pytest.mark.parametrize("file", ["", "report.csv", "report.json"])
def test_a_report_on_one_account_is_a_read_of_its_owner(file: str, bank: AttackedBank) -> None:
    path = f"/reports/balance-over-time/{file}"
    query = {"whose": "bank", "number": bank.ana.everyday.number}
    answer = ask(signed_in(bank.clerk), "GET", path, query)
    assert answer.status == 200
    assert Read.objects.get(path=path).people == [bank.ana.user.pk]


@pytest.mark.parametrize(
    ("model", "people", "accounts", "unnamed"),
    [(User, 1, 0, False), (Account, 0, 1, False), (Household, 0, 0, True), (Group, 0, 0, False)],
)
def test_an_entry_of_the_log_of_the_admin_names_whom_it_is_about(
    model: type[Model], people: int, accounts: int, unnamed: bool
) -> None:
    kind = ContentType.objects.get_for_model(model)
    with shown.collect() as found:
        read_log.note_entry(
            instance=LogEntry(pk=1, content_type_id=kind.pk, object_id=str(uuid4()))
        )
    assert (len(found.people), len(found.accounts), found.unnamed) == (people, accounts, unnamed)
