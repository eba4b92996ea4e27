"""The test database after a test with real commits."""

from collections import Counter

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission

from accounts.models import Change, Currency
from tests import emptying
from tests.factories import AccountFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="elsewhere all is noted each time"),
]


@pytest.fixture(autouse=True)
def yen() -> Currency:
    """A row that migrations wrote, in an emptied database."""
    AccountFactory()
    emptying.empty_tables()
    return Currency.objects.get(code="JPY")


def noted() -> dict[object, object]:
    """The notes of currencies: ids and names."""
    rows = Change.objects.filter(table_name="currencies")
    return {row.pk: (row.after or {}).get("name") for row in rows}


def test_what_is_noted_of_rows_that_stay_is_noted_once() -> None:
    before = noted()
    AccountFactory()
    emptying.empty_tables()
    assert noted() == before
    assert Change.objects.exclude(action="noted").count() == 0


def test_a_row_that_a_test_changed_is_put_back_and_noted_anew(yen: Currency) -> None:
    before = noted()
    Currency.objects.filter(code=yen.code).update(name="Another yen")
    Group.objects.all().delete()
    Currency.objects.create(code="XTS", name="Points", minor_units=1)
    emptying.empty_tables()
    assert not noted().keys() & before.keys()
    assert Counter(noted().values()) == Counter(before.values())
    assert Currency.objects.get(code="JPY").name == yen.name
    assert Permission.objects.filter(group__isnull=False).exists()


def test_it_is_noted_anew_where_a_test_deleted_a_note() -> None:
    before = noted()
    with emptying._session().transaction():
        emptying._session().execute("DELETE FROM changes WHERE table_name = 'currencies'")
    emptying.empty_tables()
    assert len(noted()) == len(before)
    assert not noted().keys() & before.keys()
