"""Holds the migrations of our apps to the rules, operation by operation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db.migrations import Migration
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import (
    CreateModel,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from ledger.env import BASE_DIR
from tests.migration_rules import sql
from tests.migration_rules.context import Context
from tests.migration_rules.not_spread import REASONS, RULES
from tests.migration_rules.operations import BY_OPERATION

OURS = {
    config.label
    for config in apps.get_app_configs()
    if (BASE_DIR / config.name.partition(".")[0]).is_dir()
    and Path(config.path, "migrations").is_dir()
}


@dataclass(frozen=True, order=True)
class Breach:
    """What is wrong with one migration, such as `accounts.0036_words`."""

    migration: str
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.migration}: {self.detail} [{self.rule}]"


def findings() -> Iterator[str]:
    """Everything that is wrong with the migrations of this checkout."""
    loader = MigrationLoader(None)
    for app in sorted(OURS):
        yield from not_in_line(loader.graph, app)
    unused = set(REASONS)
    for breach in all_findings(loader):
        named = {name for name in REASONS if name in re.split(r"[ :]", breach.detail)}
        unused -= named
        if not (named and breach.rule in RULES):
            yield str(breach)
    for name in sorted(unused):
        yield f"{name} breaks no rule; take it out of tests/migration_rules/not_spread.py"


def all_findings(loader: MigrationLoader) -> Iterator[Breach]:
    """What our migrations break, also with a reason."""
    state = ProjectState()
    unique_indexes: dict[str, tuple[str, ...]] = {}
    done = set()
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            if key not in done:
                done.add(key)
                yield from findings_of(loader.graph.nodes[key], state, unique_indexes)


def findings_of(
    migration: Migration, state: ProjectState, unique_indexes: dict[str, tuple[str, ...]]
) -> Iterator[Breach]:
    """What one migration breaks, and moves `state` and the indexes of SQL past it. Others'
    migrations break nothing.
    """
    is_ours = migration.app_label in OURS
    context = Context(migration.app_label, state, _tables_made_by(migration), unique_indexes)
    for operation in migration.operations:
        for each in _database_side(operation) if is_ours else ():
            for rule, detail in _broken_by(each, context):
                yield Breach(str(migration), rule, detail)
        operation.state_forwards(migration.app_label, state)
    if is_ours:
        for rule, detail in _broken_together(migration):
            yield Breach(str(migration), rule, detail)


def _broken_by(operation: Operation, context: Context) -> Iterator[tuple[str, str]]:
    if not operation.reversible:
        yield "reversible", f"{type(operation).__name__} cannot be taken back"
    for kind, rule in BY_OPERATION:
        if isinstance(operation, kind):
            yield from rule(operation, context)
    if isinstance(operation, RunSQL):
        yield from sql.broken_by(sql.text_of(operation), context)


def _broken_together(migration: Migration) -> Iterator[tuple[str, str]]:
    """What operations break that would be right alone."""
    operations = [each for one in migration.operations for each in _database_side(one)]
    data = [each for each in operations if _changes_rows(each)]
    if data and len(data) < len(operations):
        yield "rows-apart", "it changes rows and tables in one transaction"
    if not migration.atomic and len(operations) != 1:
        yield "not-atomic", "without a transaction, each operation needs a migration of its own"
    added = {each.constraint.name for each in operations if isinstance(each, AddConstraintNotValid)}
    for each in operations:
        if isinstance(each, ValidateConstraint) and each.name in added:
            yield "validate-later", "it adds and validates a constraint in one transaction"


def _changes_rows(operation: Operation) -> bool:
    if isinstance(operation, RunSQL):
        return sql.changes_rows(sql.text_of(operation))
    return isinstance(operation, RunPython)


def _database_side(operation: Operation) -> list[Operation]:
    if isinstance(operation, SeparateDatabaseAndState):
        return list(operation.database_operations)
    return [operation]


def _tables_made_by(migration: Migration) -> set[str]:
    """The tables that are new in this migration: nobody waits for them."""
    return {
        operation.options.get("db_table", f"{migration.app_label}_{operation.name_lower}")
        for operation in migration.operations
        if isinstance(operation, CreateModel)
    }


def not_in_line(graph: MigrationGraph, app: str) -> Iterator[str]:
    """Migrations of an app that are not one line: 0001, 0002, each upon the one before it."""
    names = sorted(name for label, name in graph.nodes if label == app)
    for number, name in enumerate(names, 1):
        if name[:5] != f"{number:04}_":
            yield f"{app}.{name}: it is number {number:04} of {app} [one-line]"
        before = {parent.key[1] for parent in graph.node_map[app, name].parents
                  if parent.key[0] == app}  # fmt: skip
        if before != set(names[number - 2 : number - 1] if number > 1 else ()):
            yield f"{app}.{name}: it does not stand on the one before it [one-line]"
