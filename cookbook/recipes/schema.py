"""Recipes about generated columns, defaults, indexes, views and comments."""

from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Lower

from accounts.models import Account, User
from cookbook.models import Voucher
from cookbook.recipe import RecipeGroup
from cookbook.runner.steps import step
from transactions.models import Entry, Transaction

GROUP = RecipeGroup(
    "schema",
    "Schema",
    "Fields, generated columns, defaults, indexes, views, raw SQL and extensions.",
)


@GROUP.recipe(
    "GeneratedField: a computed column",
    asks="How do I store a value that is calculated from other columns?",
    shows=("generated column", "GeneratedField", "db_persist", "RETURNING"),
    notice='The model has available = GeneratedField(expression=F("balance") + '
    'F("overdraft_limit") - F("held"), output_field=..., db_persist=True). The INSERT sends no '
    'value for it and reads it back: RETURNING "accounts"."available". In Django 5.2 the UPDATE '
    "does not read it back.",
    pitfall="After a save() that updates, Django 5.2 still has the old value in memory: call "
    "refresh_from_db(), as here. And the expression can use only its own row: no other table, no "
    "Now().",
    writes=True,
)
def available_as_generated_column() -> dict[str, Decimal]:
    """Returns a new account's available money before and after its overdraft is raised."""
    ana = User.objects.get(email="ana@example.com")
    account = Account.objects.create(user=ana, currency="USD", overdraft_limit=Decimal(300))
    opened = account.available
    account.overdraft_limit = Decimal(500)
    account.save(update_fields=["overdraft_limit"])
    in_memory = account.available
    account.refresh_from_db(fields=["available"])
    return {"opened": opened, "raised, in memory": in_memory, "read again": account.available}


@GROUP.recipe(
    "db_default: a default in the database",
    asks="What is the difference between default and db_default?",
    shows=("db_default", "default", "RETURNING"),
    notice="spent has db_default=0; the db_default of design is a whole document. Django 5.2 sends "
    "both as DEFAULT, 6.1 leaves them out of the INSERT. The same INSERT returns the database's "
    "values by RETURNING.",
    pitfall="With only default= the table has no default: an INSERT in raw SQL, by COPY or by "
    "another program fails on NOT NULL. Before the INSERT, a field with db_default holds a "
    "DatabaseDefault, not its value.",
    writes=True,
)
def voucher_by_db_default() -> dict[str, Any]:
    """Returns the default values that the database assigns to a new voucher."""
    voucher = Voucher(code="NEW", email="ana@example.com", worth=40, sold_on=date(2026, 6, 30))
    unsaved = type(voucher.spent).__name__
    voucher.save()
    return {
        "db_default of spent": Voucher._meta.get_field("spent").db_default,
        "spent, before": unsaved,
        "spent": voucher.spent,
        "left": voucher.left,
        "design": voucher.design,
    }


@GROUP.recipe(
    "Functional index: Index(Lower(…))",
    asks="How do I index a case-insensitive search?",
    shows=("functional index", "Lower", "iexact", "index on an expression", "CITEXT"),
    notice='The model has Index(Lower("email"), name="vouchers_email_lower"). A condition on the '
    "same expression uses it; iexact compares UPPER() of both sides, which is not indexed, and "
    "so reads all 5,000 rows.",
    pitfall="The expression of the query must be the index's own: an index on Lower() does not "
    "help iexact, which needs one on Upper(). The type CITEXT ignores case everywhere; "
    "Django 5.1 removed its fields.",
    teaches_plan=True,
)
def vouchers_by_functional_index(email: str = "guest7@example.com") -> dict[str, int]:
    """Counts the vouchers of one address, ignoring case, in two ways."""
    with step("iexact"):
        by_iexact = Voucher.objects.filter(email__iexact=email).count()
    with step("Lower, as the index has it"):
        by_lower = Voucher.objects.alias(address=Lower("email")).filter(address=email.lower())
        return {"by iexact": by_iexact, "by Lower": by_lower.count()}


@GROUP.recipe(
    "Partial index: Index(condition=…)",
    asks="How do I index only the rows that I look for?",
    shows=("partial index", "condition", "Index", "CREATE INDEX", "db_index", "composite index"),
    notice='The model has Index(fields=["sold_on"], condition=Q(spent=0), '
    'name="vouchers_unspent"), which contains only 250 of the 5,000 rows. The query with spent = 0 '
    "uses it; the one without cannot, because most of its rows are not in the index. A field's "
    "db_index=True is a CREATE INDEX without a condition. An Index of two fields is a composite "
    "index, sorted by the first field and then by the second.",
    pitfall="Postgres must see that the query's condition implies the index's condition. "
    'filter(left=F("worth")) finds the same vouchers and does not use the index.',
    teaches_plan=True,
)
def unspent_by_partial_index(
    since: date = date(2026, 6, 1), until: date = date(2026, 6, 7)
) -> dict[str, int]:
    """Counts the vouchers sold between two dates, and how many of these are unspent."""
    sold = Voucher.objects.filter(sold_on__range=(since, until))
    with step("with the index's condition"):
        unspent = sold.filter(spent=0).count()
    with step("without it"):
        return {"unspent": unspent, "sold": sold.count()}


