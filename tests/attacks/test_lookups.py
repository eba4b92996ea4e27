"""The lists of the admin accept only their filters.

A filter that finds a row reveals the value of a column. Therefore each field and each relation of
the model, and of its related models, is tried as a parameter of the address.
"""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.admin import site
from django.db import OperationalError
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse
from psycopg.errors import QueryCanceled

from accounts.groups import MANAGER, OPERATIONS, PEOPLE_ADMIN, PERMISSIONS, SUPPORT
from accounts.models import Account, Read, User
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
COMPARISONS = ("", "__isnull", "__startswith", "__in", "__gte")
# The parameters that the filters and the links of each list send.
SHOWN = {
    User: (
        "is_staff", "is_staff__isnull", "is_staff__gte",
        "created_at", "created_at__isnull", "created_at__gte",
    ),
    Account: (
        "status", "status__isnull", "status__gte", "currency", "currency__isnull", "currency__gte",
        "user__id__exact",
    ),
}  # fmt: skip
READERS = {
    User: [it for it, rights in PERMISSIONS.items() if "accounts.view_user" in rights],
    Account: [it for it, rights in PERMISSIONS.items() if "accounts.view_account" in rights],
}


def names_of(model: type[Model], deeper: int = 1) -> Iterator[str]:
    """Yields each field and relation of a model as filter names, and the fields and relations of
    related models.
    """
    for field in model._meta.get_fields(include_hidden=True):
        name: Any = getattr(field, "related_query_name", None)
        name = name() if field.auto_created and callable(name) else field.name
        yield name
        if deeper and isinstance(field.related_model, type):
            yield from (f"{name}__{inner}" for inner in names_of(field.related_model, deeper - 1))


@pytest.mark.parametrize(
    ("model", "group"), [(model, group) for model in READERS for group in READERS[model]]
)
def test_a_list_takes_no_filter_that_it_does_not_show(model: type[Model], group: str) -> None:
    shown = site.get_model_admin(model)
    request: Any = RequestFactory().get("/")
    request.user = colleague(group, "Reader")
    names = {f"{name}{end}" for name in names_of(model) for end in COMPARISONS}

    taken = {name for name in names if shown.lookup_allowed(name, "1", request)}

    assert len(names) > 200
    assert taken <= set(SHOWN[model])


@pytest.mark.parametrize("model", site._registry, ids=lambda model: model._meta.db_table)
def test_no_list_compares_a_column_with_what_somebody_types(model: type[Model]) -> None:
    """A reader who can compare a column could find an amount by repeated halving, or by the time of
    a comparison.
    """
    shown = site.get_model_admin(model)
    request: Any = RequestFactory().get("/")
    request.user = colleague(MANAGER, "Reader")
    names = {
        f"{name}{end}" for name in names_of(model) for end in ("__regex", "__contains", "__lt")
    }
    filters: Any = shown.get_list_filter(request)
    fields = [each for each in filters if not isinstance(each, type)]
    own = {each if isinstance(each, str) else each[0] for each in fields}
    taken = {name for name in names if shown.lookup_allowed(name, "1", request)}
    assert taken <= {f"{name}__lt" for name in own}


@pytest.mark.parametrize(
    "question",
    [
        "transactions/transaction/?q=amount:>900000",
        "transactions/transaction/?type__exact=refund",
        "transactions/transaction/list.csv?q=amount:>900000",
        "standing_orders/standingorder/?q=nobody",
    ],
)
def test_an_answer_without_rows_is_a_read(question: str) -> None:
    """A response without rows also reveals something about the existing rows."""
    AccountFactory(balance=1)
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    page = clerk.get(f"/admin/{question}")
    assert page.status_code in (200, 302)
    assert Read.objects.count() == 1


@pytest.mark.parametrize(
    "question",
    [
        "search/?q=zzqqx", "accounts/change/?by=zzqqx", "accounts/account/?q=zzqqx",
        "autocomplete/?app_label=accounts&model_name=account&field_name=user&term=zz&page=9",
    ],
)  # fmt: skip
def test_each_question_to_the_admin_is_a_read(question: str) -> None:
    manager = signed_in(colleague(MANAGER, "Bo"))
    assert manager.get(f"/admin/{question}").status_code in (200, 404)
    assert Read.objects.count() == 1


