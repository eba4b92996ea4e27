"""docs/schema.md has every rule of the database by its name, as apps register them."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from ledger.db.table_rules import RULES
from transactions.management.commands import write_schema

CODE = re.compile(r"`(\w+)`")
# Triggers of many tables, described with the tables into which they insert rows.
RECORDERS = {"change_is_recorded", "row_is_registered", "row_is_revised"}
# Names of constraints, and the functions of triggers, which contain the names of their errors.
OF_THE_DATABASE = """
SELECT conname::text FROM pg_constraint UNION ALL SELECT prosrc FROM pg_proc
WHERE pronamespace = 'public'::regnamespace"""


def rules_of_models() -> set[tuple[str, str]]:
    """Each constraint and trigger with its table, without those of the practice bank."""
    return {
        (model._meta.db_table, rule.name)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        for rule in (*model._meta.constraints, *getattr(model._meta, "triggers", ()))
    }


@pytest.mark.whole_code
def test_the_page_names_each_constraint_and_trigger() -> None:
    page = (settings.BASE_DIR / "docs" / "schema.md").read_text()
    rules = {name for _table, name in rules_of_models()}
    assert len(rules) > 200
    assert rules - set(CODE.findall(page)) == set()


@pytest.mark.whole_code
def test_each_constraint_and_trigger_is_registered_for_its_table() -> None:
    registered = {
        (table, name)
        for table, rules in RULES.items()
        for rule in rules
        for name in CODE.findall(f"{rule.names} {rule.refuses}")
    }
    found = {(table, name) for table, name in rules_of_models() if name not in RECORDERS}
    assert found - registered == set()


@pytest.mark.django_db
def test_each_registered_rule_is_in_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute(OF_THE_DATABASE)
        known = {word for (text,) in cursor.fetchall() for word in re.findall(r"\w+", text)}
    known |= {name for _table, name in rules_of_models()}
    registered = {
        name for rules in RULES.values() for rule in rules for name in CODE.findall(rule.names)
    }
    assert registered - known == set()


@pytest.mark.whole_code
def test_the_page_has_what_apps_register() -> None:
    assert write_schema.FILE.read_text() == write_schema.page(), "run manage.py write_schema"


def test_the_command_writes_the_table_and_keeps_the_text_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = write_schema.FILE.read_text()
    page = tmp_path / "schema.md"
    page.write_text(re.sub(r"(?m)^\| `users` .*\n", "", text))
    monkeypatch.setattr(write_schema, "FILE", page)
    call_command("write_schema", verbosity=0)
    assert page.read_text() == text
