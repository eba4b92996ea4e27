"""The audit check of payment files: each line matches its transaction and its file."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from transactions.audit.audit import register_check
from transactions.audit.checks.approvals import WAS_STAFF
from transactions.audit.findings import Finding, named

# The first wrong line. Account numbers and amounts in a file may contain separators. Most numbers
# contain at most spaces, so the cheap comparison comes first. An erasure empties texts.
LINES = """
SELECT account, id, number, file_id, wrong, has_transaction, count(*) OVER () FROM (
    SELECT coalesce(payment.from_account_id, file.from_account_id) AS account,
           line.id, line.number, line.file_id,
           line.booked OR payment.id IS NOT NULL AS has_transaction,
           CASE WHEN line.booked AND payment.id IS NULL THEN 'no transaction'
                WHEN payment.id IS NOT NULL AND NOT line.booked THEN 'not booked'
                WHEN line.booked
                     AND (payment.status, payment.from_account_id, payment.to_account_id,
                          payment.amount, payment.currency)
                     IS DISTINCT FROM ('completed', file.from_account_id, line.to_account_id,
                                       line.amount, payer.currency) THEN 'other transaction'
                WHEN line.to_account_id IS NOT NULL AND line.typed_to <> ''
                     AND replace(line.typed_to, ' ', '') IS DISTINCT FROM recipient.number
                     AND regexp_replace(line.typed_to, '[^0-9]', '', 'g')
                         IS DISTINCT FROM recipient.number THEN 'other recipient'
                WHEN line.amount IS NOT NULL AND line.typed_amount <> ''
                     AND line.amount IS DISTINCT FROM
                         CASE WHEN line.typed_amount ~ '^[0-9][0-9, ]*([.][0-9]+)?$'
                              THEN translate(line.typed_amount, ', ', '')::numeric
                         END THEN 'other amount'
                WHEN file.created_by_id <> payer.user_id AND NOT {was_staff} AND NOT EXISTS (
                         SELECT FROM changes WHERE table_name = 'accounts'
                         AND about = payer.id::text
                         AND before->>'owner' = file.created_by_id::text) THEN 'other payer'
                WHEN file.line_count <> held.lines THEN 'other file'
           END AS wrong
    FROM payment_lines AS line
    LEFT JOIN payment_files AS file ON file.id = line.file_id
    LEFT JOIN (SELECT file_id, count(*) AS lines FROM payment_lines AS line {since}
               GROUP BY file_id) AS held ON held.file_id = line.file_id
    LEFT JOIN accounts AS payer ON payer.id = file.from_account_id
    LEFT JOIN users ON users.id = file.created_by_id
    LEFT JOIN accounts AS recipient ON recipient.id = line.to_account_id
    LEFT JOIN transactions AS payment ON payment.id = line.id
    {since}
) AS judged WHERE wrong IS NOT NULL ORDER BY file_id, number LIMIT 1"""
SINCE = """
    WHERE line.file_id IN (
        SELECT id FROM payment_files WHERE finished_at IS NULL OR finished_at >= %(since)s)"""


class LineWording(NamedTuple):
    """The texts of a finding about a line: the expected value, and the end of the sentence that
    describes the finding.
    """

    expected: str
    words: str


WORDS = {
    "no transaction": LineWording(
        "the transaction of a booked line", "is booked, but its transaction is not in the books"
    ),
    "not booked": LineWording(
        "a booked line", "is not booked, but its transaction is in the books"
    ),
    "other transaction": LineWording(
        "the status, accounts, amount and currency of the line",
        "and its transaction differ in the status, the accounts, the amount or the currency",
    ),
    "other recipient": LineWording(
        "the account whose number the file contains", "pays another account than its file contains"
    ),
    "other amount": LineWording(
        "the amount that the file contains", "has another amount than its file contains"
    ),
    "other payer": LineWording(
        "an account of the customer who uploaded the file",
        "pays from an account that does not belong to the customer who uploaded the file",
    ),
    "other file": LineWording(
        "a file with all of its lines, and no others",
        "is in a file that does not have the number of lines of the uploaded file",
    ),
}  # fmt: skip


@register_check
def payment_lines(since: datetime | None = None) -> Iterator[Finding]:
    """Yields at most one finding, about the first wrong line. A line is correct if these conditions
    are true:

    - If the line is booked, its transaction exists and agrees with the line. If the line is not
      booked, it has no transaction.
    - The recipient and the amount agree with the texts of the uploaded file.
    - If a customer uploaded the file, it pays from an account of this customer.
    - The file has as many lines as at the upload.

    With `since`, skips files that were done before this time.
    """
    with connection.cursor() as cursor:
        query = LINES.format(since=SINCE if since else "", was_staff=WAS_STAFF)
        cursor.execute(query, {"since": since})
        for account, id, number, file, wrong, has_transaction, broken in cursor.fetchall():
            expected, words = WORDS[wrong]
            yield Finding(
                "payment line",
                str(account) if account else None,
                str(id) if has_transaction else None,
                expected,
                f"{wrong}: line {number} ({id}) of file {file}",
                broken,
                sentence=f"Line {number} ({id}) of payment file {file} of {named(account)} {words}."
                " Somebody edited the rows in the database. Find out who did it, and restore the"
                " rows from a backup, with the triggers of payment_lines disabled.",
            )
