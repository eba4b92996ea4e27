"""Finds certain matches of lines and payments with three rules, the most reliable rule first.

1. The same reference: a line and a payment have the same amount, direction and reference. No other
   line and no other payment has the same three values.
2. The same day: on a day, the number of lines with an amount and direction equals the number of
   payments with this amount and direction. These lines and payments are matched in the order of
   their descriptions, because the sums do not depend on the pairs. A line and a payment are not
   matched if their descriptions disagree: see Note [Words in common].
3. A few days apart: within `DAYS` before and after a line, only one payment has the amount and
   direction of the line, and only this line fits the payment. The texts of both must have a word in
   common, or one of the two must have no text. Otherwise a fee and a customer's payment of the same
   amount could match.

The rules ignore lines and payments that are matched, even in part. They also ignore lines that are
left over. A line and a payment do not match if both have a reference and the references differ.
Differences in spaces and in upper case are ignored in references. Some formats cut long references,
so a reference of at least `CUT_AT` characters also matches a longer reference that begins with it.

Note [Words in common]: two different payments, such as interest and a rent, may be for the same
month. Therefore these words do not count: words of only digits (years, days), names of months
(English names in full and with three letters, German names in full), words of one or two letters,
and words that occur in all kinds of payments, such as "for", "invoice" and "GmbH" (`_COMMON`).

For payments on the same day, only the two descriptions can disagree. Most lines of a settlement
account contain the payer's name, such as "ACME", and the payment's description is its purpose, such
as "Salary". So two descriptions also agree if any text of the line has a word in common with any
text of the payment, or with the name of the payment's other side. A description without a word that
counts never disagrees.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from banking.reconciliation.models import Reconciliation
from ledger.db.local_settings import locally

DAYS = 3  # maximum number of days between the booking at the other bank and here
CUT_AT = 16  # length of a reference in MT940


def _plain(reference: str) -> str:
    """Returns a SQL expression for the reference in lower case and without spaces. People often
    type a reference in groups.
    """
    return f"lower(replace({reference}, ' ', ''))"


_LINES = f"""
    SELECT id, number, booked_on AS day, abs(amount) AS amount, amount > 0 AS into_it,
           {_plain("reference")} AS reference,
           lower(description) AS description,
           lower(concat_ws(' ', other, description, reference)) AS words
    FROM reconciliation_lines AS line
    WHERE reconciliation_id = %(id)s AND leftover = ''
      AND NOT EXISTS (SELECT FROM reconciliation_matches WHERE line_id = line.id)
"""  # noqa: S608 - put together from constants
_OF_BANK = "(paid.from_account_id IS NULL OR paid.to_account_id IS NULL)"
_OF_ACCOUNT = "%(account)s IN (paid.from_account_id, paid.to_account_id)"


def _payments(account_id: UUID | None) -> str:
    """Returns a SQL query for the payments at this bank that have no match. Includes payments from
    DAYS before the period of the file until DAYS after it.
    """
    side, into, other = (
        (_OF_BANK, "paid.from_account_id IS NULL", "coalesce(from_account_id, to_account_id)")
        if account_id is None
        else (
            _OF_ACCOUNT,
            "paid.to_account_id = %(account)s",
            "CASE WHEN to_account_id = %(account)s THEN from_account_id ELSE to_account_id END",
        )
    )
    return f"""
        SELECT id, (created_at AT TIME ZONE %(zone)s)::date AS day, amount, {into} AS into_it,
               {_plain("reference")} AS reference, created_at, {other} AS other_id,
               lower(description) AS description,
               lower(concat_ws(' ', description, reference)) AS words
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


# Does not use character classes for letters. In some locales of Postgres, they match only ASCII.
_BETWEEN_WORDS = r"'[\s[:punct:]]+'"
_MONTHS = ",".join(
    (
        "january,february,march,april,may,june,july,august,september,october,november,december",
        "jan,feb,mar,apr,jun,jul,aug,sep,oct,nov,dec",
        "januar,februar,märz,maerz,mai,juni,juli,oktober,dezember",
    )
)

_COMMON = ",".join(
    """and for from the with your per via und von für fuer der die das den dem des mit aus les des
    pour avec payment payments pay paid transfer transfers invoice invoices bill order deposit
    deposits withdrawal withdrawals credit debit card direct standing reference ref number bank
    account cash zahlung überweisung ueberweisung rechnung auftrag dauerauftrag lastschrift
    gutschrift einzahlung auszahlung konto karte bar sepa iban bic swift gmbh mbh ltd limited inc
    corp llc plc company group""".split()
)


def _words_of(text: str) -> str:
    """Returns a SQL expression for an array of the words that count in a text: see Note [Words in
    common]. The value is NULL if the text has no such words.
    """
    return f"""(
        SELECT array_agg(word) FROM regexp_split_to_table({text}, {_BETWEEN_WORDS}) AS word
        WHERE length(word) > 2 AND word !~ '^[0-9]+$'
          AND word <> ALL ('{{{_MONTHS},{_COMMON}}}'::text[])
    )"""  # noqa: S608 - put together from constants


