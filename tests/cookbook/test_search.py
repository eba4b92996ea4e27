"""Questions as developers type them, and the recipe that has to be among the first answers."""

import pytest
from django.conf import settings
from django.db.models import DateTimeField

from cookbook import search
from cookbook.recipes import BY_SLUG
from cookbook.search import RecipeMatches, find, suggestion

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ("how do I group by month", "spent-by-month"),
        ("upsert", "upsert-rates"),
        ("lock a row", "select-for-update"),
        ("N+1", "n-plus-one"),
        ("running total", "statement-with-running-total"),
        ("soft delete", "take-off-the-list"),
        ("having", "frequent-categories"),
        ("or condition", "rent-or-large"),
        ("not in", "accounts-that-never-paid"),
        ("update a json key", "gold-card-in-place"),
        ("find duplicates", "frequent-categories"),
        ("partial index", "unspent-by-partial-index"),
        ("count rows fast", "any-many-all"),
        ("top n per group", "largest-payments-of-each-category"),
        ("race in get_or_create", "get-or-create-at-once"),
        ("full text search ranking", "ranked-matches"),
        ("raw SQL", "cash-by-day-in-raw-sql"),
        ("pagination", "page-of-payments"),
        ("bulk insert", "rates-of-a-week"),
        ("deadlock", "deadlock"),
        ("nulls last", "accounts-by-limit"),
        ("case when", "limits-by-balance"),
        ("savepoint", "savepoint"),
        ("distinct on", "newest-payment-of-each-account"),
        ("median", "median-payments"),
        ("copy from csv", "copy-rates"),
        ("stream a large table", "add-up-row-by-row"),
        ("select for update", "select-for-update"),
        ("task queue", "skip-locked"),
        ("moving average", "bills-smoothed"),
        ("on commit", "on-commit-sends-the-mail"),
        ("previous row", "spending-by-month"),
        ("two people change the same row", "lost-update"),
        ("left join", "payments-and-where-they-went"),
        ("generated column", "available-as-generated-column"),
        ("weekday", "payments-by-the-clock"),
        ("timezone", "payments-by-day"),
    ],
)
def test_a_question_finds_its_recipe_among_the_first_three(asked: str, slug: str) -> None:
    found = find(asked)
    assert slug in [recipe.slug for recipe in [*found.every, *found.some][:3]]


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ("lost update", "lost-update"),
        ("full text search", "words-on-the-fly-and-generated"),
        ("many to many", "people-in-groups"),
        ("transaction retry", "retry"),
        ("rank within group", "largest-payments-of-each-category"),
        ("optimistic locking version column", "optimistic-lock"),
        ("coalesce null", "limit-or-none"),
        ("pivot table", "in-and-out"),
        ("days with no rows as zero", "cash-by-day-in-raw-sql"),
        ("fill missing dates", "cash-by-day-in-raw-sql"),
        ("zero for days without", "cash-by-day-in-raw-sql"),
        ("random rows", "some-at-random"),
        ("union two querysets", "rent-and-cash"),
        ("delete a row", "delete-a-jar"),
        ("duplicate rows", "paid-twice-a-day"),
        ("recursive query", "reached-by-money"),
        ("cte", "reached-by-money"),
        ("lock a row", "select-for-update"),
    ],
)
def test_what_names_a_feature_begins_with_its_recipe(asked: str, slug: str) -> None:
    assert find(asked).every[0].slug == slug


