"""Where the bank uses what the recipes teach.

A recipe links to a page of the bank and names the file that uses its feature. The panel "Show the
work" of a page links to the recipes whose features its SQL contains.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from cookbook.recipes import BY_SLUG
from transactions.reports.catalogue import BY_SLUG as REPORTS
from transactions.scope import may_read_bank
from transactions.work_panel import Lesson

QUERIES, POSTING = "transactions/reports/queries", "transactions/posting"


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a recipe's feature in the bank.

    `file` contains `text`. `sql` is a pattern for the SQL that a page shows, or "" if no page shows
    the SQL. `title` and `address` name this page. The address is a URL name, and for a report also
    the slug of the report.
    """

    file: str
    text: str
    title: str = ""
    address: tuple[str, ...] = ()
    sql: str = ""

    @property
    def url(self) -> str:
        """The URL of the page, or "" without a page."""
        return reverse(self.address[0], args=self.address[1:]) if self.address else ""

    def url_for(self, reader: User) -> str:
        """Returns the URL of the page, or "" if the reader may not open the page."""
        report = REPORTS.get(self.address[-1]) if self.address else None
        is_open = report is None or not report.bank_only or may_read_bank(reader)
        return self.url if is_open else ""


def _report(file: str, text: str, title: str, slug: str, sql: str) -> Use:
    return Use(f"{QUERIES}/{file}.py", text, f"Report: {title}", ("transactions:report", slug), sql)


