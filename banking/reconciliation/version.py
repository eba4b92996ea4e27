"""Identifies the version of a reconciliation that a page showed, so that nobody signs a different
version.
"""

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


def version_of(reconciliation: Reconciliation) -> str:
    """Returns a text that identifies the current state of the reconciliation: a digest of all
    matches, and of the reasons of left-over lines.

    For a signed reconciliation, the text consists of the id of the first signer and the time of the
    signature, because nothing changes after the signature. Other data of the file cannot change, so
    the text does not contain it.
    """
    if reconciliation.signed_at is not None:
        return f"{reconciliation.signed_by_id} {reconciliation.signed_at.isoformat()}"
    with connection.cursor() as cursor:
        cursor.execute(_MATCHED_AND_LEFT, {"id": reconciliation.pk})
        digest: str = cursor.fetchone()[0]
    return digest
