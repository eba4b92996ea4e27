"""Days are typed as 2026-03-14 in every form: another order of its parts could be read wrongly."""

import pytest
from django import forms
from django.core.exceptions import ValidationError

from transactions.statements.forms import DatesForm

OTHERS = ["01/02/2026", "02/13/26", "10/25/06", "Jan 3 2026", "3 January 2026"]


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("field", [forms.DateField, forms.DateTimeField])
def test_no_form_takes_a_day_in_another_order(field: type[forms.Field], text: str) -> None:
    with pytest.raises(ValidationError):
        field().clean(text)


def test_a_statement_takes_only_days_as_it_says() -> None:
    assert "start" in DatesForm({"start": "01/02/2026"}).errors
    assert DatesForm({"start": "2026-02-01"}).is_valid()
    assert forms.DateTimeField().clean("2026-02-01 10:30").minute == 30
