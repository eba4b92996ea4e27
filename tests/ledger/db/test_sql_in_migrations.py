"""SQL of migrations in lines: nothing of it changes but the spaces between its words."""

import re
from ast import literal_eval
from typing import Any

import pgtrigger
from django.db.migrations.writer import MigrationWriter

from accounts.models import Account
from banking.events.models.event import ToldAccount
from ledger.db.sql_in_migrations import Sql, laid_out, one_line
from ledger.db.triggers import FirmTrigger, FixedTrigger

LITERAL = re.compile(r"'(?:[^']|'')*'")


def test_statements_conditions_and_cases_are_indented() -> None:
    sql = """
          IF a THEN b := CASE c WHEN 1 THEN 2 ELSE 3 END;
       x := 'one;  two'; y := f(1,
     2);
    ELSIF EXISTS (
  SELECT FROM t
    ) THEN
    FOR one IN SELECT 1 LOOP
    PERFORM g();
    END LOOP;

    END IF;
    RETURN NEW;  -- it's; done
    """
    assert "\n".join(laid_out(sql)).splitlines() == [
        "IF a THEN b := CASE c WHEN 1 THEN 2 ELSE 3 END;",
        "    x := 'one;  two';",
        "    y := f(1,",
        "        2);",
        "ELSIF EXISTS (",
        "    SELECT FROM t",
        ") THEN",
        "    FOR one IN SELECT 1 LOOP",
        "        PERFORM g();",
        "    END LOOP;",
        "END IF;",
        "RETURN NEW;  -- it's; done",
    ]


def test_each_trigger_keeps_its_words_and_its_texts() -> None:
    for model, trigger in pgtrigger.registered():
        body = trigger.compile(model).sql.kwargs["func"]
        text = "\n".join(laid_out(body))
        assert one_line(text) == one_line(body)
        assert LITERAL.findall(text) == LITERAL.findall(body)


def test_a_migration_has_the_sql_in_lines_and_reads_the_same() -> None:
    body = '\n  IF a THEN\n  RAISE \'say """no""" \\n\';\n END IF;\n'
    written, _ = MigrationWriter.serialize(Sql(body))
    assert written.count("\n") == 4
    assert one_line(literal_eval(written)) == one_line(body)


def fixed(func: str, **parts: Any) -> FixedTrigger:
    return FixedTrigger(
        name="t", table="things", when="BEFORE", operation="INSERT", func=func, **parts
    )


def test_triggers_are_equal_whatever_their_layout() -> None:
    assert fixed("RETURN NEW;") == fixed("\n   RETURN\n NEW;\n")
    assert fixed("RETURN NEW;") != fixed("RETURN OLD;")
    assert fixed("RETURN NEW;") != fixed("RETURN NEW;", kind="definer")
    assert fixed("RETURN NEW;") != fixed("RETURN NEW;", condition="WHEN (true)")


def test_a_trigger_is_named_after_its_table_and_not_after_its_app() -> None:
    trigger = FirmTrigger(
        name="t", when=pgtrigger.Before, operation=pgtrigger.Insert, func="RETURN NEW;"
    )
    assert ToldAccount._meta.app_label != Account._meta.app_label
    assert trigger.compile(ToldAccount()) == trigger.compile(Account())
