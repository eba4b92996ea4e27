"""Descriptions of what the constraints and triggers of each table refuse. The module `table_rules`
of each app registers the descriptions, and docs/schema.md lists them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableRule:
    """A row of the table in docs/schema.md, in Markdown. `names` are the names of constraints and
    triggers that belong together, and `refuses` describes what they refuse.
    """

    names: str
    refuses: str


RULES: dict[str, list[TableRule]] = {}  # by the name of the table


def register(table: str, *rules: TableRule) -> None:
    """Registers rules of a table. If an app declares triggers on a proxy model, it can register
    rules of a table that belongs to another app.
    """
    RULES.setdefault(table, []).extend(rules)
