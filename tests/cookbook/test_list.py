"""The list of what the cookbook covers, line by line, held against its recipes."""

import re

import pytest

from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG, GROUPS, RECIPES
from cookbook.runner.parameters import form_of
from cookbook.runner.run import run

# By group: what is promised, and what recipes call it in their `shows`.
PROMISED = {
    "basics": "create, get, filter, exclude, Q, negation, exact, iexact, contains, icontains, "
    "startswith, istartswith, endswith, in, gt, gte, lt, lte, range, isnull, regex, iregex, date, "
    "year, month, day, week, week_day, quarter, hour, order_by, slicing, Paginator, soft delete, "
    "update without loading, update_or_create, Power, Sqrt, Mod, LPad, RPad, MD5, SHA256, Chr, "
    "Ord, iso_week_day, minute",
    "aggregation": "Sum, Avg, Min, Max, Count, filtered aggregate, group by, TruncMonth, having, "
    "ArrayAgg, StringAgg, JSONBAgg, percentile, BitXor, CovarPop, CUBE",
    "joins": "select_related, prefetch_related, Prefetch, FilteredRelation, Subquery, OuterRef, "
    "Exists, N+1, double underscore, GenericPrefetch",
    "transactions": "atomic, durable, savepoint, on_commit, isolation level, select_for_update, "
    "of, nowait, skip_locked, no_key, advisory lock, deadlock, retry, lost update, "
    "deferrable foreign key, old snapshot",
    "constraints": "CHECK, unique, conditional unique, exclusion, deferrable, composite key, "
    "trigger",
    "jsonb": "key, nested key, contains, contained_by, has_key, has_keys, has_any_keys, path, KT, "
    "JSONObject, update in place, GIN used, GIN not used",
    "windows": "running total, Rank, RowNumber, Lag, Lead, Ntile, RowRange, ValueRange, partition, "
    "filter after window, named comparisons, running total per user, rank users by balance",
    "fulltext": "SearchVector, weights, plain, phrase, raw, websearch, SearchRank, SearchHeadline, "
    "generated column, on the fly, prefix, languages, rank__gte, SearchVectorField, "
    "CREATE TRIGGER, CREATE TEXT SEARCH CONFIGURATION, OpClass",
    "writing": "bulk_create, ignore_conflicts, update_conflicts, bulk_update, F, Case, COPY, "
    "RETURNING, post_save",
    "reading": "iterator, server-side cursor, values, values_list, only, defer, exists, count, "
    "explain, keyset, offset",
    "schema": "generated column, db_default, functional index, partial index, covering index, "
    "BRIN, view as a model, db_table_comment, db_comment, raw SQL, Manager.raw, custom lookup, "
    "custom function, custom aggregate, newer Django, newer Postgres, choices, DecimalField, "
    "UUIDField, auto_now_add, slug, ArrayField, overlap, create_user, AUTH_USER_MODEL, slice, "
    "contained_by, unnest, isempty, BigIntegerRangeField, limit_choices_to, RangeWidget",
    "migrations": "CreateExtension, HStoreField, CITextField, BloomIndex, BTreeIndex, "
    "AddIndexConcurrently, ValidateConstraint, SeparateDatabaseAndState, RunPython, "
    "CreateCollation, RangeBoundary, pg_stat_statements, bt_index_check, pgstattuple, "
    "postgres_fdw, AlterField, ON DELETE CASCADE, CICharField, CIEmailField, UnaccentExtension",
    "databases": "using, router, read-only transaction, replica lag, pg_stat_replication, "
    "read your own writes, lost COMMIT",
}
IDENTIFIER = re.compile(r"[A-Z]\w*[a-z]\w*|[a-z]+_[a-z_]+|[FQ]|KT")
# What a promise that is no identifier looks like in the source, the SQL, the errors or the plans
# of a recipe that says it shows it; a plain word not named here is a lookup, a method or an
# argument.
EVIDENCE = {
    "negation": r"~Q\(",
    "slicing": r"LIMIT \d+ OFFSET \d+",
    "soft delete": r'UPDATE "contacts" SET "deleted_at"',
    "update without loading": r"\.update\(",
    "filtered aggregate": r"FILTER \(WHERE",
    "group by": r"GROUP BY",
    "having": r"HAVING",
    "percentile": r"PERCENTILE_DISC\(",
    "N+1": r'(?:SELECT .* FROM "users" WHERE "users"\."id" = .*\n){5}',
    "atomic": r"\batomic\b",
    "savepoint": r"ROLLBACK TO SAVEPOINT",
    "isolation level": r"SET TRANSACTION ISOLATION LEVEL",
    "advisory lock": r"SELECT pg_try_advisory_xact_lock",
    "deadlock": r"40P01 deadlock detected",
    "retry": r"40001 could not serialize",
    "lost update": r"\"coins\" = 70 .*\n.*\"coins\" = 150 ",
    "CHECK": r'23514 .* violates check constraint "limits_positive"',
    "unique": r'23505 .* unique constraint "jars_name_key"',
    "conditional unique": r'23505 .* unique constraint "one_main_favourite"',
    "exclusion": r"23P01 .* exclusion constraint",
    "deferrable": r"SET CONSTRAINTS ALL IMMEDIATE 23505 ",
    "composite key": r'\("entries"\."transaction_id", "entries"\."direction"\) = ',
    "trigger": r"23514 A posted row never changes",
    "key": r"metadata\" -> '\w+'\)",
    "nested key": r"#> '\{\w+,\w+\}'\)",
    "path": r" @\? '\$",
    "update in place": r"jsonb_set\(",
    "double underscore": r"from_account__user__email=",
    "GIN used": r"Bitmap Index Scan on transactions_metadata",
    "GIN not used": r"Seq Scan on transactions .*\n +Filter: \(\(metadata #>",
    "running total": r"SUM\([^)]*\) OVER \(ORDER BY",
    "partition": r"OVER \(PARTITION BY",
    "running total per user": r'OVER \(PARTITION BY "accounts"\."user_id" ORDER BY',
    "rank users by balance": r"RANK\(\) OVER \(ORDER BY SUM",
    "filter after window": r'\) "qualify" WHERE',
    "named comparisons": r"NTH_VALUE\(",
    "weights": r"setweight\(",
    "plain": r"plainto_tsquery\(",
    "phrase": r"phraseto_tsquery\(",
    "raw": r"\(to_tsquery\(",
    "websearch": r"websearch_to_tsquery\(",
    "generated column": r"Bitmap Index Scan on transactions_search|RETURNING .*available",
    "on the fly": r"WHERE to_tsvector\(",
    "prefix": r"'':\*'",
    "languages": r"to_tsvector\('english'",
    "COPY": r"COPY \w+ \(.*\) FROM STDIN",
    "RETURNING": r"RETURNING ",
    "server-side cursor": r"DECLARE .* CURSOR FOR SELECT",
    "keyset": r'"created_at" < ',
    "offset": r"OFFSET \d+",
    "functional index": r"Index Scan on vouchers_email_lower",
    "partial index": r"Index (Only )?Scan using vouchers_unspent",
    "covering index": r"Index Only Scan using vouchers_code_worth",
    "BRIN": r"Bitmap Index Scan on vouchers_sold",
    "view as a model": r'FROM "entries" WHERE',
    "raw SQL": r"cursor\.execute\(",
    "Manager.raw": r"\.objects\.raw\(",
    "custom lookup": r"register_lookup\(",
    "custom function": r"class \w+\(Func\)",
    "custom aggregate": r"class \w+\(Aggregate\)",
    "newer Django": r"JSONArray\(",
    "AUTH_USER_MODEL": r"settings\.AUTH_USER_MODEL",
    "router": r"ConnectionRouter\(",
    "read-only transaction": r"SET TRANSACTION READ ONLY|25006 cannot execute INSERT",
    "replica lag": r"pg_last_wal_replay_lsn\(\)",
    "read your own writes": r"pg_current_wal_insert_lsn\(\)",
    "lost COMMIT": r"get_or_create\(",
    "iso_week_day": r"EXTRACT\(ISODOW FROM",
    "Mod": r"MOD\(",
    "MD5": r"MD5\(",
    "SHA256": r"SHA256\(",
    "Chr": r"CHR\(",
    "CUBE": r"CUBE \(",
    "deferrable foreign key": r"SET CONSTRAINTS ALL IMMEDIATE",
    "old snapshot": r'UPDATE "jars" SET "coins" = COALESCE\(\(SELECT',
    "CREATE TRIGGER": r"CREATE TRIGGER \w+ BEFORE INSERT",
    "CREATE TEXT SEARCH CONFIGURATION": r"CREATE TEXT SEARCH CONFIGURATION \w+ \(COPY",
    "slice": r'"services"\)\[1:2\]',
    "unnest": r"unnest\(\"offices",
    "ON DELETE CASCADE": r"REFERENCES \w+ ON DELETE CASCADE",
    "newer Postgres": r"JSON_TABLE\(|uuidv7",
}


