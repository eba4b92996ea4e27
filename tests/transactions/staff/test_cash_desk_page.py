"""The cash desk says which slip was not booked, and what is missing."""

import pytest
from django.test import Client

from accounts.models import Account
from tests.pages import markup_of, text_of, texts_of
from tests.transactions.staff.forms import DESK, slip

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "name"), [("deposit", "Cash deposit"), ("withdraw", "Cash withdrawal")]
)
def test_a_refused_slip_is_named(staff: Client, everyday: Account, kind: str, name: str) -> None:
    for amount in ("0", "much", "99999999999999999999"):
        response = staff.post(DESK, slip(everyday, kind=kind, amount=amount))
        (note,) = texts_of(response, "errornote")
        assert note.startswith(f"{name} not booked."), amount


@pytest.mark.parametrize("kind", ["", "gift"])
def test_a_slip_without_a_kind_asks_for_one_at_its_row(
    staff: Client, everyday: Account, kind: str
) -> None:
    response = staff.post(DESK, slip(everyday, kind=kind))
    assert texts_of(response, "errornote") == ["Nothing was booked. See below."]
    page = markup_of(response)
    group = page[page.index('role="radiogroup"') :]
    assert 'aria-labelledby="id_kind_label"' in group[:200]
    assert 'aria-describedby="id_kind_error"' in group[:200]
    assert 'id="id_kind_error"' in page
    if not kind:
        assert "Choose deposit or withdrawal." in text_of(response)
