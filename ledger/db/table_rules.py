"""Descriptions of what the constraints and triggers of each table refuse. The module `table_rules`
of each app registers the descriptions, and docs/schema.md lists them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableRule:
    """A row of the table in docs/schema.md, in Markdown: the names of constraints and triggers that
    belong together, and a description of what they refuse.
    """

    names: str
    refuses: str


RULES: dict[str, list[TableRule]] = {}  # by the name of the table


def register(table: str, *rules: TableRule) -> None:
    """Registers rules of a table. A feature can also register rules of a table of another app, for
    triggers that it declares on a proxy model.
    """
    RULES.setdefault(table, []).extend(rules)