# The use for each recipe, by the slug of the recipe.
USES = {
    "last-payments-by-lateral": Use(
        "transactions/home/reads.py", "LATERAL", "Your money", ("home",), r"\bLATERAL\b"
    ),
    "reached-by-money": _report(
        "keys", "WITH RECURSIVE", "Metadata keys", "metadata-keys", r"\bWITH RECURSIVE\b"
    ),
    "in-and-out": _report(
        "spending", "filter=", "Spending by category", "spending-by-category", r"FILTER \(WHERE"
    ),
    "statement-with-running-total": _report(
        "totals", "RowRange", "Running total", "running-total", r"\bROWS\b.*\bUNBOUNDED PRECEDING"
    ),
    "categories-by-number-of-payments": _report(
        "ranks", "DenseRank", "Customers by balance", "users-by-balance", r"\bDENSE_RANK\("
    ),
    "where-a-balance-stands": _report(
        "ranks", "PercentRank", "Customers by balance", "users-by-balance", r"\bPERCENT_RANK\("
    ),
    "balances-in-parts": _report(
        "ranks", "Ntile", "Accounts by balance", "accounts-by-balance", r"\bNTILE\("
    ),
    "spending-by-month": _report(
        "flows", "Lag", "Money in and out", "money-by-month", r"\bLAG\("
    ),
    "by-rows-and-by-range": _report(
        "frames", "(WindowFrame)", "Money in and out", "money-by-month", r"\bRANGE BETWEEN\b"
    ),
    "bills-smoothed": _report(
        "unusual", "DaysBefore", "Unusual transactions", "unusual-movements",
        r"\bAVG\(.*\bRANGE BETWEEN",
    ),
    "median-payments": _report(
        "aggregates", "WITHIN GROUP", "Typical amounts by category", "amount-percentiles",
        r"\bWITHIN GROUP\b",
    ),
    "histogram-by-custom-function": _report(
        "sizes", "WIDTH_BUCKET", "Payment sizes", "amount-distribution", r"(?i)\bwidth_bucket\("
    ),
    "payments-by-the-clock": _report(
        "times", "Extract", "Activity by weekday and hour", "by-weekday-and-hour", r"\bEXTRACT\("
    ),
    "accounts-that-draw-cash": _report(
        "cohorts", "EXISTS", "Customer cohorts", "cohorts", r"\bEXISTS ?\("
    ),
    "cash-by-day-in-raw-sql": _report(
        "cohorts", "generate_series", "Customer cohorts", "cohorts", r"\bgenerate_series\("
    ),
    "visits-by-grouping-sets": Use(
        "transactions/search/facets.py", "GROUPING SETS", "Search", ("transactions:search",),
        r"\bGROUPING SETS\b",
    ),
    "ranked-matches": Use(
        "transactions/search/sql/condition.py", "SearchRank(", "Search", ("transactions:search",),
        r"\bts_rank",
    ),
    "keyset-of-two-columns": Use(
        "transactions/statements/page.py", "created_at__lt=before", "Your accounts", ("home",)
    ),
    "safe-headline": Use(
        "transactions/search/highlights.py", "ts_headline", "Search", ("transactions:search",)
    ),
    "people-by-trigram-similarity": Use("ledger/db/queries/lookups.py", "Trigram"),
    "places-by-gin-trgm-ops": Use("accounts/models/user.py", "gin_trgm_ops"),
    "words-on-the-fly-and-generated": Use("transactions/models/transaction.py", "SearchVector"),
    "available-as-generated-column": Use("accounts/models/account.py", "GeneratedField"),
    "week-by-brin": Use("transactions/models/transaction.py", "BrinIndex"),
    "check-by-name": Use("accounts/models/account.py", "CheckConstraint"),
    "posted-row-is-final": Use("transactions/models/transaction.py", "pgtrigger.Trigger"),
    "no-key": Use(
        f"{POSTING}/single_statement.py", "FOR NO KEY UPDATE", "Pay", ("transactions:transfer",)
    ),
    "nowait": Use(f"{POSTING}/locked_accounts.py", "nowait"),
    "locks-in-one-order": Use(
        f"{POSTING}/single_statement.py", "ORDER BY id FOR NO KEY UPDATE", "Pay",
        ("transactions:transfer",),
    ),
    "savepoint": Use(f"{POSTING}/engine.py", "with db_transaction.atomic():"),
    "copy-rates": Use(f"{POSTING}/insert.py", "cursor.copy("),
    "lost-commit": Use(f"{POSTING}/lost_statements.py", "def lost_before("),
    "skip-locked": Use("banking/events/queues.py", "SKIP LOCKED"),
    "outbox": Use("banking/events/models/event_triggers.py", "INSERT INTO events"),
    "advisory-lock": Use("ledger/db/locking/named.py", "pg_advisory_xact_lock"),
    "retry": Use("ledger/db/retry.py", "40001"),
    "torn-report": Use("ledger/db/snapshot.py", "REPEATABLE READ"),
    "statement-timeout": Use("ledger/db/local_settings.py", "statement_timeout"),
    "newest-entries-of-a-view": Use("transactions/models/entry.py", "managed = False"),
    "reminders-of-one-reader": Use("ledger/db/rights/policies.py", "CREATE POLICY"),
    "on-commit-sends-the-mail": Use("accounts/sign_in/notices.py", "on_commit"),
    "voucher-by-db-default": Use("accounts/models/user.py", "db_default"),
    "router": Use("ledger/db/read_router.py", "db_for_read"),
    "read-your-own-writes": Use("ledger/db/replicas/writer.py", "position: int"),
    "person-by-user-model": Use("accounts/models/user.py", "AbstractBaseUser"),
    "vouchers-by-custom-manager": Use("transactions/models/transaction.py", "from_queryset"),
    "account-with-overdraft": Use("accounts/models/account.py", "overdraft_limit__gt=0"),
    "offices-with-services": Use("accounts/models/read.py", "ArrayField("),
    "currencies-of-people": Use("transactions/reports/queries/ranks.py", "ArrayAgg("),
    "newest-payments-by-array-subquery": Use("ledger/db/queries/conditions.py", "ArraySubquery("),
    "places-by-unaccent": Use("accounts/name_search.py", "__unaccent"),
    "memberships-by-proxy-model": Use("accounts/models/rights.py", "proxy = True"),
    "people-by-email": Use("api/transactions/payments.py", "in_bulk("),
    "raise-rates": Use("accounts/services.py", "bulk_update("),
    "rates-of-a-week": Use("accounts/services.py", "bulk_create("),
    "add-missing-rates": Use("banking/alerts/orders.py", "ignore_conflicts=True"),
    "add-up-row-by-row": Use("banking/outside/reads.py", "iterator(chunk_size"),
    "n-plus-one": Use("banking/alerts/orders.py", "select_related("),
    "savers-with-their-accounts": Use("banking/reconciliation/admin.py", "prefetch_related("),
    "last-payment-of-each-account": Use("banking/outside/reads.py", "Subquery("),
    "both-sides-by-their-keys": Use("transactions/models/entry.py", "CompositePrimaryKey("),
    "select-for-update": Use("accounts/models/account.py", "select_for_update("),
    "one-main-favourite": Use("transactions/models/transaction.py", "Q(captures__isnull=False)"),
    "sentence-by-name": Use("accounts/models/account.py", "violation_error_message="),
    "get-or-create-at-once": Use("banking/events/queues.py", "get_or_create("),
    "rate-of-a-day": Use("banking/alerts/services.py", "update_or_create("),
    "fields-left-out": Use("banking/attachments/models.py", "defer("),
    "comments-of-transactions": Use("accounts/models/account.py", "db_comment="),
    "largest-by-manager-raw": Use("transactions/audit/checks/seals.py", "objects.raw("),
    "vouchers-by-custom-lookup": Use("ledger/db/queries/lookups.py", "register_lookup("),
    "durable": Use("accounts/approvals.py", "atomic(durable=True)"),
    "newest-payment-of-each-account": Use("transactions/annotations/categories.py", ".distinct("),
    "page-of-payments": Use("banking/alerts/views.py", "Paginator("),
    "plan-of-a-page": Use("explorer/running/run.py", "EXPLAIN (ANALYZE, BUFFERS)"),
    "largest-payments-of-each-category": Use("transactions/statements/totals.py", "RowNumber("),
    "limit-or-none": Use("banking/outside/models.py", "Coalesce("),
    "limits-by-balance": Use("banking/reconciliation/models.py", "Case("),
    "average-by-null-if": Use("transactions/reports/queries/unusual.py", "NullIf("),
    "vouchers-by-cast": Use("explorer/browse/dimensions.py", "Cast("),
    "accounts-with-labels": Use("accounts/name_search.py", "Greatest("),
    "payments-as-documents": Use("transactions/synonyms/matches.py", "JSONObject("),
    "gold-card-in-place": Use("transactions/privacy/traces.py", "jsonb_set"),
    "documents-refused": Use("transactions/models/transaction.py", "jsonb_typeof"),
    "take-off-the-list": Use("accounts/admin/people.py", "deleted_at__isnull"),
    "read-only": Use("ledger/monitoring/polling.py", "SET TRANSACTION READ ONLY"),
    "replica-lag": Use("ledger/db/replicas/known.py", "pg_last_wal_replay_lsn"),
    "standbys": Use("ledger/db/commits/synchronous.py", "pg_stat_replication"),
    "spent-by-month": Use("transactions/reports/forms.py", "TruncMonth("),
    "accounts-of-a-database": Use("accounts/groups.py", "using(using)"),
    "accounts-that-never-paid": Use("transactions/audit/checks/links.py", "~Exists("),
}  # fmt: skip


def lessons_of(sql: str) -> Iterator[Lesson]:
    """Yields the recipes whose features this SQL contains."""
    for slug, use in USES.items():
        if use.sql and re.search(use.sql, sql):
            yield Lesson(BY_SLUG[slug].feature, BY_SLUG[slug].url)
