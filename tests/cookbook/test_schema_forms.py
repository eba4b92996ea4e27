"""Recipes of the form fields, validators and functions of django.contrib.postgres."""

from datetime import timedelta
from typing import Any

from tests.cookbook.conftest import Cook


def test_a_form_returns_lists_and_ranges_or_errors(cook: Cook) -> None:
    found = cook("offer-by-form-fields").value
    assert dict(found["values"]) == {
        "services": "['cash', 'safe']",
        "hours": "[9, 13]",
        "amounts": "[10, 100)",
        "details": "{'colour': '1'}",
    }
    assert set(dict(found["errors"])) == {"services", "hours", "amounts", "details"}


def test_a_form_offers_only_the_rows_that_the_model_permits(cook: Cook, rows: Any) -> None:
    found = cook("jars-by-limit-choices-to").value
    assert found["offered"] == ["rent"]
    assert "not one of the available choices" in found["error of the form"][0]
    assert found["stored"] == ["holiday"]
    assert rows("SELECT count(*) FROM jar_notes") == [(0,)]


def test_the_transaction_begins_before_the_statement(cook: Cook) -> None:
    one, other = cook("times-by-transaction-now").value
    assert one["transaction"] == other["transaction"]
    assert one["waited"] == other["waited"] > timedelta()
    assert one["key"] != other["key"]
