"""The practice bank: made once, made anew for other code, and a room without doors."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction

from banking.reconciliation.triggers import LOCK
from cookbook.lab.attempts import ATTEMPTS
from cookbook.practice import bank, readiness
from cookbook.practice.readiness import NoPracticeBank
from cookbook.practice.role import as_cookbook_role
from cookbook.practice.schema_copy import copy_schema
from cookbook.recipes import RECIPES
from tests.factories import AccountFactory
from transactions.models.seal_triggers import SEALING

pytestmark = pytest.mark.usefixtures("practice_bank")


def test_it_is_a_whole_bank(db: None, rows: Any) -> None:
    assert rows("SELECT count(*) FROM users") == [(29,)]
    assert rows("SELECT name FROM users WHERE email = 'ana@example.com'") == [("Ana Ferreira",)]
    [(first, last)] = rows("SELECT min(created_at)::date, max(created_at)::date FROM transactions")
    assert (str(first), str(last)) == ("2025-06-30", "2026-06-30")


# Each rule of a schema: its table, its name with its definition, and the source of its function.
RULES = """
SELECT relname, conname || pg_get_constraintdef(pg_constraint.oid), ''
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = %(schema)s::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT relname, pg_get_indexdef(indexrelid), ''
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = %(schema)s::regnamespace AND indisunique
UNION ALL
SELECT relname, attname || ' NOT NULL', ''
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r' AND attnum > 0 AND attnotnull
  AND NOT attisdropped
UNION ALL
SELECT relname, pg_get_triggerdef(pg_trigger.oid) || tgenabled::text, prosrc
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
  AND pronamespace = relnamespace  -- without row-level security
"""
# Postgres adds these or leaves them out when it reads a definition that it wrote.
OPTIONAL = re.compile(r"::text|::character varying|NOT VALID|[][() ]")


def rules_in(schema: str) -> set[tuple[str, str, str]]:
    """Returns each rule of the schema, without the schema's name and OPTIONAL."""
    locks = {str(bank.lock_here(number)): str(number) for number in (SEALING, LOCK)}
    with connection.cursor() as cursor:
        cursor.execute(RULES, {"schema": schema})
        return {
            (table, OPTIONAL.sub("", rule.replace(f"{schema}.", "")), _replaced(source, locks))
            for table, rule, source in cursor.fetchall()
        }


