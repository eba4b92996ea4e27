"""Recipes of plain fields, lists and the model of users, held against the tables they make."""

from typing import Any

import pytest
from django.db import NotSupportedError

from cookbook.models import Office
from cookbook.practice.role import as_cookbook_role
from cookbook.recipes.schema_fields import Unnest
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import errors


def test_each_field_has_the_column_that_postgres_has(cook: Cook, rows: Any) -> None:
    found = cook("office-by-its-fields").value
    columns = rows(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'offices'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert [(row["column"], row["type"]) for row in found] == [
        (name, of_column.replace("character varying", "varchar").replace(",", ", "))
        for name, of_column in columns
    ]
    by_field = {row["column"]: (row["field"], row["value"]) for row in found}
    assert by_field["slug"] == ("SlugField", "harbour-street")
    assert by_field["kind"] == ("CharField", "station")
    assert by_field["services"] == ("ArrayField", [])
    assert rows("SELECT count(*) FROM offices") == [(0,)]


@pytest.mark.usefixtures("practice_bank", "db")
def test_choices_are_not_checked_by_the_column() -> None:
    """The pitfall of that recipe."""
    with as_cookbook_role(writes=True):
        moon = Office.objects.create(name="Moon", slug="moon", kind="moon", opened_on="2026-06-30")
        assert Office.objects.get(kind="moon") == moon
        moon.delete()


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ("safe", ["Harbour", "Harbour Market", "Airport Harbour Market", "Airport", "", "Harbour"]),
        (
            "cash",
            ["Harbour Market", "Harbour Market", "Airport Market", "Airport", "Harbour Market", ""],
        ),
        ("coins", ["", "Harbour Market", "Airport Market", "Airport", "", ""]),
    ],
)
def test_lists_are_filtered_by_their_elements(cook: Cook, service: str, found: list[str]) -> None:
    ran = cook("offices-with-services", service=service)
    assert [" ".join(names) for names in ran.value.values()] == found
    sql = " ".join(query.sql for query in ran.work.queries)
    assert "@> " in sql
    assert "&& " in sql
    assert "<@ " in sql
    assert '"services")[1:2]' in sql


def test_unnest_makes_a_row_of_each_element(cook: Cook) -> None:
    assert cook("services-by-unnest").value == {
        "by service": [{"service": "cash", "offices": 2}, {"service": "safe", "offices": 1}],
        "rows": [3],
        "slices": [
            {"name": "Airport", "two": []},
            {"name": "Harbour", "two": ["cash", "safe"]},
            {"name": "Market", "two": ["cash"]},
        ],
    }


@pytest.mark.usefixtures("practice_bank", "db")
def test_unnest_cannot_be_a_condition_and_is_left_out_of_a_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The notice and the pitfall of that recipe."""
    with as_cookbook_role(writes=True):
        Office.objects.create(name="Quay", services=["cash", "safe"], opened_on="2026-06-30")
        services = Office.objects.annotate(service=Unnest("services"))
        assert services.count() == 2
        monkeypatch.setattr(Unnest, "set_returning", False)
        assert services.count() == 1
        with pytest.raises(NotSupportedError, match="set-returning"):
            services.filter(service="cash").exists()


def test_a_person_is_made_by_the_manager_and_stored_in_lower_case(cook: Cook, rows: Any) -> None:
    ran = cook("person-by-user-model")
    assert ran.value == {
        "AUTH_USER_MODEL": "accounts.User",
        "USERNAME_FIELD": "email",
        "stored as": "nia.okoro@example.com",
        "found in any case": True,
        "has a password": False,
    }
    assert rows("SELECT 1 FROM users WHERE email LIKE 'nia.%%'") == []


def test_an_address_in_other_capitals_is_the_same_person(cook: Cook) -> None:
    assert "23505" in " ".join(errors(cook("person-by-user-model", email="ANA@example.com")))
