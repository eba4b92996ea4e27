"""A bank of the migrations before the fresh ones moves over in place: docs/migrations.md."""

import re
from contextlib import closing

import psycopg
import pytest

from ledger.db.migrating.older import COMMIT
from ledger.management.commands.adopt_migrations import OLD
from tests.ledger.databases import Database
from tests.ledger.processes import assert_one_sentence

OWN = "app <> ALL ('{account,admin,auth,contenttypes,mfa,sessions,socialaccount}')"
LABELS = """
    SELECT concat_ws('.', app_label, model, codename) FROM django_content_type AS type
    LEFT JOIN auth_permission ON content_type_id = type.id ORDER BY 1"""
# Each difference of an older bank, once.
AS_BEFORE = f"""
DELETE FROM django_migrations WHERE {OWN};
INSERT INTO django_migrations (app, name, applied)
VALUES {", ".join(f"('{app}', '{name}', now())" for app, name in sorted(OLD))};
UPDATE django_content_type SET app_label = 'transactions'
WHERE app_label IN ('alerts', 'payees', 'payment_files', 'standing_orders');
ALTER TABLE monthly_statements ALTER COLUMN time_zone SET DEFAULT 'UTC';
ALTER TABLE users DROP CONSTRAINT user_times_finite,
    ADD CONSTRAINT user_times_finite CHECK (created_at >= '1900-01-01Z');
ALTER TABLE transactions DROP CONSTRAINT captures_or_reverses,
    ADD CONSTRAINT captures_or_reverses
    CHECK (captures_id IS NULL OR reverses_id IS NULL) NOT VALID;
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT tgname, tgrelid::regclass AS of FROM pg_trigger WHERE tgname LIKE 'pgtrigger%'
    LOOP
        EXECUTE format('ALTER TRIGGER %I ON %s RENAME TO %I', found.tgname, found.of,
            regexp_replace(found.tgname, '_[^_]*$', '_old'));
        EXECUTE format('ALTER FUNCTION %I RENAME TO %I', found.tgname,
            regexp_replace(found.tgname, '_[^_]*$', '_' || found.of));
    END LOOP;
END $$
"""


# The search of that time, in other words.
WITHOUT_WORDS = """
DROP VIEW entries;
ALTER TABLE transactions DROP COLUMN search;
ALTER TABLE annotations DROP COLUMN search;
DROP INDEX users_search, users_similar_search, accounts_search;
DROP FUNCTION search_prefix, search_phrase, search_words(jsonb), search_words(text), search_text;
DROP TEXT SEARCH CONFIGURATION public.words;
ALTER TABLE transactions ADD COLUMN search tsvector
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, description)) STORED;
ALTER TABLE annotations ADD COLUMN search tsvector
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, text)) STORED;
CREATE INDEX transactions_search ON transactions USING gin (search);
CREATE INDEX annotations_search ON annotations USING gin (search);
CREATE INDEX users_search ON users USING gin (to_tsvector('simple'::regconfig, name));
CREATE INDEX accounts_search ON accounts USING gin (to_tsvector('simple'::regconfig, name));
CREATE VIEW entries AS SELECT id, search FROM transactions;
DROP TABLE synonyms;
ALTER TABLE row_register DROP COLUMN about;
DELETE FROM django_migrations
WHERE name IN ('0004_search_words', '0005_words_of_plain_metadata', '0011_similar_names')
OR name LIKE '%entries_name_their_account' OR app = 'synonyms';
"""


def make_older(bank: Database, changes: str = WITHOUT_WORDS + AS_BEFORE) -> None:
    with closing(psycopg.connect(bank.url)) as connection:
        connection.execute(changes.encode())
        connection.commit()


def parts_of(bank: Database) -> list[str]:
    """What its schema says, in whatever order and layout."""
    lines = (line for line in bank.schema() if not line.startswith("--"))
    return sorted(" ".join(part.split()) for part in re.split("[;,()]", " ".join(lines)))


@pytest.mark.parametrize("changes", [WITHOUT_WORDS + AS_BEFORE, WITHOUT_WORDS])
def test_an_older_bank_gets_the_names_of_now_and_keeps_its_tables(
    people: Database, changes: str
) -> None:
    before, labels = parts_of(people), people.values(LABELS)
    make_older(people, changes)
    assert parts_of(people) != before
    assert (people.values(LABELS) != labels) == (AS_BEFORE in changes)
    for command in ("migrate", "prepare"):
        assert_one_sentence(people.manage(command), "Nothing was changed", "adopt_migrations")

    people.run("adopt_migrations")

    assert parts_of(people) == before
    assert people.values(LABELS) == labels
    people.run("migrate", "--check")
    people.run("prepare")
    assert people.values("SELECT name FROM users") == ["Root"]
    assert "clean" in people.run("audit_ledger")


def test_the_search_is_built_again_and_the_schema_stays(people: Database) -> None:
    before = parts_of(people)
    people.run("rebuild_search")
    assert parts_of(people) == before
    people.run("migrate", "--check")


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("CREATE SCHEMA row_security", "LEDGER_ROW_SECURITY"),
        ("CREATE VIEW own_report AS SELECT search FROM transactions", "own views"),
    ],
)
def test_the_search_is_not_built_again_under_what_reads_it(
    people: Database, first: str, name: str
) -> None:
    make_older(people, first)
    before = people.schema()
    assert_one_sentence(people.manage("rebuild_search"), "Nothing was changed", name)
    assert people.schema() == before


def test_a_bank_that_did_not_run_all_of_the_old_ones_is_refused(people: Database) -> None:
    make_older(people)
    people.values("DELETE FROM django_migrations WHERE app = 'explorer' RETURNING 1")
    before = people.schema(), people.values(LABELS)

    done = people.manage("adopt_migrations")

    assert_one_sentence(done, "Nothing was changed", COMMIT)
    assert (people.schema(), people.values(LABELS)) == before
