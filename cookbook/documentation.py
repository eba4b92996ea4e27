"""The pages of Django's and Postgres's documentation that the recipes cover."""

from functools import cache

DJANGO = "https://docs.djangoproject.com/en/5.2/"
POSTGRES = "https://www.postgresql.org/docs/current/"
# The page of Django's documentation for each recipe: the path of the page, and slugs of recipes.
DJANGO_PAGES = {
    "howto/custom-lookups/": "vouchers-by-custom-lookup visits-by-transform",
    "ref/contrib/contenttypes/": "remarks-by-generic-foreign-key",
    "ref/contrib/postgres/aggregates/": "currencies-of-people owners-by-currency"
    " people-with-accounts methods-by-bit-and currencies-by-bool-and seconds-and-amount-by-corr"
    " seconds-by-regr-slope",
    "ref/contrib/postgres/constraints/": "box-rented-once-at-a-time",
    "ref/contrib/postgres/expressions/": "newest-payments-by-array-subquery",
    "ref/contrib/postgres/fields/": "offices-with-services products-by-hstore-field"
    " visits-by-date-time-range fee-by-numeric-range bands-by-adjacent-to"
    " bookings-by-range-boundary",
    "ref/contrib/postgres/forms/": "offer-by-form-fields",
    "ref/contrib/postgres/functions/": "times-by-transaction-now",
    "ref/contrib/postgres/indexes/": "week-by-brin visit-by-hash-index visits-by-gist-index"
    " visits-by-sp-gist-index same-rows-with-and-without-gin places-by-gin-trgm-ops"
    " parcels-by-bloom-index sizes-by-btree-index",
    "ref/contrib/postgres/lookups/": "places-by-unaccent",
    "ref/contrib/postgres/operations/": "index-by-add-index-concurrently"
    " parcels-by-validate-constraint names-by-create-collation extensions-by-create-extension"
    " guests-by-citext calls-by-pg-stat-statements index-by-amcheck free-space-by-pgstattuple"
    " sum-by-postgres-fdw",
    "ref/contrib/postgres/search/": "words-on-the-fly-and-generated rent-by-weights"
    " dinners-plain-and-phrase typed-by-people-websearch dinners-by-raw-query words-by-prefix"
    " books-by-search-vector-field places-by-custom-configuration descriptions-by-lexeme"
    " ranked-matches safe-headline books-in-languages matches-above-a-rank"
    " annotated-beside-the-column people-by-trigram-similarity places-by-trigram-word-similarity"
    " places-by-trigram-distance",
    "ref/databases/": "isolation-level too-slow statement-timeout torn-report write-skew"
    " cursor-behind-iterator until-it-answers"
    " old-snapshot",
    "ref/migration-operations/": "index-by-separate-database-and-state kilograms-by-run-python"
    " types-by-alter-field",
    "ref/models/conditional-expressions/": "limits-by-balance in-and-out",
    "ref/models/constraints/": "check-by-name sentence-by-name one-main-favourite change-places"
    " documents-refused",
    "ref/models/database-functions/": "vouchers-by-cast average-by-null-if shops-by-collate"
    " limit-or-none accounts-with-labels spent-by-month payments-as-documents"
    " accounts-as-json-arrays savings-by-power vouchers-by-lpad",
    "ref/models/expressions/": "accounts-by-limit last-payment-of-each-account"
    " accounts-that-draw-cash money-in-and-out median-payments lost-update add-to-a-jar"
    " statement-with-running-total share-of-the-day categories-by-number-of-payments"
    " largest-categories where-a-balance-stands balances-in-parts spending-by-month"
    " days-until-cash-is-drawn-again largest-payments-of-each-category bills-smoothed"
    " by-rows-and-by-range closing-balance-of-each-day months-beside-named-months"
    " bills-beside-the-others rent-so-far people-by-balance gaps-and-islands"
    " services-by-unnest histogram-by-custom-function usual-shop-by-custom-aggregate"
    " gold-card-in-place"
    " merchants-by-any-value ids-by-uuidv7",
    "ref/models/fields/": "office-by-its-fields available-as-generated-column"
    " voucher-by-db-default comments-of-transactions visits-by-db-collation"
    " one-row-for-each-name relations-of-an-account foreign-key-at-commit"
    " account-with-overdraft jars-by-limit-choices-to basket-by-db-cascade deferred-lock",
    "ref/models/indexes/": "vouchers-by-functional-index unspent-by-partial-index"
    " worth-by-covering-index",
    "ref/models/instances/": "asked-and-refused optimistic-lock delete-a-jar",
    "ref/models/options/": "newest-entries-of-a-view visits-of-a-materialized-view",
    "ref/models/querysets/": "add-contact the-only-account first-hold-of get-or-create-at-once"
    " rate-of-a-day limit-for-all rents-by-size names-by-text daily-limits"
    " accounts-that-never-paid payments-by-day payments-by-the-clock day-of-an-account"
    " people-by-alias periods-by-dates n-plus-one savers-with-their-accounts"
    " largest-payments-of-accounts rent-paid-by-each-account rent-and-cash"
    " select-for-update nowait skip-locked no-key lock-one-table newest-payment-of-each-account"
    " rates-of-a-week add-missing-rates upsert-rates raise-rates refused-by-the-books"
    " add-up-row-by-row people-in-chunks four-shapes-of-a-row fields-left-out any-many-all"
    " plan-of-a-page people-by-email some-at-random",
    "ref/signals/": "rates-by-signals",
    "topics/async/": "parcel-by-async-orm",
    "topics/auth/customizing/": "person-by-user-model",
    "topics/composite-primary-key/": "both-sides-by-their-keys visits-of-a-partitioned-table",
    "topics/db/aggregation/": "figures-of-category spent-by-category frequent-categories"
    " sent-and-received paid-twice-a-day",
    "topics/db/examples/many_to_many/": "people-in-groups",
    "topics/db/managers/": "take-off-the-list vouchers-by-custom-manager",
    "topics/db/models/": "memberships-by-proxy-model office-by-multi-table-inheritance",
    "topics/db/multi-db/": "accounts-of-a-database router read-your-own-writes",
    "topics/db/optimization/": "keyset-and-offset keyset-of-two-columns",
    "topics/db/queries/": "rent-or-large no-large-dinner largest-payments one-row-or-two"
    " payments-and-where-they-went large-payments-into busiest-days-by-key"
    " card-payments-in-country-by-nested-key payments-by-city payments-to-merchant-contains"
    " plain-savings-contained-by rows-with-keys rows-by-jsonpath insert-a-document",
    "topics/db/sql/": "visits-by-grouping-sets last-payments-by-lateral cash-by-day-in-raw-sql"
    " largest-by-manager-raw reached-by-money reminders-of-one-reader copy-rates raise-and-read"
    " before-and-after merchants-by-json-table vouchers-by-merge spent-old-and-new"
    " replica-lag standbys listen-and-notify advisory-lock posted-row-is-final",
    "topics/db/transactions/": "all-or-nothing durable savepoint error-caught-inside-atomic"
    " on-commit-sends-the-mail retry deadlock locks-in-one-order outbox read-only lost-commit",
    "topics/pagination/": "page-of-payments",
}
# The page of Postgres's documentation, for recipes about a feature of Postgres.
POSTGRES_PAGES = {
    "amcheck": "index-by-amcheck",
    "arrays": "offices-with-services",
    "bloom": "parcels-by-bloom-index",
    "brin": "week-by-brin",
    "btree": "sizes-by-btree-index",
    "citext": "guests-by-citext",
    "collation": "shops-by-collate visits-by-db-collation names-by-create-collation",
    "datatype": "office-by-its-fields",
    "datatype-json": "insert-a-document documents-refused",
    "ddl-constraints": "basket-by-db-cascade delete-a-jar check-by-name sentence-by-name"
    " one-row-for-each-name both-sides-by-their-keys foreign-key-at-commit",
    "ddl-generated-columns": "available-as-generated-column",
    "ddl-partitioning": "visits-of-a-partitioned-table",
    "ddl-rowsecurity": "reminders-of-one-reader",
    "explicit-locking": "select-for-update deadlock locks-in-one-order nowait skip-locked no-key"
    " lock-one-table advisory-lock",
    "functions-aggregate": "methods-by-bit-and currencies-by-bool-and seconds-and-amount-by-corr"
    " seconds-by-regr-slope median-payments figures-of-category currencies-of-people"
    " owners-by-currency people-with-accounts sent-and-received merchants-by-any-value"
    " usual-shop-by-custom-aggregate",
    "functions-array": "services-by-unnest",
    "functions-comparison": "rents-by-size daily-limits",
    "functions-conditional": "average-by-null-if limit-or-none limits-by-balance"
    " accounts-with-labels",
    "functions-datetime": "payments-by-day spent-by-month periods-by-dates payments-by-the-clock"
    " times-by-transaction-now",
    "functions-json": "payments-by-city rows-by-jsonpath gold-card-in-place"
    " merchants-by-json-table busiest-days-by-key card-payments-in-country-by-nested-key"
    " payments-to-merchant-contains plain-savings-contained-by rows-with-keys"
    " payments-as-documents accounts-as-json-arrays",
    "functions-logical": "rent-or-large",
    "functions-matching": "names-by-text",
    "functions-math": "savings-by-power histogram-by-custom-function",
    "functions-range": "visits-by-date-time-range bands-by-adjacent-to",
    "functions-srf": "cash-by-day-in-raw-sql",
    "functions-string": "vouchers-by-lpad",
    "functions-subquery": "accounts-that-never-paid no-large-dinner any-many-all"
    " last-payment-of-each-account money-in-and-out accounts-that-draw-cash",
    "functions-uuid": "ids-by-uuidv7",
    "functions-window": "categories-by-number-of-payments where-a-balance-stands"
    " balances-in-parts spending-by-month days-until-cash-is-drawn-again"
    " closing-balance-of-each-day months-beside-named-months people-by-balance",
    "gin": "same-rows-with-and-without-gin",
    "gist": "visits-by-gist-index",
    "hash-index": "visit-by-hash-index",
    "hot-standby": "replica-lag read-your-own-writes",
    "hstore": "products-by-hstore-field",
    "indexes-expressional": "vouchers-by-functional-index",
    "indexes-index-only-scans": "worth-by-covering-index",
    "indexes-partial": "unspent-by-partial-index",
    "indexes-types": "day-of-an-account",
    "indexes-unique": "one-main-favourite",
    "monitoring-stats": "standbys",
    "mvcc-intro": "optimistic-lock",
    "pgstatstatements": "calls-by-pg-stat-statements",
    "pgstattuple": "free-space-by-pgstattuple",
    "pgtrgm": "people-by-trigram-similarity places-by-trigram-word-similarity"
    " places-by-trigram-distance places-by-gin-trgm-ops",
    "postgres-fdw": "sum-by-postgres-fdw",
    "queries-limit": "largest-payments page-of-payments keyset-and-offset keyset-of-two-columns",
    "queries-order": "accounts-by-limit",
    "queries-table-expressions": "visits-by-grouping-sets last-payments-by-lateral"
    " spent-by-category frequent-categories n-plus-one payments-and-where-they-went"
    " rent-paid-by-each-account one-row-or-two",
    "queries-union": "rent-and-cash",
    "queries-with": "reached-by-money",
    "rangetypes": "fee-by-numeric-range box-rented-once-at-a-time bookings-by-range-boundary",
    "rules-materializedviews": "visits-of-a-materialized-view",
    "runtime-config-client": "statement-timeout too-slow",
    "spgist": "visits-by-sp-gist-index",
    "sql-altertable": "parcels-by-validate-constraint types-by-alter-field",
    "sql-begin": "all-or-nothing durable",
    "sql-comment": "comments-of-transactions",
    "sql-copy": "copy-rates",
    "sql-createextension": "extensions-by-create-extension",
    "sql-createindex": "index-by-add-index-concurrently",
    "sql-createview": "newest-entries-of-a-view",
    "sql-declare": "cursor-behind-iterator add-up-row-by-row",
    "sql-explain": "plan-of-a-page",
    "sql-expressions": "in-and-out newest-payments-by-array-subquery by-rows-and-by-range"
    " bills-beside-the-others",
    "sql-insert": "add-missing-rates upsert-rates add-contact rates-of-a-week"
    " get-or-create-at-once rate-of-a-day",
    "sql-listen": "listen-and-notify",
    "sql-merge": "vouchers-by-merge",
    "sql-savepoint": "savepoint error-caught-inside-atomic",
    "sql-select": "newest-payment-of-each-account some-at-random",
    "sql-set-constraints": "deferred-lock change-places",
    "sql-set-transaction": "read-only",
    "sql-update": "raise-and-read before-and-after spent-old-and-new limit-for-all raise-rates"
    " lost-update add-to-a-jar",
    "textsearch-configuration": "places-by-custom-configuration",
    "textsearch-controls": "words-on-the-fly-and-generated ranked-matches safe-headline"
    " dinners-plain-and-phrase typed-by-people-websearch dinners-by-raw-query words-by-prefix"
    " rent-by-weights matches-above-a-rank",
    "textsearch-dictionaries": "books-in-languages",
    "textsearch-features": "books-by-search-vector-field",
    "transaction-iso": "isolation-level torn-report write-skew retry old-snapshot",
    "trigger-definition": "posted-row-is-final",
    "tutorial-window": "statement-with-running-total share-of-the-day rent-so-far"
    " largest-categories bills-smoothed",
    "typeconv": "vouchers-by-cast",
    "unaccent": "places-by-unaccent",
}


@cache
def _links() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, address, pages, end in (
        ("Django", DJANGO, DJANGO_PAGES, ""),
        ("Postgres", POSTGRES, POSTGRES_PAGES, ".html"),
    ):
        for page, slugs in pages.items():
            for slug in slugs.split():
                found.setdefault(slug, {})[name] = f"{address}{page}{end}"
    return found


def links_of(slug: str) -> dict[str, str]:
    """Returns the addresses of the documentation of a recipe, by "Django" and "Postgres"."""
    return _links()[slug]
