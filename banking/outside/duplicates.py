"""Finds the lines of an import that seem to be duplicates of the account's entries, before the
person confirms the import.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.expressions import RawSQL

from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport
from ledger.db.local_settings import locally

SHOWN_LIKE = 3  # maximum number of entries that are shown for a line
MAX_SEARCHED = 1000  # maximum number of entries that are read
NEAR = 6  # maximum difference in days between the same payment in two downloads; less than a week
# A number below 10,000 is not used as an id: the bank probably numbers the lines of a file or a
# day.
_BANK_ID = """
    CASE WHEN outside_id ~ '^[0-9]{1,4}$' THEN '' ELSE lower(replace(outside_id, '-', '')) END
"""
_TEXTS = "left(lower(concat_ws(' ', other, description, reference)), 300)"
# Note [Linear duplicates]: an owner may have any number of lines and entries with the same id,
# amount and day. Therefore the query does not join lines with entries on these columns. Window
# functions find the neighbouring entries of each line instead.
# `test_doubles_are_found_in_linear_time` counts the rows.


def mark_duplicates(source: OutsideImport) -> int:
    """Marks the lines that seem to be duplicates. Returns the number of duplicates. A line is a
    duplicate in four cases:

    - The line has the id, the amount and the day of an entry. The id comes from the other bank.
    - The line has the id and the amount of an entry, and the two days differ by at most NEAR days.
      In this case, the two texts must also be alike: they share at least half of the words of the
      shorter text. Only the nearest such entries are compared.
    - The line has the id, the amount and the day of an earlier line in the file, and the two texts
      are alike.
    - The line or the entry has no id, and the day, the amount and the texts are equal. If there are
      n such entries, the first n such lines are duplicates. So two coffees on one day remain two
      entries, even if the file is imported several times.

    In all other cases an equal id is ignored, because some ids identify a payee, and some banks
    reuse ids. An id that several lines of a camt.053 file share is also ignored: some banks use one
    id for a batch. Such a file cannot contain a payment twice, because its lines must add up to its
    closing balance. Comparisons of ids ignore dashes and case.
    """
    is_camt = source.format == OutsideImport.Format.CAMT
    # Postgres has no statistics for rows that were just copied, and would choose slow nested loops.
    with locally(enable_nestloop="off"), connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH entered AS (
                SELECT CASE count(*) OVER (PARTITION BY source_id, bank_id) WHEN 1 THEN bank_id
                    ELSE '' END AS bank_id, amount, booked_on, fingerprint, texts
                FROM (
                    SELECT source_id, {_BANK_ID} AS bank_id, amount, booked_on, fingerprint,
                        {_TEXTS} AS texts
                    FROM outside_entries WHERE account_id = %(account)s AND is_entered
                ) AS of_account
            ), alike AS (
                SELECT fingerprint, count(*) AS count,
                    count(*) FILTER (WHERE bank_id = '') AS without_id
                FROM entered GROUP BY fingerprint
            ), line AS (
                SELECT *,
                    row_number() OVER (PARTITION BY fingerprint ORDER BY number) AS place,
                    lag(texts) OVER (PARTITION BY bank_id, amount, booked_on ORDER BY number)
                        AS texts_above
                FROM (
                    SELECT id, CASE WHEN %(is_camt)s
                        AND count(*) OVER (PARTITION BY {_BANK_ID}) > 1
                        THEN '' ELSE {_BANK_ID} END AS bank_id,
                        amount, booked_on, fingerprint, number, {_TEXTS} AS texts
                    FROM outside_entries WHERE source_id = %(source)s
                ) AS of_file
            ), of_both AS (
                SELECT id, bank_id, amount, booked_on, texts FROM line WHERE bank_id <> ''
                UNION ALL
                SELECT NULL, bank_id, amount, booked_on, texts FROM entered WHERE bank_id <> ''
            ), known AS (
                SELECT id, booked_on, texts,
                    {_nearest("max", "booked_on")} AS before,
                    {_nearest("min", "booked_on DESC")} AS after
                FROM of_both
            ), found AS (
                SELECT line.id,
                    line.id IN (
                        SELECT id FROM known WHERE id IS NOT NULL AND (
                            {_is_same("before")} OR {_is_same("after")}
                        )
                    )
                    OR line.bank_id <> '' AND line.texts_above IS NOT NULL
                        AND {_are_alike("line.texts", "line.texts_above")}
                    OR line.place <= COALESCE(
                        CASE line.bank_id WHEN '' THEN alike.count ELSE alike.without_id END, 0
                    ) AS is_double
                FROM line
                LEFT JOIN alike USING (fingerprint)
            )
            UPDATE outside_entries SET is_double = found.is_double
            FROM found
            WHERE outside_entries.id = found.id AND outside_entries.source_id = %(source)s
                AND outside_entries.is_double IS DISTINCT FROM found.is_double
            """,  # noqa: S608 - made of a constant
            {"account": source.account_id, "source": source.pk, "is_camt": is_camt},
        )
    return OutsideEntry.objects.of(source).filter(is_double=True).count()


