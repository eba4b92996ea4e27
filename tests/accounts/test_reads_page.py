"""The page of reads names the pages that were read."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils.html import escape

from accounts.admin import reads
from accounts.admin.page_names import name_of_page
from accounts.groups import AUDITOR, OPERATIONS, PEOPLE_ADMIN, SUPPORT
from accounts.models import Household, Read, User
from accounts.services import freeze_account
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of, texts_of

pytestmark = pytest.mark.django_db
READS = reverse("admin:accounts_read_changelist")
HISTORY = reverse("admin:accounts_change_changelist")


def test_a_read_names_the_page_and_its_path() -> None:
    account = AccountFactory()
    page = reverse("admin:accounts_account_change", args=[account.pk])
    signed_in(colleague(OPERATIONS, "Clara Clerk")).get(page)
    response = signed_in(colleague(AUDITOR, "Ada Auditor")).get(READS, {"by": "Clara"})
    (head,) = texts_of(response, "history__head")
    assert head == f"Clara Clerk read Account {page}"


def test_an_auditor_reads_the_parameters_of_an_address_decoded_and_escaped() -> None:
    account = AccountFactory(user__email="ana@example.com", user__name="Ana")
    page = reverse("admin:accounts_account_change", args=[account.pk])
    query = (
        "_changelist_filters=q%3Dana%2540example.com%26status__exact%3Dactive"
        "&x=%3Cb%3E%26amp%3B&bidi=%E2%80%AEabc"
    )
    signed_in(colleague(OPERATIONS, "Clara Clerk")).get(f"{page}?{query}")
    response = signed_in(colleague(AUDITOR, "Ada Auditor")).get(READS, {"by": "Clara"})
    (shown,) = texts_of(response, "history__query")
    assert shown == (
        "list filter q ana@example.com · list filter status__exact active · "
        "x <b>&amp; · bidi [U+202E]abc"
    )
    markup = response.content.decode()
    assert "<bdi>&lt;b&gt;&amp;amp;</bdi>" in markup
    assert escape(f"{page}?{query}") in markup, "the exact address is in the title"


@pytest.mark.parametrize("typed", ["zoe", "bjornstad", "Bjørnstad Zoë", "ZOE.B@example.com"])
def test_a_filter_by_name_ignores_accents_and_the_order_of_words(typed: str) -> None:
    customer = UserFactory(name="Zoë Bjørnstad", email="zoe.b@example.com")
    page = reverse("admin:accounts_user_change", args=[customer.pk])
    assert signed_in(colleague(OPERATIONS, "Clara Clerk")).get(page).status_code == 200
    listed = signed_in(colleague(AUDITOR, "Ada Auditor")).get(READS, {"whose": typed})
    assert len(texts_of(listed, "history__head")) == 1


def zora_is_read_behind(namesakes: int) -> tuple[User, User]:
    """A clerk and a customer among others of their name; the clerk opens the customer's page."""
    others = [User(email=f"zora{n}@example.com", name="Zora Quill") for n in range(2 * namesakes)]
    User.objects.bulk_create(others[:namesakes])
    clerk, customer = colleague(OPERATIONS, "Zora Quill"), UserFactory(name="Zora Quill")
    User.objects.bulk_create(others[namesakes:])
    page = reverse("admin:accounts_user_change", args=[customer.pk])
    assert signed_in(clerk).get(page).status_code == 200
    return clerk, customer


@pytest.mark.parametrize("field", ["by", "whose"])
def test_a_filter_by_name_finds_the_reads_of_all_namesakes(field: str) -> None:
    clerk, customer = zora_is_read_behind(60)
    auditor = signed_in(colleague(AUDITOR, "Ada Auditor"))
    person = clerk if field == "by" else customer
    for words in ("zora", "Zora Quill", person.email, str(person.pk)):
        heads = texts_of(auditor.get(READS, {field: words}), "history__head")
        assert any(head.startswith("Zora Quill read Person") for head in heads), words
    assert texts_of(auditor.get(READS, {field: "Zora Quilt"}), "history__head") == []


def test_a_name_of_too_many_people_shows_no_reads_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reads, "MAX_NAMESAKES", 3)
    _, customer = zora_is_read_behind(2)
    auditor = signed_in(colleague(AUDITOR, "Ada Auditor"))
    answer = auditor.get(READS, {"whose": "zora"})
    assert answer.context["form"].has_error("whose", "too_many")
    assert texts_of(answer, "history__head") == []
    assert texts_of(auditor.get(READS, {"whose": customer.email}), "history__head")


