"""Recipes of functions that convert, compare and sort values."""

from decimal import Decimal
from typing import Any

from tests.cookbook.conftest import Cook


def test_a_text_is_compared_as_a_number(cook: Cook) -> None:
    found = list(cook("vouchers-by-cast", least=4999).value)
    assert found == [{"code": f"GIFT-0{number}", "number": number} for number in (4999, 5000)]


def test_zero_as_null_is_left_out_of_the_average(cook: Cook, rows: Any) -> None:
    spent = [amount for (amount,) in rows("SELECT spent FROM vouchers")]
    used = [amount for amount in spent if amount]
    found = cook("average-by-null-if").value
    assert found["averages"] == {
        "of_all": round(sum(spent) / len(spent), 2),
        "of_used": round(sum(used) / len(used), 2),
    }
    assert len(used) < len(spent)
    ratios = [(row["spent"], row["ratio"]) for row in found["ratios"]]
    assert (Decimal(0), None) in ratios
    assert [ratio for amount, ratio in ratios if amount and ratio is None] == []


def test_bytes_and_letters_have_different_orders(cook: Cook) -> None:
    found = cook("shops-by-collate").value
    assert found["by bytes"] == sorted(found["by bytes"])
    assert found["in lower case"] == sorted(found["by bytes"], key=str.lower)
    assert found["by bytes"] != found["in lower case"]
