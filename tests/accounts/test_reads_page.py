"""The page of reads names the pages that were read."""

import pytest
from django.urls import reverse

from accounts.admin.page_names import name_of_page
from accounts.groups import AUDITOR, OPERATIONS, SUPPORT
from accounts.models import Read
from accounts.services import freeze_account
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory
from tests.pages import texts_of

pytestmark = pytest.mark.django_db
READS = reverse("admin:accounts_read_changelist")


def test_a_read_names_the_page_and_its_path() -> None:
    account = AccountFactory()
    page = reverse("admin:accounts_account_change", args=[account.pk])
    signed_in(colleague(OPERATIONS, "Clara Clerk")).get(page)
    response = signed_in(colleague(AUDITOR, "Ada Auditor")).get(READS, {"by": "Clara"})
    (head,) = texts_of(response, "history__head")
    assert head == f"Clara Clerk read Account {page}"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/admin/", "Overview"),
        ("/admin/accounts/account/", "Accounts"),
        ("/admin/accounts/account/0/history/", "Account, history"),
        ("/admin/accounts/change/", "History"),
        ("/admin/accounts/read/", "Who read what"),
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


def test_a_colleague_whose_page_list_or_history_is_read_is_named_and_authors_are_not() -> None:
    read, author = colleague(SUPPORT, "Read Colleague"), colleague(OPERATIONS, "Author")
    account = AccountFactory(user=read)
    freeze_account(account=account, reason="Asked", changed_by=author)
    nosy = colleague(OPERATIONS, "Nosy")
    client = signed_in(nosy)
    for name, query in (("change", {}), ("history", {}), ("changelist", {"q": "Read Colleague"})):
        key = [] if name == "changelist" else [read.pk]
        url = reverse(f"admin:accounts_user_{name}", args=key)
        assert client.get(url, query).status_code == 200
        assert Read.objects.latest("read_at").people == [read.pk], name
    own = reverse("admin:accounts_user_change", args=[nosy.pk])
    assert client.get(own).status_code == 200
    assert not Read.objects.filter(path=own).exists()
    client.get(reverse("admin:accounts_account_change", args=[account.pk]))
    assert Read.objects.latest("read_at").people == [read.pk]
