"""The signature of the facts of a write, and its key in the database.

Note [Signed facts]: a setting alone could be forged by injected SQL, so the setting of the facts is
"end signature facts": until when it counts (seconds since 1970), an HMAC-SHA256 over end and facts,
and the facts as JSON. Its key is derived from SECRET_KEY; the owner of the tables stores it in
`fact_keys`, where the web role cannot read it. The function `told_facts`, which triggers ask,
returns the facts and whether they are `proved`: signed by one of the keys, and not too old.

The setting is sent as a bound value, so that `pg_stat_activity` shows it to nobody. Injected SQL
could send again what its own request sent: that names the same person and page. Beside the key
stands a fingerprint of it, by which a web process finds out that the database has another.
"""

import hashlib
import hmac
import time

import psycopg
from django.db import connection
from django.db import transaction as db_transaction

from ledger.db.secret_key.signing_keys import derived_keys, store_pads

LIFETIME = 300  # seconds: longer than a write waits, with room for clocks that differ
PREPARE = "run manage.py prepare with the same settings."


def keys() -> list[bytes]:
    """The keys of facts, the one that signs first."""
    return derived_keys(b"ledger facts of a write")


def signed(facts: str, *, key: bytes | None = None, expires: int | None = None) -> str:
    """The text of the setting for these facts, which are a JSON object."""
    ends = int(time.time()) + LIFETIME if expires is None else expires
    signature = hmac.digest(key or keys()[0], f"{ends} {facts}".encode(), "sha256").hex()
    return f"{ends} {signature} {facts}"


def store_keys() -> None:
    """Stores the keys of this SECRET_KEY, as the owner of the tables."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        if store_pads(cursor, "fact_keys", keys()):
            marks = " ".join(_fingerprint(key) for key in keys())
            cursor.execute(f"COMMENT ON TABLE fact_keys IS 'Keys of signed facts: {marks}'")


def problem_with(found: psycopg.Connection) -> str | None:
    """Why the history would not believe this process; None if it does."""
    row = found.execute("SELECT obj_description(to_regclass('fact_keys'), 'pg_class')").fetchone()
    marks = (row[0] or "").split() if row else []
    if _fingerprint(keys()[0]) in marks:
        return None
    return f"The database does not know the key by which the history proves who writes: {PREPARE}"


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]