# What developers who come from tutorials type, and the recipe about it.
TYPED = {
    "objects.raw": "largest-by-manager-raw",
    "User.objects.raw": "largest-by-manager-raw",
    "cursor.execute": "cash-by-day-in-raw-sql",
    "KeyTransform": "payments-by-city",
    "exclude constraint": "box-rented-once-at-a-time",
    "AUTH_USER_MODEL": "person-by-user-model",
    "create_user": "person-by-user-model",
    "ILIKE": "names-by-text",
    "wait_for_db": "until-it-answers",
    "IN": "daily-limits",
    "LIMIT 10": "largest-payments",
    "OFFSET": "largest-payments",
    "created_at__date": "payments-by-day",
    "status__in": "daily-limits",
    "rank__gte": "matches-above-a-rank",
    "running total per user": "rent-so-far",
    "rank users by balance": "people-by-balance",
    "choices": "office-by-its-fields",
    "DecimalField": "office-by-its-fields",
    "UUIDField": "office-by-its-fields",
    "auto_now_add": "office-by-its-fields",
    "slug": "office-by-its-fields",
    "ListField": "offices-with-services",
    "relationships": "relations-of-an-account",
    "double underscore": "large-payments-into",
    "N+1 problem": "n-plus-one",
    "only fetch needed columns": "fields-left-out",
    "defer heavy fields": "fields-left-out",
    "check if exists": "any-many-all",
    "annotate(search=SearchVector)": "annotated-beside-the-column",
    "select_for_update": "select-for-update",
    "savepoint": "savepoint",
    "bulk_create": "rates-of-a-week",
    "get_or_create": "get-or-create-at-once",
    "update_or_create": "rate-of-a-day",
    "aggregate": "figures-of-category",
    "TruncMonth": "spent-by-month",
    "TruncDate": "payments-by-day",
    "ExtractYear": "payments-by-day",
    "OneToOneField": "relations-of-an-account",
    "EmailField": "office-by-its-fields",
    "IntegerField": "office-by-its-fields",
    "URLField": "office-by-its-fields",
    "psycopg2": "cash-by-day-in-raw-sql",
    "createsuperuser": "person-by-user-model",
    "citext": "vouchers-by-functional-index",
    "MVCC": "torn-report",
    "RawSQL": "histogram-by-custom-function",
    "unique_together": "one-main-favourite",
    "Account.objects.all()": "largest-payments",
    "objects.all()[:10]": "largest-payments",
    "[:10]": "largest-payments",
    "->>": "payments-by-city",
    "metadata->>'kind'": "payments-by-city",
    "metadata @> '{}'": "payments-to-merchant-contains",
    "||": "gold-card-in-place",
    "get_object_or_404": "the-only-account",
    "CREATE INDEX": "unspent-by-partial-index",
    "db_index": "unspent-by-partial-index",
    "DateRangeField": "box-rented-once-at-a-time",
    "choice_set": "relations-of-an-account",
    "BigAutoField": "office-by-its-fields",
    "identity column": "office-by-its-fields",
    "exclusion constraint": "box-rented-once-at-a-time",
    "executemany": "rates-of-a-week",
    "gaps and islands": "gaps-and-islands",
    "autoincrement": "office-by-its-fields",
    "blank=True": "office-by-its-fields",
    "TruncDay": "spent-by-month",
    "StdDev": "figures-of-category",
    "!=": "rent-or-large",
    "M2M": "people-in-groups",
    "SET_NULL": "delete-a-jar",
    "last 30 days": "payments-by-day",
    "composite index": "unspent-by-partial-index",
    "phantom read": "torn-report",
    "dirty read": "torn-report",
    "fuzzy search": "people-by-trigram-similarity",
    "typo tolerant": "people-by-trigram-similarity",
    "group by day": "spent-by-month",
    "stale read": "read-your-own-writes",
    "async for": "add-up-row-by-row",
    "lazy evaluation": "largest-payments",
    "Concat": "accounts-with-labels",
    "Greatest": "accounts-with-labels",
    "Least": "accounts-with-labels",
    "ExpressionWrapper": "accounts-with-labels",
    "DurationField": "office-by-its-fields",
    "BinaryField": "office-by-its-fields",
    "PositiveIntegerField": "office-by-its-fields",
    "GenericIPAddressField": "office-by-its-fields",
    "null=True blank=True": "office-by-its-fields",
    "RangeOperators": "box-rented-once-at-a-time",
    "raw": "largest-by-manager-raw",
    "Lateral": "last-payments-by-lateral",
    "Case When expressions": "limits-by-balance",
    "conditional expressions": "limits-by-balance",
}
# Features of Django and Postgres by their names, and the recipe with that title.
NAMED = {
    "BitAnd": "methods-by-bit-and",
    "BoolAnd": "currencies-by-bool-and",
    "Corr": "seconds-and-amount-by-corr",
    "RegrSlope": "seconds-by-regr-slope",
    "GROUPING SETS": "visits-by-grouping-sets",
    "HashIndex": "visit-by-hash-index",
    "GistIndex": "visits-by-gist-index",
    "SpGistIndex": "visits-by-sp-gist-index",
    "BrinIndex": "week-by-brin",
    "db_collation": "visits-by-db-collation",
    "partitioned": "visits-of-a-partitioned-table",
    "materialized view": "visits-of-a-materialized-view",
    "NumericRange": "fee-by-numeric-range",
    "adjacent_to": "bands-by-adjacent-to",
    "gin_trgm_ops": "places-by-gin-trgm-ops",
    "Unaccent": "places-by-unaccent",
    "Cast": "vouchers-by-cast",
    "NullIf": "average-by-null-if",
    "Transform": "visits-by-transform",
    "proxy model": "memberships-by-proxy-model",
    "custom manager": "vouchers-by-custom-manager",
    "multi-table inheritance": "office-by-multi-table-inheritance",
    "DateTimeRangeField": "visits-by-date-time-range",
    "TrigramSimilarity": "people-by-trigram-similarity",
    "TrigramWordSimilarity": "places-by-trigram-word-similarity",
    "Collate": "shops-by-collate",
    "LATERAL": "last-payments-by-lateral",
    "alias": "people-by-alias",
    "dates": "periods-by-dates",
    "async": "parcel-by-async-orm",
    "GenericForeignKey": "remarks-by-generic-foreign-key",
    "HStoreField": "products-by-hstore-field",
    "CITEXT": "guests-by-citext",
    "CreateExtension": "extensions-by-create-extension",
    "AddIndexConcurrently": "index-by-add-index-concurrently",
    "ValidateConstraint": "parcels-by-validate-constraint",
    "SeparateDatabaseAndState": "index-by-separate-database-and-state",
    "RunPython": "kilograms-by-run-python",
    "BloomIndex": "parcels-by-bloom-index",
    "pg_stat_statements": "calls-by-pg-stat-statements",
    "amcheck": "index-by-amcheck",
    "pgstattuple": "free-space-by-pgstattuple",
    "postgres_fdw": "sum-by-postgres-fdw",
    "ArrayField": "offices-with-services",
    "ArrayAgg": "currencies-of-people",
    "SearchRank": "ranked-matches",
    "SearchHeadline": "safe-headline",
    "GinIndex": "same-rows-with-and-without-gin",
    "covering index": "worth-by-covering-index",
    "functional index": "vouchers-by-functional-index",
    "partial index": "unspent-by-partial-index",
    "StringAgg": "owners-by-currency",
    "JSONBAgg": "people-with-accounts",
    "recursive": "reached-by-money",
    "Coalesce": "limit-or-none",
    "CompositePrimaryKey": "both-sides-by-their-keys",
}
# Other names, and the recipe that must be first.
FIRST = {
    "array slice": "offices-with-services",
    "unnest": "services-by-unnest",
    "SearchVectorField": "books-by-search-vector-field",
    "custom configuration": "places-by-custom-configuration",
    "text search configuration": "places-by-custom-configuration",
    "Lexeme": "descriptions-by-lexeme",
    "bulk_create signals": "rates-by-signals",
    "signals": "rates-by-signals",
    "deferrable foreign key": "deferred-lock",
    "EvalPlanQual": "old-snapshot",
    "old snapshot": "old-snapshot",
    "DB_CASCADE": "basket-by-db-cascade",
    "database-level cascade": "basket-by-db-cascade",
    "isempty": "visits-by-date-time-range",
    "MD5": "vouchers-by-lpad",
    "SHA256": "vouchers-by-lpad",
    "LPad": "vouchers-by-lpad",
    "Chr": "vouchers-by-lpad",
    "Power": "savings-by-power",
    "Sqrt": "savings-by-power",
    "AlterField": "types-by-alter-field",
    "limit_choices_to": "jars-by-limit-choices-to",
    "CovarPop": "seconds-and-amount-by-corr",
    "BitXor": "methods-by-bit-and",
    "aupdate": "parcel-by-async-orm",
    "exclusion constraint": "box-rented-once-at-a-time",
    "ExclusionConstraint": "box-rented-once-at-a-time",
    "Exists": "accounts-that-draw-cash",
    "iterator": "add-up-row-by-row",
    "Deadlock": "deadlock",
    "exclude(pk__in)": "accounts-that-never-paid",
    "filter().filter()": "one-row-or-two",
    "Triggers": "posted-row-is-final",
    "JSONField key": "busiest-days-by-key",
    "materialised view": "visits-of-a-materialized-view",
}
# What the cookbook does not have, and the page does to which an empty search leads.
OF_DOCS = [
    *("serializers", "CONN_MAX_AGE", "callproc", "InconsistentMigrationHistory"),
    "fe_sendauth: no password supplied",
    *("ImproperlyConfigured", "DEFAULT_AUTHENTICATION_CLASSES", "HTTP_201_CREATED"),
    *("target_driver_dialect", "cluster-ro"),
]


