"""Which typed texts are an amount, and which hint the others get."""

from decimal import Decimal

import pytest
from django.forms import ValidationError

from ledger.text.amounts import decimals_refusal, read_amount


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1 234 567", "1234567"),
        ("1\u00a0234", "1234"),
        ("0.5", "0.5"),
        (" 12\n", "12"),
    ],
)
def test_a_figure_with_one_kind_of_separator_is_an_amount(typed: str, amount: str) -> None:
    assert read_amount(typed) == Decimal(amount)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("0,500", "like 0.500"),
        ("12,5", "like 12.5"),
        ("1.234,50", "like 1234.50"),
        ("1 234,567", "without separators"),
        ("1,234 567", "without separators"),
        ("1\u00a0234 567", "without separators"),
        ("01,234", "without separators"),
        ("1,234,567,890,123,456", "is too large"),
        ("-5", "without a minus"),
        ("5 EUR", "only digits"),
        ("\u0661\u0662", "in digits"),
        ("0.00", "above zero"),
    ],
)
def test_any_other_text_is_refused_with_a_hint(typed: str, hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        read_amount(typed)


@pytest.mark.parametrize(
    ("typed", "currency", "is_refused"),
    [
        ("1.240", "USD", True),
        ("999.000", "JPY", True),
        ("1.240", "KWD", False),
        ("0.500", "USD", False),
        ("1240.500", "USD", False),
        ("950.0000", "USD", False),
        ("950.00", "USD", False),
        ("9.999", "USD", True),
    ],
)
def test_a_point_that_may_stand_between_thousands_is_refused(
    typed: str, currency: str, is_refused: bool
) -> None:
    assert bool(decimals_refusal(read_amount(typed), currency)) == is_refused
