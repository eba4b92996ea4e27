"""Which state of a reconciliation somebody has looked at, so that they sign no other one."""

from django.db import connection

from banking.reconciliation.models import Reconciliation

_MATCHED_AND_LEFT = """
    SELECT encode(sha256(convert_to(concat(
        (SELECT string_agg(match.id::text, ' ' ORDER BY match.id)
         FROM reconciliation_matches AS match
         JOIN reconciliation_lines AS line ON line.id = match.line_id
         WHERE line.reconciliation_id = %(id)s),
        '|',
        (SELECT concat(count(*), ' ', sum(amount), json_agg(
             json_build_array(number, leftover) ORDER BY number) FILTER (WHERE leftover <> ''))
         FROM reconciliation_lines WHERE reconciliation_id = %(id)s)
    ), 'UTF8')), 'hex')
"""


def version_of(whose: Reconciliation) -> str:
    """The state that a page shows: the first signature and its moment, after which nothing
    changes; before it a digest of all matches and leftovers. Another one means another state. What
    the file says of itself, such as its number of unbooked lines, is not part of it: a trigger
    refuses any change of that.
    """
    if whose.signed_at is not None:
        return f"{whose.signed_by_id} {whose.signed_at.isoformat()}"
    with connection.cursor() as cursor:
        cursor.execute(_MATCHED_AND_LEFT, {"id": whose.pk})
        digest: str = cursor.fetchone()[0]
    return digest