def _nearest(aggregate: str, order: str) -> str:
    """Returns a SQL expression for the day and the texts of an entry with the id and the amount of
    a line: the last such entry before the line, or the first such entry after the line. `aggregate`
    and `order` choose between the two. An entry on the day of the line counts as before and as
    after the line.
    """
    return f"""
        {aggregate}(ARRAY[booked_on::text, texts]) FILTER (WHERE id IS NULL)
            OVER (PARTITION BY bank_id, amount ORDER BY {order})
    """


def _is_same(entry: str) -> str:
    """Returns a SQL condition: whether a line duplicates this entry. The condition is true in two
    cases: both have the same day, or the days differ by at most NEAR days and the texts are alike.
    """
    return f"""(
        {entry}[1]::date = booked_on
        OR abs({entry}[1]::date - booked_on) <= {NEAR} AND {_are_alike("texts", f"{entry}[2]")}
    )"""


def _are_alike(one: str, other: str) -> str:
    """Returns a SQL condition: whether two texts share at least half of the words of the shorter
    text. The condition is also true if one text has no words.
    """
    words = r"array_remove(regexp_split_to_array({}, '\W+'), '')"
    return f"""(
        SELECT 2 * (SELECT count(*) FROM (
            SELECT unnest(pair.one) INTERSECT SELECT unnest(pair.other)
        ) AS shared) >= least(cardinality(pair.one), cardinality(pair.other))
        FROM (SELECT {words.format(one)} AS one, {words.format(other)} AS other) AS pair
    )"""  # noqa: S608 - made of a constant


