"""Where people without an account begin, and where those with one."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import RequestFactory

from accounts.groups import ANALYSTS
from accounts.models import User
from tests.factories import AccountFactory, UserFactory
from transactions.account_news import NewsPosition
from transactions.home import views

pytestmark = pytest.mark.django_db


def test_only_staff_and_analysts_without_an_account_are_led_to_their_work(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """See Note [Where work begins]."""
    contexts = list[dict[str, Any]]()
    monkeypatch.setattr(views, "render", lambda _request, _template, found: contexts.append(found))
    analyst, customer = UserFactory(), UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    readers = (clerk, analyst, customer)
    assert [views.work_page_of(reader) for reader in readers] == [
        "admin:index", "transactions:reports", "",
    ]  # fmt: skip

    def home(reader: User) -> Any:
        request: Any = RequestFactory().get("/")
        request.user = reader
        return views.home(request)

    assert [home(reader).url for reader in (clerk, analyst)] == ["/admin/", "/reports/"]
    account = AccountFactory(user=clerk)
    for reader in (customer, clerk):
        assert home(reader) is None
    assert [context["home"].accounts for context in contexts] == [[], [account]]
    assert contexts[1]["position"] == NewsPosition.now(contexts[1]["home"].accounts)