def evidence_for(feature: str) -> str:
    if feature in EVIDENCE:
        return EVIDENCE[feature]
    if IDENTIFIER.fullmatch(feature):
        return rf"(?:\b|__){feature}\b"
    assert feature.isalpha(), f"{feature} needs a pattern in EVIDENCE"
    return rf"__{feature}\b|\b{feature}\(|\b{feature}="


def seen_in(recipe: Recipe) -> str:
    """Its source, that of its tables, and where it can run here what Postgres got and answered."""
    parts = [recipe.tables, recipe.parts, recipe.source]
    if not recipe.missing:
        form = form_of(recipe, {})
        form.full_clean()
        ran = run(recipe, form.cleaned_data)
        queries = [*ran.work.queries, *(query for step in ran.steps for query in step.queries)]
        parts += [f"{query.sql} {query.error}".rstrip(" ") for query in queries]
        parts += [query.plan for query in queries]
    return "\n".join(parts)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.slug)
@pytest.mark.usefixtures("practice_bank", "db")
def test_every_promise_of_a_group_has_a_recipe_that_keeps_it(group: RecipeGroup) -> None:
    promised = PROMISED[group.slug].split(", ")
    shown = {feature for recipe in group.recipes for feature in recipe.shows}
    assert [feature for feature in promised if feature not in shown] == []
    seen = {recipe.slug: seen_in(recipe) for recipe in group.recipes}
    absent = [
        feature
        for feature in promised
        if not any(
            feature in recipe.shows and re.search(evidence_for(feature), seen[recipe.slug])
            for recipe in group.recipes
        )
    ]
    assert absent == []


def test_no_pattern_is_left_over() -> None:
    promised = {feature for group in PROMISED.values() for feature in group.split(", ")}
    assert set(EVIDENCE) <= promised


def test_a_title_begins_with_a_feature_that_no_other_recipe_has() -> None:
    features = [recipe.feature for recipe in RECIPES]
    assert len(set(features)) == len(features)
    assert [feature for feature in features if len(feature) > 40] == []


def test_the_groups_are_those_of_the_list() -> None:
    assert [group.slug for group in GROUPS] == list(PROMISED)
    assert len(BY_SLUG) == len(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.slug)
def test_every_recipe_says_what_it_is(recipe: Recipe) -> None:
    assert recipe.about.endswith((".", "?"))
    assert recipe.asks.endswith("?")
    for words in (recipe.notice, recipe.pitfall):
        assert words.endswith("."), words
        assert "`" not in words
    lines = recipe.source.splitlines()
    assert lines[0].startswith("def ")
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100


def test_a_recipe_shows_the_tables_that_only_the_practice_bank_has() -> None:
    tables = BY_SLUG["take-off-the-list"].tables
    assert tables.index("class LivingContacts") < tables.index("class Contact(")
    assert BY_SLUG["spent-by-category"].tables == ""