@pytest.mark.parametrize(("typed", "slug"), TYPED.items(), ids=list(TYPED))
def test_what_a_tutorial_says_finds_its_recipe_first_or_second(typed: str, slug: str) -> None:
    found = find(typed)
    assert slug in [recipe.slug for recipe in [*found.every, *found.some][:2]]


@pytest.mark.parametrize(("typed", "slug"), NAMED.items(), ids=list(NAMED))
def test_the_name_of_a_feature_finds_the_recipe_with_this_title_first(
    typed: str, slug: str
) -> None:
    assert find(typed).every[0].slug == slug
    assert typed.lower() in BY_SLUG[slug].title.lower()


@pytest.mark.parametrize(("typed", "slug"), FIRST.items(), ids=list(FIRST))
def test_another_name_of_a_feature_finds_its_recipe_first(typed: str, slug: str) -> None:
    assert find(typed).every[0].slug == slug


def test_a_word_with_the_stem_of_another_finds_only_itself() -> None:
    """The stem of "lateral" is "later", which is in many explanations."""
    assert "later" in " ".join(search.texts()["explanations"]).split()
    assert [recipe.slug for recipe in find("Lateral").every] == [
        "last-payments-by-lateral",
        "last-payment-of-each-account",
    ]
    assert find("Lateral").some == []


