"""Signs the facts about a write, and stores the keys for this in the database.

Note [Signed facts]: injected SQL could change a plain setting. Therefore the setting with the facts
has three parts, separated by spaces: the time when it expires (seconds since 1970), a signature,
and the facts as JSON. The signature is an HMAC-SHA256 of this time and the facts. The key is
derived from SECRET_KEY. The owner of the tables stores the key in `fact_keys`, where the web role
cannot read it. Triggers call the function `told_facts`. This function returns the facts and whether
they are `proved`, which means that they are signed with one of the keys and have not expired.

The setting is sent as a bound value, so `pg_stat_activity` does not show it. Injected SQL could
send the setting of the current request again, but that setting contains the same person and page.
The comment on `fact_keys` contains a fingerprint of each key. With this fingerprint, a web process
can detect that the database has a different key.
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
    """Returns the keys for signing facts. The first key signs new facts; all keys are accepted."""
    return derived_keys(b"ledger facts of a write")


def signed(facts: str, *, key: bytes | None = None, expires: int | None = None) -> str:
    """Returns the value of the setting for these facts. `facts` is a JSON object as text. `expires`
    is in seconds since 1970; by default the setting is valid for LIFETIME.
    """
    ends = int(time.time()) + LIFETIME if expires is None else expires
    signature = hmac.digest(key or keys()[0], f"{ends} {facts}".encode(), "sha256").hex()
    return f"{ends} {signature} {facts}"


def store_keys() -> None:
    """Stores the keys of this SECRET_KEY in the database. The owner of the tables must run this."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        if store_pads(cursor, "fact_keys", keys()):
            marks = " ".join(_fingerprint(key) for key in keys())
            cursor.execute(f"COMMENT ON TABLE fact_keys IS 'Keys of signed facts: {marks}'")


def problem_with(found: psycopg.Connection) -> str | None:
    """Returns a message if the database would not accept the facts that this process signs. Returns
    None if the facts would be accepted.
    """
    row = found.execute("SELECT obj_description(to_regclass('fact_keys'), 'pg_class')").fetchone()
    marks = (row[0] or "").split() if row else []
    if _fingerprint(keys()[0]) in marks:
        return None
    return f"The database lacks the key with which the history checks who wrote a row: {PREPARE}"


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]