@GROUP.recipe(
    "Covering index: an Index Only Scan",
    asks="How do I get an Index Only Scan?",
    shows=("covering index", "include", "Index Only Scan", "Heap Fetches"),
    notice='The model has Index(fields=["code"], include=["worth"], name="vouchers_code_worth"). '
    "The query for only worth is an Index Only Scan. The query that also reads spent is an "
    "Index Scan, which reads the table too.",
    pitfall="With one more column in values(), or without values(), the table is read again. "
    "That also happens for pages changed since the last VACUUM: Heap Fetches in the plan counts "
    "these rows.",
    teaches_plan=True,
)
def worth_by_covering_index(code: str = "GIFT-00042") -> dict[str, list[Any]]:
    """Returns a voucher's worth from the index, and its worth and spent from the table."""
    voucher = Voucher.objects.filter(code=code)
    with step("worth, which the index includes"):
        covered = list(voucher.values("worth"))
    with step("spent too, which it does not"):
        return {"Covered": covered, "Not covered": list(voucher.values("worth", "spent"))}


@GROUP.recipe(
    "BrinIndex: tiny, for rows in time order",
    asks="When do I use a BRIN index?",
    shows=("BRIN", "BrinIndex", "BRIN index", "pages_per_range", "lossy"),
    notice='BrinIndex(fields=["sold_on"], pages_per_range=4) stores the minimum and the maximum of '
    "every four pages. The plan reads the pages whose range matches (Heap Blocks: lossy) and drops "
    "other rows (Rows Removed by Index Recheck). The second query uses a B-tree on the same "
    "column, which finds exactly these rows: all vouchers meet the condition worth > 0 of the "
    "B-tree. The result has the bytes of both indexes.",
    pitfall="It helps only where the rows of the table are in the order of the column, as in a "
    "journal. Rows inserted late, or moved by updates, widen the ranges until every page matches.",
    teaches_plan=True,
)
def week_by_brin(since: date = date(2026, 6, 1), until: date = date(2026, 6, 7)) -> dict[str, Any]:
    """Counts the vouchers sold in a week by a BRIN and by a B-tree index on the same column."""
    week = Voucher.objects.filter(sold_on__range=(since, until))
    with step("BRIN"):
        by_brin = week.aggregate(sold=Count("id"), worth=Sum("worth"))
    with step("B-tree, which has the condition worth > 0"):
        by_btree = week.filter(worth__gt=0).aggregate(sold=Count("id"), worth=Sum("worth"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(%s), pg_relation_size(%s)",
            ["vouchers_sold", "vouchers_sold_btree"],
        )
        brin, btree = cursor.fetchone()
    return {**by_brin, "the same": by_brin == by_btree, "BRIN": brin, "B-tree": btree}


@GROUP.recipe(
    "View as a model: managed = False",
    asks="How do I use a database view as a Django model?",
    shows=("view as a model", "managed = False", "db_table", "unmanaged model"),
    notice='Entry has managed = False and db_table = "entries", a view that has each transaction '
    "once for each side. A proxy model, proxy = True, reads the table of another model instead and "
    "needs no view. Postgres expands the view: the plan merges two index scans and stops at "
    "the fifth row, without making the view's other rows.",
    pitfall="A model on a view like this one can be read but not saved, and Django does not create "
    "the view: create it in a migration with RunSQL. Before a column that the view uses can change "
    "its type, the view has to be dropped.",
    teaches_plan=True,
    created_by=import_module("transactions.migrations.0002_entries").ENTRIES,
)
def newest_entries_of_a_view(email: str = "ana@example.com") -> QuerySet[Entry, Any]:
    """Returns the newest five entries of one person's first account."""
    account = Account.objects.filter(user__email=email).order_by("created_at").first()
    return (
        Entry.objects.filter(account=account)
        .order_by("-created_at")
        .values("value_date", "direction", "description", "signed_amount", "balance")[:5]
    )


@GROUP.recipe(
    "db_comment: comments in the database",
    asks="How do I document tables and columns in the database itself?",
    shows=("db_comment", "db_table_comment", "COMMENT ON", "introspection"),
    notice="db_comment and db_table_comment of the model are stored in Postgres' own catalogue, "
    "where \\d+ in psql, inspectdb and other tools find them.",
    pitfall="The comments are part of the schema: changing a word needs a migration, and so a "
    "deployment. help_text is for the people who fill in forms; it is never stored in the "
    "database.",
)
def comments_of_transactions() -> list[dict[str, Any]]:
    """Returns each comment on the table transactions, from the model and from the catalogue."""
    with connection.cursor() as cursor:
        table = Transaction._meta.db_table
        columns = connection.introspection.get_table_description(cursor, table)
        tables = connection.introspection.get_table_list(cursor)
    stored = {info.name: info.comment for info in [*columns, *tables] if info.comment}
    declared = {field.column: field.db_comment for field in Transaction._meta.fields}
    declared[table] = Transaction._meta.db_table_comment
    return [
        {"on": name, "in the model": text, "in the catalogue": stored[name]}
        for name, text in declared.items()
        if text
    ]