def _replaced(text: str, words: dict[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text


@pytest.mark.django_db
def test_every_rule_of_the_real_books_is_there_as_it_is() -> None:
    """So the attempts of rules/, which run in the practice bank, are on the real rules."""
    real = rules_in("public")
    tables = {table for table, *_ in real}
    assert len(real) > 600
    assert {rule for rule in rules_in("practice") if rule[0] in tables} == real


@pytest.mark.django_db
def test_what_a_bank_has_added_is_not_copied() -> None:
    """Its trigger would write elsewhere for invented payments, its view show what is not public."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE public.outbox (id uuid);"
            "CREATE VIEW public.salaries AS SELECT 1 AS salary;"
            "CREATE FUNCTION public.send() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO public.outbox VALUES (NEW.id); RETURN NEW; END';"
            "CREATE TRIGGER send AFTER INSERT ON public.transactions"
            " FOR EACH ROW EXECUTE FUNCTION public.send();"
            "CREATE SCHEMA copied"
        )
        copy_schema("public", "copied", bank.tables_of_ledger())
        cursor.execute(
            "SELECT relname, tgname FROM pg_class LEFT JOIN pg_trigger ON tgrelid = pg_class.oid"
            " WHERE relnamespace = 'copied'::regnamespace"
        )
        names = {*cursor.fetchall()}
    assert ("transactions", "send") not in names
    assert len([name for table, name in names if table == "transactions"]) > 5
    assert {"outbox", "salaries"}.isdisjoint({table for table, _ in names})


@pytest.mark.django_db
def test_the_role_reaches_nothing_but_thepractice_bank() -> None:
    AccountFactory(balance=10)
    for statement in (
        "SELECT * FROM public.accounts",
        "SELECT * FROM public.users",
        "INSERT INTO public.seals DEFAULT VALUES",
        "UPDATE public.accounts SET name = 'mine'",
        "TRUNCATE public.transactions",
        "CREATE TABLE practice.of_mine ()",
        "CREATE TABLE public.of_mine ()",
        "DROP SCHEMA practice CASCADE",
        "ALTER TABLE practice.transactions DISABLE TRIGGER ALL",
    ):
        with as_cookbook_role(writes=True), connection.cursor() as cursor:
            with pytest.raises(ProgrammingError) as refused, db_transaction.atomic():
                cursor.execute(statement)
            assert refused.value.__cause__.sqlstate == "42501", statement  # type: ignore[union-attr]


@pytest.mark.django_db
def test_functions_with_the_owners_rights_stay_in_their_own_schema() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT nspname, proconfig FROM pg_proc JOIN pg_namespace n"
            " ON n.oid = pronamespace WHERE prosecdef AND nspname IN ('public', 'practice')"
        )
        assert sorted(cursor.fetchall()) == [
            ("practice", ["search_path=practice, pg_temp"]),
            ("public", ["search_path=pg_catalog, pg_temp"]),
            ("public", ["search_path=public, pg_temp"]),
        ]


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_it_is_made_once_and_anew_where_the_code_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not bank.build()
    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)
    assert not readiness.is_current()
    begun: list[bool] = []
    assert bank.build(begin=lambda: begun.append(True))
    assert begun == [True]
    assert readiness.is_current()
    monkeypatch.undo()
    assert bank.build()


@pytest.mark.django_db
def test_nothing_in_it_refers_to_the_real_books() -> None:
    """Of `public` it may use what belongs to an extension, such as a class of operators, and
    immutable functions such as `search_words`, which read no table.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH own AS (
                SELECT 'pg_class'::regclass AS class, oid, relname::text AS name, relnamespace AS of
                FROM pg_class
                UNION ALL SELECT 'pg_proc'::regclass, oid, proname, pronamespace FROM pg_proc
                UNION ALL SELECT 'pg_type'::regclass, oid, typname, typnamespace FROM pg_type
            ), dependents AS (
                SELECT class, oid, name FROM own WHERE of = 'practice'::regnamespace
                UNION ALL SELECT 'pg_constraint'::regclass, oid, conname FROM pg_constraint
                WHERE connamespace = 'practice'::regnamespace
                UNION ALL SELECT 'pg_trigger'::regclass, t.oid, tgname
                FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
                WHERE relnamespace = 'practice'::regnamespace
                UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, relname
                FROM pg_attrdef d JOIN pg_class c ON c.oid = adrelid
                WHERE relnamespace = 'practice'::regnamespace
                UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, relname
                FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class
                WHERE relnamespace = 'practice'::regnamespace
            )
            SELECT dependents.name, found.name
            FROM pg_depend JOIN dependents ON dependents.class = classid AND dependents.oid = objid
            JOIN own AS found ON found.class = refclassid AND found.oid = refobjid
            WHERE found.of = 'public'::regnamespace AND NOT EXISTS (
                SELECT FROM pg_proc WHERE provolatile = 'i'
                AND found.class = 'pg_proc'::regclass AND pg_proc.oid = found.oid
            ) AND NOT EXISTS (
                SELECT FROM pg_depend AS part WHERE part.deptype = 'e'
                AND part.classid = found.class AND part.objid = found.oid
            )
            """
        )
        assert cursor.fetchall() == []


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_a_build_that_fails_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)
    monkeypatch.setattr(bank, "_fill", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bank.build()
    monkeypatch.undo()
    assert readiness.is_current()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s), current_setting('search_path')", [bank.DRAFT])
        assert cursor.fetchone() == (None, '"$user", public')


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_putting_it_in_place_happens_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stay_within = bank._set_function_paths

    def fail_in_place(schema: str) -> None:
        if schema == readiness.SCHEMA:
            raise ZeroDivisionError
        stay_within(schema)

    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)
    monkeypatch.setattr(bank, "_set_function_paths", fail_in_place)
    with pytest.raises(ZeroDivisionError):
        bank.build()
    monkeypatch.undo()
    assert readiness.is_current()


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_of_two_who_build_at_once_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)

    def build(_number: int) -> bool:
        try:
            return bank.build()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(build, range(2))) == [False, True]
    monkeypatch.undo()
    bank.build()


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_what_somebody_left_half_done_is_cleared_away() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {bank.DRAFT}")
    assert not bank.build()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s)", [bank.DRAFT])
        assert cursor.fetchone() == (None,)


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_readers_see_that_it_is_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)
    with pytest.raises(NoPracticeBank) as missing:
        readiness.require()
    assert not isinstance(missing.value, readiness.PracticeBankInProgress)

    seen: list[type[BaseException]] = []

    def look() -> None:
        with pytest.raises(NoPracticeBank) as building:
            readiness.require()
        seen.append(building.type)
        raise ZeroDivisionError  # and it is not built

    with pytest.raises(ZeroDivisionError):
        bank.build(begin=look)
    assert seen == [readiness.PracticeBankInProgress]


@pytest.mark.own_session
@pytest.mark.django_db
def test_it_needs_the_tables_of_this_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)
    monkeypatch.setattr(bank, "unapplied_migrations", lambda _found: ["accounts.9999_new"])
    with pytest.raises(NoPracticeBank, match="migrate"):
        bank.build()


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["known_migrations", "_toys"])
def test_other_migrations_or_tables_make_it_another(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(readiness, part, lambda: ["another"])
    assert not readiness.is_current()


@pytest.mark.django_db
def test_its_rules_take_other_locks_than_those_of_the_real_books() -> None:
    found: dict[str, set[str]] = {"public": set(), "practice": set()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nspname, prosrc FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace"
            " WHERE nspname = ANY (%s)",
            [list(found)],
        )
        for schema, source in cursor.fetchall():
            found[schema] |= set(re.findall(r"pg_advisory_\w+\((\d+)", source))
    assert not found["public"] & found["practice"]
    assert found["public"] == {str(SEALING), str(LOCK)}
    assert found["practice"] == {str(bank.lock_here(SEALING)), str(bank.lock_here(LOCK))}


@pytest.mark.django_db
def test_recipes_have_little_time_and_wait_little() -> None:
    with as_cookbook_role(writes=False), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " current_setting('jit'), current_setting('role')"
        )
        assert cursor.fetchone() == ("3s", "3s", "off", "ledger_cookbook")


def test_no_recipe_and_no_attempt_takes_the_role_off() -> None:
    """A role that is put on can be taken off: by SQL that nothing in the cookbook says."""
    forbidden = re.compile(
        r"RESET\s+(ROLE|ALL|SESSION)|SET\s+(LOCAL\s+|SESSION\s+)?(ROLE|SESSION\s+AUTH)"
        r"|DISCARD|set_config\(\s*'role",
        re.IGNORECASE,
    )
    for recipe in RECIPES:
        assert not forbidden.search(f"{recipe.parts}\n{recipe.source}"), recipe.slug
    for attempt in ATTEMPTS:
        assert not forbidden.search(attempt.all_sql), attempt.slug


@pytest.mark.django_db
def test_the_practice_banks_own_tables_are_in_no_dump_and_nobodys_right() -> None:
    own = list(apps.get_app_config("cookbook").get_models())
    assert own
    dumped = io.StringIO()
    call_command("dumpdata", stdout=dumped)
    dumped_models = {row["model"] for row in json.loads(dumped.getvalue())}
    assert "accounts.currency" in dumped_models
    assert {model._meta.label_lower for model in own} & dumped_models == set()
    assert not ContentType.objects.filter(app_label="cookbook").exists()


@pytest.mark.own_session
@pytest.mark.django_db
def test_without_the_right_to_make_schemas_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_schema: str) -> str:
        with connection.cursor() as cursor, db_transaction.atomic():
            cursor.execute("SET LOCAL ROLE ledger_web")
            cursor.execute("CREATE SCHEMA nobodys")
        return ""

    monkeypatch.setattr(readiness, "EDITION", readiness.EDITION + 1)
    monkeypatch.setattr(bank, "_create_schema", refused)
    with pytest.raises(NoPracticeBank, match="permission denied"):
        bank.build()


@pytest.mark.django_db
def test_a_role_that_may_not_be_put_on_is_an_answer(settings: Any) -> None:
    settings.LEDGER_COOKBOOK_ROLE = "postgres"
    with pytest.raises(NoPracticeBank, match="may not use"):
        bank.build()
    with (
        pytest.raises(NoPracticeBank, match="may not use"),
        as_cookbook_role(writes=False),
    ):
        pass


@pytest.mark.django_db
def test_without_its_role_it_says_what_is_missing(settings: Any) -> None:
    settings.LEDGER_COOKBOOK_ROLE = "nobody_here"
    with pytest.raises(NoPracticeBank, match=r"nobody_here.*docs/rights.md"):
        bank.build()