def test_the_list_of_reads_has_one_name() -> None:
    auditor = signed_in(colleague(AUDITOR, "Ada Auditor"))
    response = auditor.get(READS)
    name = str(Read._meta.verbose_name_plural).capitalize()
    assert name in text_of(auditor.get("/admin/"))
    assert response.context["title"] == name == name_of_page(READS)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/admin/", "Overview"),
        ("/admin/accounts/account/", "Accounts"),
        ("/admin/accounts/account/0/history/", "Account, history"),
        ("/admin/accounts/change/", "History"),
        ("/admin/payment_files/paymentfile/", "Payment files"),
        ("/admin/standing_orders/standingorder/", "Standing orders"),
        ("/admin/reconciliation/reconciliation/", "Reconciliations"),
        ("/admin/accounts/read/", "Reads"),
        ("/admin/approvals/", "Approvals"),
        ("/admin/transactions/transaction/cash-desk/", "Cash desk"),
        ("/search/", "Search"),
        ("/reports/cohorts/", "Report"),
        ("/reports/cohorts/report.csv", "Report, as a file"),
        ("/nowhere/", ""),
        ("manage.py shell", ""),
    ],
)
def test_pages_have_names(path: str, name: str) -> None:
    assert name_of_page(path) == name


def test_a_colleague_on_a_page_about_people_is_named_and_authors_are_not() -> None:
    read, author = colleague(SUPPORT, "Read Colleague"), colleague(OPERATIONS, "Author")
    home = Household.objects.create(name="Elm Street 4")
    read.household = home
    read.save()
    account = AccountFactory(user=read)
    freeze_account(account=account, reason="Asked", changed_by=author)
    nosy = colleague(OPERATIONS, "Nosy")
    nosy.groups.add(Group.objects.get(name=PEOPLE_ADMIN))
    client = signed_in(nosy)
    pages = {
        reverse("admin:accounts_user_change", args=[read.pk]): {},
        reverse("admin:accounts_user_history", args=[read.pk]): {},
        reverse("admin:accounts_household_change", args=[home.pk]): {},
        reverse("admin:accounts_user_changelist"): {"q": "Read Colleague"},
        reverse("admin:accounts_user_list_csv"): {"q": "Read Colleague"},
        reverse("admin_search"): {"q": str(read.pk)},
        reverse("admin:autocomplete"): {
            "app_label": "accounts", "model_name": "account", "field_name": "user",
            "term": "Read Colleague",
        },
    }  # fmt: skip
    for url, query in pages.items():
        assert client.get(url, query).status_code == 200
        assert Read.objects.get(path=url).people == [read.pk]
    own = reverse("admin:accounts_user_change", args=[nosy.pk])
    assert client.get(own).status_code == 200
    assert not Read.objects.filter(path=own).exists()
    client.get(reverse("admin:accounts_account_change", args=[account.pk]))
    assert Read.objects.latest("read_at").people == [read.pk]


def test_the_log_names_a_colleague_whose_changes_or_reads_are_listed() -> None:
    read = colleague(SUPPORT, "Read Colleague")
    signed_in(colleague(OPERATIONS, "Nosy")).get(
        reverse("admin:accounts_user_change", args=[read.pk])
    )
    auditor = signed_in(colleague(AUDITOR, "Ada Auditor"))
    for url, query in ((HISTORY, {"about": str(read.pk)}), (READS, {"whose": str(read.pk)})):
        assert "Read Colleague" in text_of(auditor.get(url, query))
        assert Read.objects.get(path=url).people == [read.pk]


@pytest.mark.parametrize("is_confirmed", [True, False])
@pytest.mark.parametrize("is_staff", [True, False])
def test_the_log_names_the_person_whose_address_a_form_says_is_taken(
    is_staff: bool, is_confirmed: bool
) -> None:
    person = UserFactory(email="ana@mail.example", is_staff=is_staff)
    if is_confirmed:
        other = {"email": "second@mail.example", "verified": True, "primary": False}
        EmailAddress.objects.create(user=person, **other)
    address = "second@mail.example" if is_confirmed else "ana@mail.example"
    client = signed_in(colleague(PEOPLE_ADMIN, "Nosy"))
    url = reverse("admin:accounts_user_add")
    for email in ("nobody@mail.example", address):
        client.post(url, {"email": email, "name": "", "reason": "x"})
    assert [row.people for row in Read.objects.filter(path=url)] == [[person.pk]]