def test_a_title_comes_before_other_features_and_texts() -> None:
    features = [recipe.feature for recipe in find("raw").every[:3]]
    assert features == ["Manager.raw()", "SearchQuery, raw", "Raw SQL"]
    assert find("raw sql").every[0].feature == "Raw SQL"


@pytest.mark.parametrize("typed", ["callproc", "serializers"])
def test_what_has_no_recipe_matches_none_and_suggests_nothing(typed: str) -> None:
    assert find(typed).every == []
    assert suggestion(typed) == ""


@pytest.mark.parametrize("typed", ["F('balance')", "F('balance') + 100", "F()", "F expressions"])
def test_the_function_of_a_call_is_its_subject(typed: str) -> None:
    assert find(typed).every[0].slug == "lost-update"


@pytest.mark.parametrize("typed", OF_DOCS)
def test_what_has_no_recipe_is_in_the_documents(typed: str) -> None:
    assert (find(typed).every, suggestion(typed)) == ([], "")
    assert typed.lower() in (settings.BASE_DIR / "docs/django.md").read_text().lower()


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("Account.objects.filter(balance__gt=1000)", "rents-by-size"),
        ("payments.objects.bulk_create", "rates-of-a-week"),
        ("jars.select_for_update()", "select-for-update"),
        ("django.db.models.ArrayField", "offices-with-services"),
        ("amount__range", "rents-by-size"),
        ("email__icontains", "names-by-text"),
        ("created_at__week_day", "payments-by-the-clock"),
        ("how do I use status__isnull", "daily-limits"),
        ("user__email", "large-payments-into"),
        ("account__user__email", "large-payments-into"),
        ("__in", "daily-limits"),
        ("LIMIT 25", "largest-payments"),
        ("limit 5 offset 10", "largest-payments"),
        ("outer ref", "last-payment-of-each-account"),
        ("array field", "offices-with-services"),
    ],
)
def test_a_name_is_found_as_it_is_in_code_and_in_words(typed: str, slug: str) -> None:
    found = find(typed)
    assert slug in [recipe.slug for recipe in [*found.every, *found.some][:2]]


LOOKUPS = [
    name
    for name, lookup in sorted(DateTimeField().get_lookups().items())
    if lookup.__module__.startswith("django.")  # some packages add their own
]


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_a_lookup_of_any_field_is_found_by_its_name(lookup: str) -> None:
    field, alone = find(f"some_field__{lookup}"), find(f"__{lookup}")
    assert field.every[0].slug == alone.every[0].slug != "large-payments-into"


@pytest.mark.parametrize("asked", ["random rows", "union two querysets", "delete a row"])
def test_few_have_every_word_and_a_few_more_some_of_them(asked: str) -> None:
    found = find(asked)
    assert 0 < len(found.every) < 10
    assert len(found.some) == search.MAX_PARTIAL_MATCHES
    assert not [recipe for recipe in found.some if recipe in found.every]


def test_small_words_need_not_be_there_unless_they_are_all() -> None:
    assert find("deadlock with no retry").every == find("deadlock retry").every
    assert find("not in").every[0].slug == "accounts-that-never-paid"


def test_names_near_a_name() -> None:
    assert search.similar("dedlock")[0].slug == "deadlock"
    assert search.similar("zzzzzz") == []


@pytest.mark.parametrize("asked", ["", "   ", "'", "& | !", ":*", "how do I", "\\", "<->", "'; --"])
def test_what_is_no_question_finds_nothing(asked: str) -> None:
    assert find(asked) == RecipeMatches([], [])


def test_a_beginning_finds_while_one_types() -> None:
    assert "lost-update" in [recipe.slug for recipe in find("lost upd").every]


def test_a_slip_of_the_fingers_is_mended() -> None:
    assert suggestion("uddate") == "update"
    assert suggestion("how do I agregate") == "how do i aggregate"
    assert suggestion("lost update") == ""


@pytest.mark.parametrize("asked", ["asdfqwer", "thhe", "how to", "max age"])
def test_nothing_is_meant_that_is_far_or_a_small_word(asked: str) -> None:
    assert suggestion(asked) == ""


def test_only_what_finds_something_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_known_words", lambda: frozenset({"xylophone"}))
    assert suggestion("xylofone") == ""


def test_a_long_text_is_cut() -> None:
    assert len(search.query_words("word " * 1000)) == search.MAX_WORDS
