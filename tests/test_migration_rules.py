"""The rules of migrations: each rule finds a forbidden example and accepts the correct form."""

from typing import Any

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Now
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger, Kind
from tests.migration_rules.check import findings, findings_of, not_in_line

# The statements in the body of DO, plain and by EXECUTE, break the same rules as outside.
IN_DO = [
    ("one-key", "ALTER TABLE things ADD COLUMN n int NOT NULL, ADD UNIQUE (n)"),
    ("old-code-works", "ALTER TABLE things ADD COLUMN n int NOT NULL, ADD UNIQUE (n)"),
    ("old-code-works", "SELECT 1; DROP TABLE things"),
    ("no-long-locks", "LOCK TABLE things"),
    ("one-key", "CREATE UNIQUE INDEX i ON things (name)"),
    ("index-concurrently", "EXECUTE 'CREATE INDEX i ON things (name)'"),
    ("one-key", "EXECUTE 'CREATE UNIQUE INDEX i ON things (name)'"),
    ("one-key", "EXECUTE format('CREATE UNIQUE INDEX %I ON %I (name)', 'i', 'things')"),
    ("one-key", "EXECUTE 'CREATE UNIQUE INDEX i ON ' || quote_ident(t) || ' (name)'"),
    ("one-key", "EXECUTE 'ALTER TABLE ' || t || ' ADD UNIQUE (' || c || ')' USING 1"),
    ("no-long-locks", "EXECUTE $e$DO 'BEGIN LOCK TABLE things; END'$e$"),
    ("no-sequences", "EXECUTE 'CREATE SEQUENCE s'"),
    ("rewrites", "FOR t IN EXECUTE 'ALTER TABLE things ALTER size TYPE bigint' LOOP END LOOP"),
]
TEXT = models.TextField(default="")
POSITIVE = models.CheckConstraint(condition=models.Q(size__gt=0), name="size_positive")
ONCE = models.UniqueConstraint(fields=["name"], name="name_once")


def noop(_apps: object, _editor: object) -> None: ...


def trigger(func: str = "RETURN NEW;", *, kind: Kind = "") -> AddTrigger:
    made = FixedTrigger(
        name="t", kind=kind, table="things", when="AFTER", operation="INSERT", func=func
    )
    return AddTrigger(model_name="thing", trigger=made)


def made(called: str = "Thing", /, **fields: "models.Field[Any, Any]") -> migrations.CreateModel:
    columns = {"id": models.UUIDField(primary_key=True), **fields}
    return migrations.CreateModel(called, list(columns.items()), {"db_table": f"{called.lower()}s"})


def broken_by(*operations: Operation, atomic: bool = True) -> set[str]:
    """Returns the rules that a migration with these operations breaks, if the table `things`
    exists.
    """
    state = ProjectState()
    things = made(size=models.IntegerField(null=True), name=models.CharField(max_length=9))
    things.state_forwards("accounts", state)
    planted = {"operations": list(operations), "atomic": atomic}
    migration = type("Migration", (migrations.Migration,), planted)("0036_planted", "accounts")
    return {finding.rule for finding in findings_of(migration, state, {})}


def add(field: "models.Field[Any, Any]") -> Operation:
    return migrations.AddField("thing", "added", field)


def alter(name: str, field: "models.Field[Any, Any]") -> Operation:
    return migrations.AlterField("thing", name, field)


def sql(text: str) -> Operation:
    return migrations.RunSQL(text, migrations.RunSQL.noop)