# A subquery, because a join would read all people of the bank.
_OTHER_SIDE = """(
    SELECT lower(name) FROM users
    WHERE users.id = (SELECT user_id FROM accounts WHERE accounts.id = paid.other_id)
)"""
_WORD_IN_COMMON = f"{_words_of('line.words')} && {_words_of('paid.words')}"
_TEXTS_AGREE = f"(btrim(line.words) = '' OR btrim(paid.words) = '' OR {_WORD_IN_COMMON})"
_DESCRIPTIONS_AGREE = f"""(
    {_words_of("line.description")} IS NULL OR {_words_of("paid.description")} IS NULL
    OR {_WORD_IN_COMMON} OR {_words_of("line.words")} && {_words_of(_OTHER_SIDE)}
)"""
_REFERENCES_AGREE = f"""(
    line.reference = '' OR paid.reference = '' OR line.reference = paid.reference
    OR length(line.reference) >= {CUT_AT} AND starts_with(paid.reference, line.reference)
    OR length(paid.reference) >= {CUT_AT} AND starts_with(line.reference, paid.reference)
)"""
# Two equal rows show that neither row is the only one. More rows are not needed: 1,000 lines and
# 1,000 payments with the same amount would be a million pairs.
_TWO_OF_A_KIND = """(
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY amount, into_it, {kind}) AS place FROM {table}
    ) AS numbered WHERE place <= 2
)"""


def _only_pairs(kind: str, condition: str, agree: str = "true") -> str:
    """Returns a SQL query for pairs of a line and a payment. In each pair, the line is the only
    line that meets `condition` with the payment, and the payment is the only payment that meets
    `condition` with the line. The pair also meets `agree`.

    `kind` is the name of a column. If two lines are equal in amount, direction and this column,
    `condition` must have the same result for both. The same must be true for two payments.
    """
    lines, payments = (_TWO_OF_A_KIND.format(kind=kind, table=table) for table in ("line", "paid"))
    return f"""
        SELECT line_id, paid_id FROM (
            SELECT line.id AS line_id, paid.id AS paid_id,
                   count(*) OVER (PARTITION BY line.id) AS payments,
                   count(*) OVER (PARTITION BY paid.id) AS lines
            FROM {lines} AS line JOIN {payments} AS paid USING (amount, into_it)
            WHERE {condition}
        ) AS pair
        JOIN line ON line.id = line_id JOIN paid ON paid.id = paid_id
        WHERE payments = 1 AND lines = 1 AND {agree}
    """  # noqa: S608 - put together from constants


RULES = (
    _only_pairs("reference", "line.reference <> '' AND line.reference = paid.reference"),
    f"""
    SELECT line.id AS line_id, paid.id AS paid_id
    FROM (
        SELECT *, row_number() OVER (PARTITION BY day, amount, into_it
                                     ORDER BY description, number) AS place,
               count(*) OVER (PARTITION BY day, amount, into_it) AS many
        FROM line
    ) AS line JOIN (
        SELECT *, row_number() OVER (PARTITION BY day, amount, into_it
                                     ORDER BY description, created_at, id) AS place,
               count(*) OVER (PARTITION BY day, amount, into_it) AS many
        FROM paid
    ) AS paid USING (day, amount, into_it, place, many)
    WHERE {_REFERENCES_AGREE} AND {_DESCRIPTIONS_AGREE}
    """,  # noqa: S608 - put together from constants
    _only_pairs(
        "day", f"abs(line.day - paid.day) <= {DAYS}", f"{_TEXTS_AGREE} AND {_REFERENCES_AGREE}"
    ),
)


def is_any_sure(reconciliation: Reconciliation) -> bool:
    """Returns whether the rules of this module find a certain match for at least one line of the
    reconciliation. Makes one query.
    """
    rules = " OR ".join(f"EXISTS ({rule})" for rule in RULES)
    with locally(enable_nestloop="off", enable_mergejoin="off"), connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH line AS MATERIALIZED ({_LINES}),
            paid AS MATERIALIZED ({_payments(reconciliation.account_id)})
            SELECT {rules}
            """,
            _values(reconciliation),
        )
        return bool(cursor.fetchone()[0])


def _values(reconciliation: Reconciliation) -> dict[str, Any]:
    return {
        "id": reconciliation.pk,
        "account": reconciliation.account_id,
        "currency": reconciliation.currency,
        "first": reconciliation.first_on,
        "last": reconciliation.last_on,
        "zone": settings.TIME_ZONE,
    }


def match_all(reconciliation: Reconciliation, by: UUID) -> int:
    """Matches every line for which the rules of this module find a certain match. Returns the
    number of matched lines. Must be called in a database transaction.
    """
    values = _values(reconciliation) | {"by": by}
    count = 0
    # Postgres has no statistics for rows that were just written. It would use nested loops, or
    # merge joins on only day and amount. Both plans take minutes if many lines have the same
    # amount.
    with locally(enable_nestloop="off", enable_mergejoin="off"), connection.cursor() as cursor:
        for rule in RULES:
            cursor.execute(
                f"""
                WITH line AS MATERIALIZED ({_LINES}),
                paid AS MATERIALIZED ({_payments(reconciliation.account_id)}),
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