def test_a_search_of_the_admin_that_takes_too_long_is_a_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time of the search may depend on the rows."""
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    late = OperationalError("late")
    late.__cause__ = QueryCanceled()
    monkeypatch.setattr("transactions.staff.transactions.search", Mock(side_effect=late))
    assert clerk.get("/admin/transactions/transaction/?q=rent").status_code == 503
    assert Read.objects.count() == 1


def test_that_a_list_has_no_such_page_is_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.get_model_admin(Transaction), "list_per_page", 1)
    for _ in range(2):
        AccountFactory(balance=1)
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    assert clerk.get("/admin/transactions/transaction/?p=9999").status_code == 302
    assert Read.objects.count() == 1


@pytest.mark.parametrize("term", ["zzqqx", "Everyday", "a\x00b"])
def test_what_a_field_suggests_is_a_read_also_if_it_is_nothing(term: str) -> None:
    AccountFactory(name="Everyday")
    field = {"app_label": "accounts", "model_name": "account", "field_name": "user", "term": term}
    assert signed_in(colleague(MANAGER, "Bo")).get("/admin/autocomplete/", field).status_code == 200
    assert Read.objects.count() == 1


@pytest.mark.parametrize(("query", "records"), [("status=a%00b", 1), ("user__id__exact=%00", 0)])
def test_a_filter_that_no_query_can_use_leads_to_the_list(
    query: str, records: int, caplog: pytest.LogCaptureFixture
) -> None:
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    listed = reverse("admin:accounts_account_changelist")
    answer = clerk.get(f"{listed}?{query}", follow=True)
    assert [url.partition("?")[0] for url, _status in answer.redirect_chain] == [listed]
    assert answer.status_code == 200
    logged = [each.getMessage() for each in caplog.records if each.name == "accounts.admin.parts"]
    assert len(logged) == records
    assert "\x00" not in "".join(logged)


@pytest.mark.parametrize("query", ["", "?status=active"])
def test_a_defect_of_a_list_is_an_error_and_no_redirect(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    defect = Mock(side_effect=ValueError("a defect"))
    monkeypatch.setattr(site.get_model_admin(Account), "get_ordering", defect)
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    with pytest.raises(ValueError, match="a defect"):
        clerk.get(reverse("admin:accounts_account_changelist") + query, follow=bool(query))


def test_a_list_that_nobody_asked_anything_is_no_read_while_it_is_empty() -> None:
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    assert clerk.get("/admin/transactions/transaction/").status_code == 200
    assert not Read.objects.exists()


@pytest.mark.parametrize("lookup", ["groups", "sessions__isnull", "is_staff__exact", "joined"])
def test_support_does_not_learn_from_a_filter_who_is_what(lookup: str) -> None:
    manager = colleague(MANAGER, "Manager")
    listed = reverse("admin:accounts_user_changelist")

    answer = signed_in(colleague(SUPPORT, "Support")).get(
        listed, {lookup: str(manager.groups.get().pk)}
    )

    assert answer.status_code == 400
    assert b"Manager" not in answer.content


def test_the_filters_and_links_that_a_list_shows_work() -> None:
    account, people = AccountFactory(), signed_in(colleague(PEOPLE_ADMIN, "Ada"))
    clerk = signed_in(colleague(OPERATIONS, "Bo"))
    listed = reverse("admin:accounts_user_changelist")
    for query in (
        {"is_staff__exact": "1"},
        {"active": "yes"},
        {"created_at__gte": "2026-01-01 00:00:00+00:00"},
    ):
        assert people.get(listed, query).status_code == 200

    answer = clerk.get(
        reverse("admin:accounts_account_changelist"), {"user__id__exact": account.user_id}
    )
    assert [it.pk for it in answer.context["cl"].result_list] == [account.pk]
