"""The rules that the lab leaves out, with their attempts, and how rules are taken away."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from django.apps import apps
from django.db import connection
from django.db import transaction as db_transaction

from cookbook.lab.attempts.attempt import Attempt
from cookbook.lab.rules import Rule, rules_of, rules_of_the_books, tables_of_the_books
from tests.cookbook.rules import four_eyes, other_tables
from tests.template import APPS

OTHERS = (*four_eyes.ATTEMPTS, *other_tables.ATTEMPTS)
OTHER_ROWS = (*four_eyes.ROWS, *other_tables.ROWS)
NAMED = ("CHECK", "EXCLUDE", "TRIGGER", "UNIQUE")  # other tables need no attempts on the rest

Rules = Mapping[tuple[str, str], Rule]


def other_rules() -> list[Rule]:
    """Returns the rules of tables that the lab leaves out. In tables of packages only triggers are
    ours.
    """
    packages = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_config.name.partition(".")[0] not in APPS
    }
    with connection.cursor() as cursor:
        real = set(connection.introspection.table_names(cursor))
    return [
        rule
        for rule in rules_of(real.difference(tables_of_the_books()))
        if rule.kind in NAMED and (rule.kind == "TRIGGER" or rule.table not in packages)
    ]


def every_rule() -> Rules:
    """Returns all rules by table and name."""
    return {(rule.table, rule.name): rule for rule in (*rules_of_the_books(), *other_rules())}


@contextmanager
def taken_back() -> Iterator[None]:
    """Rolls the block back."""
    with db_transaction.atomic():
        yield
        db_transaction.set_rollback(True)


def without_walls(attempt: Attempt, rules: Rules) -> Attempt:
    """Takes away the rules that refuse an attempt before its rule does; returns the attempt on that
    rule alone.
    """
    for name in filter(None, (attempt.behind, attempt.behind_too)):
        wall = rules[attempt.table, name]
        if wall.trigger:
            alter(wall, f"DISABLE TRIGGER {wall.trigger}")
        else:
            alter(wall, f"DROP CONSTRAINT {wall.name} CASCADE")
    return replace(attempt, behind="")


def alter(rule: Rule, *changes: str) -> None:
    """Changes the rule's table, as only the owner may."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE practice.{rule.table} {', '.join(changes)}")
