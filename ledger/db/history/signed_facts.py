"""Signs the facts that the history records about a write, such as the user and the page. Stores the
signing keys in the database.

Note [Signed facts]: injected SQL could change a plain setting, so the setting with the facts is
signed. The setting has three parts, separated by spaces: its expiry time (seconds since 1970), an
HMAC-SHA256 signature, and the facts as JSON. The key is derived from SECRET_KEY. The owner of the
tables stores the key in `fact_keys`, which the web role cannot read. Triggers call the SQL function
`told_facts`, which returns the facts and whether they are `proved`: the signature is valid and has
not expired.

The setting is sent as a bound value, so `pg_stat_activity` does not show it. Injected SQL could
reuse the setting of the current request, but this setting contains the correct person and page. The
comment on `fact_keys` contains a fingerprint of each key. By this fingerprint, a web process
detects that the database has a different key.
"""

import hashlib
import hmac
import time

import psycopg
from django.db import connection
from django.db import transaction as db_transaction

from ledger.db.secret_key.signing_keys import derived_keys, store_pads

LIFETIME = 300  # seconds: longer than a write waits, plus a margin because clocks may differ
PREPARE = "run manage.py prepare with the same settings."


def keys() -> list[bytes]:
    """Returns the keys for signed facts. The first key signs new facts. Signatures with any of the
    keys are valid.
    """
    return derived_keys(b"ledger facts of a write")


def signed(facts: str, *, key: bytes | None = None, expires: int | None = None) -> str:
    """Returns the signed value of the setting `ledger.facts`. `facts` is a JSON object as text.
    `expires` is the expiry time in seconds since 1970 (default: LIFETIME from now).
    """
    ends = int(time.time()) + LIFETIME if expires is None else expires
    signature = hmac.digest(key or keys()[0], f"{ends} {facts}".encode(), "sha256").hex()
    return f"{ends} {signature} {facts}"


def store_keys() -> None:
    """Stores the signing keys in the database. Only the owner of the tables can do this."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        if store_pads(cursor, "fact_keys", keys()):
            marks = " ".join(_fingerprint(key) for key in keys())
            cursor.execute(f"COMMENT ON TABLE fact_keys IS 'Keys of signed facts: {marks}'")


def problem_with(found: psycopg.Connection) -> str | None:
    """Returns a message if the database does not have this process's key for signing facts.
    Otherwise returns None.
    """
    row = found.execute("SELECT obj_description(to_regclass('fact_keys'), 'pg_class')").fetchone()
    marks = (row[0] or "").split() if row else []
    if _fingerprint(keys()[0]) in marks:
        return None
    return f"The database lacks the key with which the history checks who wrote a row: {PREPARE}"


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]