# Lookalikes are new lines of a preview that may be duplicates of entries. A line is a lookalike if
# it has the day and the amount of an entry. If two entries have the same day and amount, two lines
# with this day and amount are lookalikes. A line is also a lookalike if it has the id and the
# amount of an entry at most NEAR days away, but other words.
_ALIKE = f"""
    WITH entered AS (
        SELECT booked_on, amount, count(*) AS count FROM outside_entries
        WHERE account_id = %(account)s AND is_entered
            AND booked_on BETWEEN %(first)s AND %(last)s
        GROUP BY booked_on, amount
    ), of_id AS (
        SELECT id, is_double, is_entered, bank_id, count(*) FILTER (WHERE is_entered) OVER (
            PARTITION BY bank_id, amount ORDER BY booked_on
            RANGE BETWEEN '{NEAR} days' PRECEDING AND '{NEAR} days' FOLLOWING
        ) AS count
        FROM (
            SELECT *, {_BANK_ID} AS bank_id FROM outside_entries
            WHERE source_id = %(source)s OR account_id = %(account)s AND is_entered
                AND booked_on BETWEEN %(first)s - {NEAR} AND %(last)s + {NEAR}
        ) AS of_both
        WHERE bank_id <> ''
    ), line AS (
        SELECT id, booked_on, amount, is_double,
            row_number() OVER (PARTITION BY booked_on, amount, is_double ORDER BY number) AS place,
            count(*) FILTER (WHERE is_double) OVER (PARTITION BY booked_on, amount) AS double_count
        FROM outside_entries WHERE source_id = %(source)s
    ), alike AS (
        SELECT line.id FROM line JOIN entered USING (booked_on, amount)
        WHERE NOT line.is_double AND line.place <= entered.count - line.double_count
        UNION
        SELECT id FROM of_id WHERE NOT is_entered AND NOT is_double AND count > 0
    )
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Lookalikes:
    """The lookalikes of a preview: new lines that may be duplicates of entries, according to
    `_ALIKE`.
    """

    count: int
    ids: set[UUID]  # only those on the current page


def lookalikes_of(source: OutsideImport, lines: Iterable[OutsideEntry]) -> Lookalikes:
    """Returns the number of lookalikes in the preview, and the ids of the lookalikes on the current
    page. `lines` contains the lines of this page. A lookalike is a new line that may be a duplicate
    of an entry. Makes one query.
    """
    sql = f"{_ALIKE} SELECT count(*), array_agg(id) FILTER (WHERE id = ANY(%(lines)s)) FROM alike"  # noqa: S608
    # See `mark_duplicates`: Postgres has no statistics for rows that were just copied.
    with locally(enable_nestloop="off"), connection.cursor() as cursor:
        cursor.execute(sql, {**_facts_of(source), "lines": [line.pk for line in lines]})
        count, ids = cursor.fetchone()
    return Lookalikes(count, set(ids or ()))


def entries_like(account: OutsideAccount, lines: Iterable[OutsideEntry]) -> list[str]:
    """Returns a text for each line: a quoted list of up to SHOWN_LIKE entries that the line may
    duplicate. Each of these entries has the amount of the line. In addition, it has the day of the
    line, or it has the id of the line and a day at most NEAR days away.

    Makes two queries, or none if `lines` is empty.
    """
    lines = list(lines)
    if not lines:
        return []
    days, near = [line.booked_on for line in lines], timedelta(days=NEAR)
    entries = OutsideEntry.objects.entered(account).filter(
        amount__in={line.amount for line in lines},
        booked_on__range=(min(days) - near, max(days) + near),
    )
    found = list(entries[:MAX_SEARCHED])
    rows = OutsideEntry.objects.filter(pk__in=[each.pk for each in (*lines, *found)])
    bank_id = RawSQL(_BANK_ID, ())  # noqa: S611 - a constant
    ids = dict(rows.annotate(bank_id=bank_id).values_list("pk", "bank_id"))

    def may_be(line: OutsideEntry, entry: OutsideEntry) -> bool:
        apart = abs(line.booked_on - entry.booked_on)
        is_of_id = ids[line.pk] != "" and ids[line.pk] == ids[entry.pk] and apart <= near
        return line.amount == entry.amount and (not apart or is_of_id)

    def texts_of(line: OutsideEntry) -> Iterable[str]:
        return dict.fromkeys(f"\u201c{it.words}\u201d" for it in found if may_be(line, it))

    return [" and ".join(islice(texts_of(line), SHOWN_LIKE)) for line in lines]


def delete_lookalikes(source: OutsideImport) -> None:
    """Deletes the lookalikes of an import's preview. A lookalike is a new line that may be a
    duplicate of an entry. The caller must open a database transaction.
    """
    sql = f"{_ALIKE} DELETE FROM outside_entries AS entry USING alike WHERE entry.id = alike.id"  # noqa: S608
    with locally(enable_nestloop="off"), connection.cursor() as cursor:
        cursor.execute(sql, _facts_of(source))


def _facts_of(source: OutsideImport) -> dict[str, Any]:
    return {
        "account": source.account_id, "source": source.pk, "first": source.first_on,
        "last": source.last_on,
    }  # fmt: skip
