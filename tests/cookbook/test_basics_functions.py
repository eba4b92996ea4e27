"""Recipes of functions that convert, compare, sort and calculate values."""

from decimal import Decimal
from hashlib import md5, sha256
from typing import Any

import pytest
from django.db import ProgrammingError
from django.db.models import Value
from django.db.models.functions import SHA256, Mod

from cookbook.models import Voucher
from cookbook.practice.role import as_cookbook_role
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


def test_interest_is_a_power_and_a_root(cook: Cook, rows: Any) -> None:
    found = list(cook("savings-by-power", years=2).value)
    assert len(found) >= 3
    stored = dict(rows("SELECT number, balance FROM accounts WHERE name = 'Savings'"))
    for row in found:
        assert row["balance"] == stored[row["number"]]
        assert row["in_years"] == round(row["balance"] * Decimal("1.0609"), 2)
        assert abs(row["in_half_a_year"] - row["balance"] * Decimal("1.03").sqrt()) <= Decimal(1)
        assert row["remainder"] == int(row["number"]) % 97


def test_texts_are_filled_and_hashed(cook: Cook) -> None:
    (found,) = cook("vouchers-by-lpad", most=1).value
    email = b"guest1@example.com"
    assert found == {
        "line": "GIFT-00001.......20.00",
        "letter": "B",
        "first": ord("G"),
        "md5": md5(email, usedforsecurity=False).hexdigest(),
        "sha256": sha256(email).hexdigest(),
    }


@pytest.mark.usefixtures("practice_bank", "db")
def test_djangos_sha256_needs_an_extension_and_mod_has_the_sign_of_its_first_number() -> None:
    """The notice and the pitfalls of these recipes."""
    with as_cookbook_role(writes=False):
        (found,) = Voucher.objects.values_list(Mod(Value(-7), Value(3)), flat=True)[:1]
        assert (found, -7 % 3) == (-1, 2)
        with pytest.raises(ProgrammingError, match="digest"):
            Voucher.objects.annotate(digest=SHA256("code")).first()