@pytest.mark.parametrize(
    ("rule", "operations"),
    [
        ("reversible", [migrations.RunPython(noop)]),
        ("reversible", [migrations.RunSQL("SELECT 1")]),
        ("rows-apart", [migrations.RunPython(noop, noop), add(models.TextField(null=True))]),
        ("rows-apart", [sql("UPDATE things SET size = 1"), add(models.TextField(null=True))]),
        ("old-code-works", [add(TEXT)]),
        ("old-code-works", [migrations.RemoveField("thing", "size")]),
        ("old-code-works", [migrations.RenameField("thing", "size", "width")]),
        ("old-code-works", [migrations.RenameModel("Thing", "Item")]),
        ("old-code-works", [migrations.DeleteModel("Thing")]),
        ("old-code-works", [migrations.AlterModelTable("thing", "items")]),
        ("old-code-works", [sql("ALTER TABLE things DROP COLUMN size")]),
        ("old-code-works", [sql("DROP TABLE things")]),
        ("rewrites", [add(models.UUIDField(db_default=models.Func(function="gen_random_uuid")))]),
        ("rewrites", [add(models.GeneratedField(expression=models.F("size") + 1, db_persist=True,
                                                output_field=models.IntegerField()))]),
        ("rewrites", [alter("size", models.BigIntegerField(null=True))]),
        ("rewrites", [alter("name", models.CharField(max_length=8))]),
        ("rewrites", [alter("size", models.IntegerField())]),
        ("rewrites", [sql("ALTER TABLE things ALTER COLUMN size SET NOT NULL")]),
        ("rewrites", [sql("ALTER TABLE things ALTER COLUMN size TYPE bigint")]),
        ("index-concurrently", [migrations.AddIndex("thing", models.Index("size", name="i"))]),
        ("index-concurrently", [sql("CREATE INDEX i ON things (size)")]),
        ("index-concurrently", [sql("CREATE UNIQUE INDEX i ON public.things (size)")]),
        ("index-concurrently", [sql("ALTER TABLE things ADD CONSTRAINT u UNIQUE (size)")]),
        ("index-concurrently", [migrations.AddConstraint("thing", ONCE)]),
        ("index-concurrently", [add(models.IntegerField(null=True, db_index=True))]),
        ("index-concurrently", [alter("size", models.IntegerField(null=True, db_index=True))]),
        ("validate-later", [migrations.AddConstraint("thing", POSITIVE)]),
        ("validate-later", [sql("ALTER TABLE things ADD CONSTRAINT c CHECK (size > 0)")]),
        ("validate-later", [AddConstraintNotValid("thing", POSITIVE),
                            ValidateConstraint("thing", "size_positive")]),
        ("no-long-locks", [sql("LOCK TABLE things")]),
        ("no-long-locks", [sql("TRUNCATE things")]),
        ("no-long-locks", [sql("VACUUM (FULL) things")]),
        ("rows-apart", [sql("DO $$ BEGIN IF true THEN UPDATE things SET size = 1; END IF; END $$"),
                        add(models.TextField(null=True))]),
        ("old-code-works", [sql("ALTER TABLE things DROP size, ADD wide int")]),
        ("old-code-works", [sql("ALTER TABLE things ADD wide int NOT NULL")]),
        ("rewrites", [sql("ALTER TABLE things ADD w int GENERATED ALWAYS AS (size * 2) STORED")]),
        ("index-concurrently", [sql("ALTER TABLE public.things ADD UNIQUE (account_id, size)")]),
        ("validate-later", [sql("ALTER TABLE IF EXISTS ONLY things ADD CHECK (size > 0)")]),
        ("no-long-locks", [sql("REINDEX TABLE things")]),
        ("no-sequences", [made("Item", id=models.BigAutoField(primary_key=True))]),
        ("no-sequences", [sql("CREATE TABLE items (id bigserial)")]),
        ("no-sequences", [sql("CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY)")]),
        ("one-key", [made("Item", code=models.TextField(unique=True))]),
        ("one-key", [migrations.AddConstraint("thing", ONCE)]),
        ("one-key", [migrations.CreateModel("Item", [("id", models.UUIDField(primary_key=True))],
                                            {"unique_together": {("a", "b")}})]),
        *(
            ("one-key", [sql(text)])
            for text in (
                "CREATE TABLE items (id uuid PRIMARY KEY, code text UNIQUE)",
                "CREATE TABLE items (id uuid PRIMARY KEY, a int, UNIQUE NULLS NOT DISTINCT (a))",
                "CREATE TABLE items (a int, b int, CONSTRAINT k PRIMARY KEY (a, b))",
                "CREATE TABLE items (r int4range, EXCLUDE USING gist (r WITH &&))",
                'CREATE UNIQUE INDEX CONCURRENTLY "i" ON "things" ("name")',
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY things (lower(name))",
                "ALTER TABLE things ADD CONSTRAINT u UNIQUE USING INDEX i",
                "ALTER TABLE things ADD UNIQUE (name)",
                "ALTER TABLE things ADD COLUMN IF NOT EXISTS code text UNIQUE",
                "ALTER TABLE things ADD EXCLUDE USING gist (account_id WITH <>, r WITH &&)",
            )
        ),
        ("one-key", [migrations.AddConstraint("thing", ExclusionConstraint(
            name="e", expressions=[("name", "&&")]))]),
        ("no-deferrable", [trigger(kind="deferred")]),
        ("no-deferrable", [migrations.AddConstraint("thing", models.UniqueConstraint(
            fields=["account"], name="u", deferrable=models.Deferrable.DEFERRED))]),
        ("no-deferrable", [sql("ALTER TABLE things ADD CONSTRAINT f FOREIGN KEY (size)"
                               " REFERENCES sizes DEFERRABLE NOT VALID")]),
        ("no-session-state", [trigger("PERFORM pg_notify('a', 'b'); RETURN NEW;")]),
        ("no-session-state", [sql("SELECT pg_advisory_lock(1)")]),
        *(
            ("no-session-state", [trigger(f"{body} RETURN NEW;")])
            for body in (
                "IF pg_try_advisory_lock(1) THEN RETURN NEW; END IF;",
                "x := pg_try_advisory_lock(1);",
                "IF NOT FOUND THEN NOTIFY payments; END IF;",
                "PERFORM set_config('a.b', format('%s,%s', 1, 2), false);",
                "PERFORM set_config('a.b', 'true', NEW.stays);",
                "SET lock_timeout = 0;",
                "EXECUTE format('SELECT pg_advisory_lock(%s)', 1);",
            )
        ),
        ("no-session-state", [sql("DO 'BEGIN PERFORM pg_advisory_lock(1); END'")]),
        *(
            ("no-session-state", [sql(text)])
            for text in (
                'SELECT "pg_advisory_lock"(1)',
                "SELECT pg_catalog.\"set_config\"('a', 'b', false)",
                "RESET ALL",
                "DISCARD PLANS",
                "PREPARE p AS SELECT 1",
                "CREATE TEMP TABLE t (a int)",
                "CREATE LOCAL TEMPORARY TABLE t (a int) ON COMMIT DELETE ROWS",
                "SELECT 1 AS a INTO TEMP t",
                "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            )
        ),
        ("no-sequences", [sql("CREATE TABLE items (LIKE things INCLUDING IDENTITY)")]),
        ("no-sequences", [sql("SELECT \"nextval\"('s')")]),
        ("one-key", [sql("CREATE TABLE items (LIKE things INCLUDING ALL)")]),
        ("one-key", [sql("CREATE TABLE items (a int, LIKE things INCLUDING INDEXES)")]),
        *((rule, [sql(f"DO $$ BEGIN IF a THEN {body}; END IF; END $$")]) for rule, body in IN_DO),
        ("no-session-state", [sql("/* a /* b */ */ SELECT pg_catalog.pg_advisory_lock(1)")]),
        ("no-session-state", [trigger("PERFORM pg_try_advisory_lock(1);")]),
    ],
)  # fmt: skip
def test_a_migration_that_breaks_a_rule_is_found(rule: str, operations: list[Operation]) -> None:
    assert rule in broken_by(*operations)


@pytest.mark.parametrize(
    "operations",
    [
        [add(models.TextField(null=True))],
        [add(models.TextField(db_default=""))],
        [add(models.DateTimeField(db_default=Now()))],
        [alter("name", models.CharField(max_length=10))],
        [alter("name", models.TextField())],
        [AddConstraintNotValid("thing", POSITIVE)],
        [ValidateConstraint("thing", "size_positive")],
        [migrations.RunPython(noop, noop)],
        [sql("UPDATE things SET size = 1")],
        [sql("ALTER TABLE things ADD CONSTRAINT c CHECK (size > 0) NOT VALID")],
        [sql("CREATE UNIQUE INDEX CONCURRENTLY i ON things (account_id, name);"
             " ALTER TABLE things ADD CONSTRAINT u UNIQUE USING INDEX i")],
        [sql("CREATE TABLE items (id uuid, account_id uuid, r int4range, PRIMARY KEY (id),"
             " UNIQUE (account_id, r), EXCLUDE USING gist (account_id WITH =, r WITH &&))")],
        [sql("INSERT INTO things VALUES ('LOCK TABLE x; SELECT pg_advisory_lock(1)')")],
        [sql("COMMENT ON TABLE things IS 'unique; DEFERRABLE; TRUNCATE'")],
        [sql("CREATE TRIGGER t BEFORE TRUNCATE ON things EXECUTE FUNCTION f()")],
        [trigger("PERFORM set_config('a.b', 'c', true); SET LOCAL jit = off;"
                 " UPDATE things SET size = 1; RETURN NEW;")],
        [sql("CREATE TABLE items (id uuid PRIMARY KEY); CREATE INDEX i ON items (id)")],
        [sql("CREATE FUNCTION f() RETURNS int AS $$ BEGIN UPDATE things SET size = 1; END; $$"
             " LANGUAGE plpgsql"), add(models.TextField(null=True))],
        [sql("SELECT 1 -- LOCK TABLE things")],
        [sql("CREATE TEMP TABLE t (a int) ON COMMIT DROP")],
        [sql("CREATE TABLE items (LIKE things INCLUDING CONSTRAINTS)")],
        [sql("CREATE TABLE items (LIKE things INCLUDING ALL EXCLUDING INDEXES)")],
        [sql("CREATE FUNCTION f() RETURNS int AS $$ BEGIN EXECUTE 'LOCK TABLE things'; END; $$"
             " LANGUAGE plpgsql")],
        [sql("DO $$ BEGIN CREATE TABLE items (id uuid PRIMARY KEY, name text);"
             " EXECUTE 'CREATE INDEX i ON items (name)'; END $$")],
        [sql("DO $$ BEGIN EXECUTE statement; EXECUTE 'ALTER TABLE ' || t;"
             " EXECUTE 'CREATE INDEX CONCURRENTLY ' || t; RAISE NOTICE 'LOCK TABLE t'; END $$")],
        [made("Item", size=models.IntegerField(db_index=True)),
         migrations.AddIndex("item", models.Index("size", name="i"))],
        [made("Item"), migrations.AddConstraint("item", models.UniqueConstraint(
            fields=["account", "number"], name="u"))],
        [migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("thing", "size")])],
        [trigger("PERFORM pg_advisory_xact_lock(1); RETURN NEW;")],
    ],
)  # fmt: skip
def test_the_right_form_passes(operations: list[Operation]) -> None:
    assert broken_by(*operations) == set()


