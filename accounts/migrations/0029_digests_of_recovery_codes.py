"""Replaces the seeds of recovery codes, from which all codes followed, with what is stored of each.

Eight digits have 26 bits, so each unused code is hashed with PBKDF2 and a salt: about a tenth of a
second each, a second for a person with ten. The hashes are encrypted, because whoever has the
database alone could try all digits. Codes keep working; new ones are longer.
"""

import hashlib
import hmac
import secrets
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import migrations

from accounts.sign_in.encryption import decrypt, encrypt

COUNT, DIGITS, ITERATIONS = 10, 8, 600_000
UNKNOWN_KEY = (
    "The recovery codes of {0} people were encrypted with a SECRET_KEY that is not known here. Put it"
    " into SECRET_KEY_FALLBACKS and migrate again. If it is lost, nobody can use these codes: delete"
    " the rows with type 'recovery_codes' and a seed from mfa_authenticator."
)


def hash_codes(apps: Any, _editor: Any) -> None:
    """Raises ValueError before the first change if a seed cannot be decrypted."""
    rows = [
        row
        for row in apps.get_model("mfa", "Authenticator").objects.filter(type="recovery_codes")
        if "seed" in row.data or "migrated_codes" in row.data
    ]
    codes, unreadable = {}, 0
    for row in rows:
        try:
            codes[row.pk] = unused_codes(row.data)
        except InvalidToken:
            unreadable += 1
    if unreadable:
        raise ValueError(UNKNOWN_KEY.format(unreadable))
    for row in rows:
        salt = secrets.token_bytes(16)
        row.data = {
            "codes": [],
            "old_salt": salt.hex(),
            "old_codes": [encrypt(hashed(code, salt)) for code in codes[row.pk]],
        }
        row.save(update_fields=["data"])


def forget_codes(apps: Any, _editor: Any) -> None:
    """Back to seeds: nothing leads from hashes to one, so people make new codes."""
    for row in apps.get_model("mfa", "Authenticator").objects.filter(type="recovery_codes"):
        if "seed" not in row.data:
            row.delete()


def unused_codes(data: dict[str, Any]) -> list[str]:
    """The codes that django-allauth 65 derives from the seed, without the used ones."""
    if "seed" not in data:
        return [decrypt(code) for code in data["migrated_codes"]]
    running = hmac.new(decrypt(data["seed"]).encode(), digestmod=hashlib.sha1)
    found = []
    for place in range(COUNT):
        running.update(b"%3d," % place)
        number = int.from_bytes(running.digest()[: DIGITS // 2], "big") % 10**DIGITS
        if not data["used_mask"] >> place & 1:
            found.append(f"{number:0{DIGITS}}")
    return found


def hashed(code: str, salt: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", code.encode(), salt, ITERATIONS).hex()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0028_authors_and_times_of_staff"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]
    operations = [migrations.RunPython(hash_codes, forget_codes)]
