"""Without its rule, no attempt is refused by that rule: the tests of all rules can fail."""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from django.db import connection
from django.db import transaction as db_transaction

from cookbook.lab.attempt_runner import run_attempts
from cookbook.lab.attempts import ATTEMPTS
from cookbook.lab.attempts.attempt import Attempt
from cookbook.lab.rules import Rule
from tests.cookbook.rules.catalogue import OTHERS, alter, every_rule, taken_back, without_walls

pytestmark = pytest.mark.usefixtures("practice_bank")

SOURCE = """
SELECT pg_get_functiondef(tgfoid) FROM pg_trigger
WHERE tgname = %s AND tgrelid = %s::regclass
"""
RAISE = r"RAISE EXCEPTION\s+'[^']*'\s+USING\s+ERRCODE\s+=\s+'\w+',\s+CONSTRAINT\s+=\s+'{}'[^;]*;"
END = re.compile(r"END;(?=\s*\$function\$)")


def weaken(rule: Rule) -> None:
    """Lets a rule accept everything under its name, or drops it if it is no CHECK or trigger."""
    if rule.trigger:
        empty_trigger(rule)
    elif rule.kind == "NOT NULL":
        alter(rule, f"ALTER {rule.name} DROP NOT NULL")
    elif rule.kind == "CHECK":
        drop = f"DROP CONSTRAINT {rule.name}"
        alter(rule, drop, f"ADD CONSTRAINT {rule.name} CHECK (true) NOT VALID")
    elif rule.definition.startswith("CREATE"):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX practice.{rule.name}")
    else:
        alter(rule, f"DROP CONSTRAINT {rule.name} CASCADE")


def empty_trigger(rule: Rule) -> None:
    """Takes the refusal by this name out of the trigger's function."""
    with connection.cursor() as cursor:
        cursor.execute(SOURCE, [rule.trigger, f"practice.{rule.table}"])
        (source,) = cursor.fetchone()
        source, number = re.subn(RAISE.format(rule.name), "NULL;", source)
        assert number
        cursor.execute(END.sub("RETURN coalesce(NEW, OLD); END;", source))


def unnoticed(attempts: Iterable[Attempt]) -> list[str]:
    """Returns the attempts that seem to be refused by a rule that is gone."""
    rules = every_rule()
    columns_of_keys = {
        (rule.table, column)
        for rule in rules.values()
        if rule.kind == "PRIMARY KEY"
        for column in re.findall(r"\w+", rule.definition)
    }
    found = []
    for attempt in attempts:
        rule = rules[attempt.table, attempt.rule]
        if (rule.table, rule.name) in columns_of_keys:
            continue  # Postgres does not drop its NOT NULL
        with taken_back():
            alone = without_walls(attempt, rules)
            weaken(rule)
            (outcome,) = run_attempts([replace(alone, isolation="")]).outcomes
            if outcome.as_expected:
                found.append(f"{attempt.table}: {attempt.title}: {attempt.rule}")
    return found


@pytest.mark.django_db
def test_an_attempt_notices_that_its_rule_is_gone() -> None:
    attempts = [attempt for attempt in (*ATTEMPTS, *OTHERS) if not attempt.isolation]
    assert unnoticed(attempts) == []


@pytest.mark.django_db(transaction=True)
def test_an_attempt_in_an_old_snapshot_notices_it_too() -> None:
    attempts = [attempt for attempt in ATTEMPTS if attempt.isolation]
    with db_transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert unnoticed(attempts) == []
    assert {attempt.isolation for attempt in attempts} == {"REPEATABLE READ"}
