"""Which lines are surely which payments, in three rules, the surest first.

1. The reference: a line and a payment of one amount and direction have the same reference, and no
   other of either has it.
2. The day: of one day, amount and direction, there are as many lines as payments. They are matched
   in order; which is which makes no difference to any sum.
3. Some days: within `DAYS`, a line has one payment of its amount and direction, and that payment
   one line, and their texts have a word in common, or one of them has no text: a fee and a
   customer's payment a day apart may have the same amount.

Each rule looks at what is wholly unmatched and not left over. Two references that differ are never
sure.
"""

from uuid import UUID

from django.conf import settings
from django.db import connection

from ledger.db.local_settings import locally
from transactions.models import Reconciliation

DAYS = 3  # between the outside booking and ours

_LINES = """
    SELECT id, number, booked_on AS day, abs(amount) AS amount, amount > 0 AS into_it, reference,
           lower(concat_ws(' ', other, description, reference)) AS words
    FROM reconciliation_lines AS line
    WHERE reconciliation_id = %(id)s AND leftover = ''
      AND NOT EXISTS (SELECT FROM reconciliation_matches WHERE line_id = line.id)
"""
_OF_BANK = "(paid.from_account_id IS NULL OR paid.to_account_id IS NULL)"
_OF_ACCOUNT = "%(account)s IN (paid.from_account_id, paid.to_account_id)"


def _payments(account_id: UUID | None) -> str:
    """The payments of the books around the days of the file."""
    side, into = (
        (_OF_BANK, "paid.from_account_id IS NULL")
        if account_id is None
        else (_OF_ACCOUNT, "paid.to_account_id = %(account)s")
    )
    return f"""
        SELECT id, (created_at AT TIME ZONE %(zone)s)::date AS day, amount, {into} AS into_it,
               reference, created_at, lower(concat_ws(' ', description, reference)) AS words
        FROM transactions AS paid
        WHERE status = 'completed' AND currency = %(currency)s AND {side}
          AND (created_at AT TIME ZONE 'UTC') >= %(first)s::date - {DAYS + 1}
          AND (created_at AT TIME ZONE 'UTC') < %(last)s::date + {DAYS + 2}
          AND NOT EXISTS (
              SELECT FROM reconciliation_matches AS match
              WHERE match.transaction_id = paid.id
                AND match.account_id IS NOT DISTINCT FROM %(account)s::uuid
          )
    """  # noqa: S608 - put together from constants


# Without classes of letters, which know ASCII alone in some locales of Postgres.
_BETWEEN_WORDS = r"'[\s[:punct:]]+'"
_TEXTS_AGREE = f"""(
    btrim(line.words) = '' OR btrim(paid.words) = '' OR EXISTS (
        SELECT FROM regexp_split_to_table(line.words, {_BETWEEN_WORDS}) AS word
        WHERE length(word) > 2
          AND word = ANY (regexp_split_to_array(paid.words, {_BETWEEN_WORDS}))
    )
)"""
_REFERENCES_AGREE = (
    "(line.reference = '' OR paid.reference = '' OR line.reference = paid.reference)"
)
_ALONE = """
    SELECT line_id, paid_id FROM (
        SELECT line.id AS line_id, line.number, paid.id AS paid_id, {agree} AS agree,
               count(*) OVER (PARTITION BY line.id) AS payments,
               count(*) OVER (PARTITION BY paid.id) AS lines
        FROM line JOIN paid USING (amount, into_it) WHERE {condition}
    ) AS pair
    WHERE payments = 1 AND lines = 1 AND agree
"""
RULES = (
    _ALONE.format(
        condition="line.reference <> '' AND line.reference = paid.reference", agree="true"
    ),
    f"""
    SELECT line.id AS line_id, paid.id AS paid_id
    FROM (
        SELECT *, row_number() OVER (PARTITION BY day, amount, into_it ORDER BY number) AS place,
               count(*) OVER (PARTITION BY day, amount, into_it) AS many
        FROM line
    ) AS line JOIN (
        SELECT *, row_number() OVER (PARTITION BY day, amount, into_it ORDER BY created_at, id)
                      AS place,
               count(*) OVER (PARTITION BY day, amount, into_it) AS many
        FROM paid
    ) AS paid USING (day, amount, into_it, place, many)
    WHERE {_REFERENCES_AGREE}
    """,  # noqa: S608 - put together from constants
    _ALONE.format(
        condition=f"abs(line.day - paid.day) <= {DAYS}",
        agree=f"{_TEXTS_AGREE} AND {_REFERENCES_AGREE}",
    ),
)


def match_all(whose: Reconciliation, by: UUID) -> int:
    """Matches every line that a rule is sure of, within the caller's transaction; returns how
    many.
    """
    values = {
        "id": whose.pk, "account": whose.account_id, "currency": whose.currency, "by": by,
        "first": whose.first_on, "last": whose.last_on, "zone": settings.TIME_ZONE,
    }  # fmt: skip
    count = 0
    # Postgres has no statistics yet for rows that were just written, and would join them in loops.
    with locally(enable_nestloop="off"), connection.cursor() as cursor:
        for rule in RULES:
            cursor.execute(
                f"""
                WITH line AS MATERIALIZED ({_LINES}),
                paid AS MATERIALIZED ({_payments(whose.account_id)}),
                sure AS ({rule})
                INSERT INTO reconciliation_matches
                    (id, line_id, transaction_id, account_id, amount, is_sure, created_by_id,
                     created_at)
                SELECT gen_random_uuid(), line_id, paid_id, %(account)s::uuid, line.amount, true,
                       %(by)s, now()
                FROM sure JOIN line ON line.id = line_id
                """,  # noqa: S608 - put together from constants
                values,
            )
            count += cursor.rowcount
    return count