def test_a_migration_without_a_transaction_does_one_thing() -> None:
    first, second = (
        AddIndexConcurrently("thing", models.Index("size", name=name)) for name in ("i", "j")
    )
    assert broken_by(first, atomic=False) == set()
    assert broken_by(first, second, atomic=False) == {"not-atomic"}


@pytest.mark.parametrize(
    ("parents", "wrong"),
    [
        ({"0001_a": "", "0002_b": "0001_a", "0003_c": "0002_b"}, []),
        ({"0001_a": "", "0002_b": "0001_a", "0002_c": "0001_a"}, ["0002_c", "0002_c"]),
        ({"0001_a": "", "0003_b": "0001_a"}, ["0003_b"]),
    ],
)
def test_the_migrations_of_an_app_are_one_line(parents: dict[str, str], wrong: list[str]) -> None:
    graph = MigrationGraph()
    for name in parents:
        graph.add_node(("accounts", name), migrations.Migration(name, "accounts"))
    for name, parent in parents.items():
        if parent:
            graph.add_dependency(
                graph.nodes["accounts", name], ("accounts", name), ("accounts", parent)
            )

    found = [line.partition(":")[0] for line in not_in_line(graph, "accounts")]

    assert found == [f"accounts.{name}" for name in wrong]


def test_the_migrations_of_this_checkout_keep_the_rules() -> None:
    assert list(findings()) == []
