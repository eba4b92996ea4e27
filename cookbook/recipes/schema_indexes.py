"""Recipes about kinds of indexes, collations, partitions and materialized views."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum

from cookbook.models import LoggedVisit, Visit, VisitsOfCountry
from cookbook.practice.visits import MATERIALIZED, PARTITIONS
from cookbook.recipes.schema import GROUP
from cookbook.runner.steps import step


@GROUP.recipe(
    "HashIndex: only for equality",
    asks="When do I use a hash index?",
    shows=("HashIndex", "hash index", "USING hash", "equality"),
    notice='The model has HashIndex(fields=["token"], name="visits_token"). It stores a hash of '
    "4 bytes for each row, so long values do not make it larger. token = … uses it; "
    "startswith reads the whole table.",
    pitfall="A hash index cannot be unique, has only one column, and does not sort. It finds "
    "values by = (and IN) only. For short values, a B-tree is as fast and does more.",
    teaches_plan=True,
)
def visit_by_hash_index(text: str = "c4ca4238a0b923820dcc509a6f75849b") -> dict[str, int]:
    """Counts the visits with a token, and the visits whose token begins with the same letters."""
    with step("="):
        equal = Visit.objects.filter(token=text).count()
    with step("startswith"):
        return {"equal": equal, "begins": Visit.objects.filter(token__startswith=text[:8]).count()}


@GROUP.recipe(
    "GistIndex: ranges that overlap",
    asks="Which index finds ranges that overlap or contain a value?",
    shows=("GistIndex", "GiST index", "USING gist", "overlap", "contains", "range index"),
    notice='The model has GistIndex(fields=["during"], name="visits_during"). The operators of '
    "ranges use it: overlap is &&, contains is @>. Two conditions on the start and the end find "
    "the same rows and cannot use it.",
    pitfall="Without an index an overlap reads every row, and a B-tree on the range does not "
    "help: it only finds equal ranges, or sorts them. A GiST index on plain numbers needs the "
    "extension btree_gist.",
    teaches_plan=True,
)
def visits_by_gist_index(hour: int = 9) -> dict[str, int]:
    """Counts the visits that overlap an hour of 15 June, in two ways."""
    since = datetime(2026, 6, 15, tzinfo=UTC) + timedelta(hours=hour % 24)
    until = since + timedelta(hours=1)
    with step("overlap"):
        by_overlap = Visit.objects.filter(during__overlap=(since, until)).count()
    with step("start and end"):
        by_ends = Visit.objects.filter(during__startswith__lt=until, during__endswith__gt=since)
        return {"by overlap": by_overlap, "by start and end": by_ends.count()}


@GROUP.recipe(
    "SpGistIndex: texts by their prefix",
    asks="When do I use an SP-GiST index?",
    shows=("SpGistIndex", "SP-GiST index", "USING spgist", "prefix", "startswith"),
    notice='The model has SpGistIndex(fields=["machine"], name="visits_machine"). The index is a '
    "tree of prefixes, which suits paths such as pt/porto/017. startswith uses it with every "
    "collation. It also exists for ranges, points and network addresses.",
    pitfall="endswith and contains cannot use it, nor can istartswith, which compares UPPER() of "
    "the column. A B-tree finds prefixes too, but only with the collation C or the operator class "
    "varchar_pattern_ops.",
    teaches_plan=True,
)
def visits_by_sp_gist_index(path: str = "pt/porto/017") -> dict[str, int]:
    """Counts the visits to machines whose path begins with a text, and whose path ends with it."""
    with step("startswith"):
        begins = Visit.objects.filter(machine__startswith=path).count()
    with step("endswith"):
        return {"begins": begins, "ends": Visit.objects.filter(machine__endswith=path).count()}


@GROUP.recipe(
    "db_collation: the order of a column",
    asks="How do I choose the collation of a column?",
    shows=("db_collation", "COLLATE", "collation", "C collation", "startswith"),
    notice='The model has card = CharField(max_length=19, db_collation="C"): the column compares '
    "bytes, and Postgres sorts upper-case letters before all lower-case letters. Because of C a "
    "plain B-tree index finds prefixes: LIKE 'C012%' becomes a range in the plan's Index Cond.",
    pitfall="C is for codes, not for names: É comes after z. Changing db_collation rebuilds the "
    "column's indexes under a lock. A nondeterministic ICU collation ignores case; "
    "before Postgres 18 it refuses LIKE.",
    teaches_plan=True,
)
def visits_by_db_collation(prefix: str = "C012") -> dict[str, int]:
    """Counts the cards that start with the prefix, first with the same case, then ignoring case."""
    with step("startswith"):
        begins = Visit.objects.filter(card__startswith=prefix).count()
    with step("istartswith"):
        return {
            "begins": begins,
            "any case": Visit.objects.filter(card__istartswith=prefix).count(),
        }


@GROUP.recipe(
    "Partitioned table: one part for each quarter",
    asks="How do I use a partitioned table in Django?",
    shows=("partitioned", "partition pruning", "PARTITION BY RANGE", "PARTITION OF", "partitions"),
    notice="Django has no partitions: SQL created the table, and a partition for each quarter. For "
    "the model it is one table. The plan of the first query reads only visit_log_q2, because its "
    "condition is on day. The plan of the second query reads all partitions.",
    pitfall="The primary key must contain the partition's column, here as a CompositePrimaryKey. A "
    "row without a matching partition is refused, so make the next partitions early. Old rows go "
    "quickly by DROP TABLE of a partition.",
    teaches_plan=True,
    created_by=PARTITIONS,
)
def visits_of_a_partitioned_table(
    since: date = date(2026, 5, 1), until: date = date(2026, 5, 31)
) -> dict[str, int]:
    """Counts the visits between two days, and the visits with a large amount on all days."""
    with step("by day"):
        in_days = LoggedVisit.objects.filter(day__range=(since, until)).count()
    with step("by amount"):
        return {"in days": in_days, "large": LoggedVisit.objects.filter(amount__gte=190).count()}


@GROUP.recipe(
    "Materialized view: a stored result",
    asks="How do I use a materialized view in Django?",
    shows=(
        "materialized view",
        "materialised view",
        "CREATE MATERIALIZED VIEW",
        "REFRESH MATERIALIZED VIEW",
    ),
    notice="CREATE MATERIALIZED VIEW stores the rows of a query, so reading them needs no GROUP "
    "BY. The model has managed = False: create the view in a migration, by RunSQL. After the new "
    "visit the query has one more; the view has the old number until the next REFRESH.",
    pitfall="REFRESH MATERIALIZED VIEW computes everything again and locks out readers. "
    "CONCURRENTLY does not, but it needs a unique index on columns. Nothing refreshes the view "
    "by itself: a job has to do it.",
    writes=True,
    created_by=MATERIALIZED,
)
def visits_of_a_materialized_view(country: str = "pt") -> dict[str, Any]:
    """Adds a visit. Counts the visits of a country by a query and by a materialized view."""
    Visit.objects.create(
        country=country,
        machine=f"{country}/new",
        card="C9999",
        place="new",
        during=(datetime(2026, 7, 1, 8, tzinfo=UTC), datetime(2026, 7, 1, 8, 3, tzinfo=UTC)),
        amount=50,
        seconds=40,
        methods=1,
    )
    counted = Visit.objects.filter(country=country).aggregate(
        visits=Count("pk"), total=Sum("amount")
    )
    stored: QuerySet[VisitsOfCountry, Any] = VisitsOfCountry.objects.filter(pk=country)
    return {"by a query": counted, "by the view": stored.values("visits", "total").first()}
