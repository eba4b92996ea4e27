"""Recovery codes. Each code can be used once. The codes are shown once, when they are created, and
stored as digests.

# Note [Digests of recovery codes]

A code has 25 random letters from an alphabet of 23 letters, which is equal to 113 bits. A code
cannot be found by hashing guesses, even with the database and SECRET_KEY, so one fast SHA-256 is
enough. OWASP ASVS 5.0, 6.5.2, requires a slow password hash only below 112 bits.

Earlier codes had eight digits and were derived from a stored seed. Eight digits are easy to guess,
so a migration hashed these codes with PBKDF2 and a salt, as the standard requires, and encrypted
the result.
"""

import hashlib

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.db import transaction as db_transaction
from django.utils.crypto import get_random_string

from accounts.exceptions import NoSecondFactor
from accounts.models import User
from accounts.refusal_counts import counts_refusals
from accounts.sign_in.factors import Kind, has_second_factor
from ledger.db.retry import with_retry

LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ"  # without I, O and U, because they look like other characters
LENGTH, GROUP, COUNT = 25, 5, 10
OLD_LENGTH, OLD_ITERATIONS = 8, 600_000
FACTOR_FIRST = "Recovery codes replace a lost passkey or app. Add one of them first."


@counts_refusals
@with_retry
def make_recovery_codes(*, user: User) -> list[str]:
    """Creates new recovery codes, which replace all earlier codes, and returns their texts. The
    texts cannot be read again later. The caller must hold the lock that Note [Lock of a session]
    describes.

    Raises: NoSecondFactor if the user has neither a passkey nor an app.
    """
    codes = [_random_code() for _ in range(COUNT)]
    with db_transaction.atomic():
        person: User = User.objects.locked([user.pk]).get()
        if not has_second_factor(person):
            raise NoSecondFactor(FACTOR_FIRST)
        Authenticator.objects.filter(user=person, type=Kind.RECOVERY_CODES).delete()
        data = {"codes": [digest_of(code) for code in codes]}
        Authenticator.objects.create(user=person, type=Kind.RECOVERY_CODES, data=data)
    return codes


@with_retry
def use_recovery_code(*, user: User, code: str) -> Authenticator | None:
    """Marks a recovery code as used and returns its factor. Returns None for a wrong or used code.
    Ignores upper and lower case, spaces and dashes.

    The row is locked, so only one of two parallel requests can use a code.

    Raises: ValidationError if an eight-digit code is encrypted with an unknown key.
    """
    typed = normalize_user_code(code)
    if len(typed) not in (LENGTH, OLD_LENGTH):
        return None
    with db_transaction.atomic(durable=True):
        mine = Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES)
        row: Authenticator | None = mine.select_for_update().first()
        if row is None or not (_take(row, typed) or _take_old(row, typed)):
            return None
        row.save(update_fields=["data"])
    return row


def digest_of(code: str) -> str:
    """Returns the stored digest of a code. See Note [Digests of recovery codes]."""
    return hashlib.sha256(normalize_user_code(code).encode()).hexdigest()


def old_digest_of(code: str, salt: str) -> str:
    """Returns the digest of an eight-digit code. Takes 0.1 seconds. The digest is encrypted before
    it is stored.
    """
    found = hashlib.pbkdf2_hmac("sha256", code.encode(), bytes.fromhex(salt), OLD_ITERATIONS)
    return found.hex()


def _take(row: Authenticator, typed: str) -> bool:
    """Removes the code from `row`. Returns whether the row contained the code."""
    codes, digest = row.data["codes"], digest_of(typed)
    if digest not in codes:
        return False
    codes.remove(digest)
    return True


def _take_old(row: Authenticator, typed: str) -> bool:
    """Removes an eight-digit code from `row`. Returns whether the row contained the code."""
    codes = row.data.get("old_codes", [])
    if not codes or len(typed) != OLD_LENGTH:
        return False
    digest = old_digest_of(typed, row.data["old_salt"])
    right = [encrypted for encrypted in codes if decrypt(encrypted) == digest]
    for encrypted in right:
        codes.remove(encrypted)
    return bool(right)


def _random_code() -> str:
    """Returns a random code in groups, such as ABCDE-FGHJK-LMNPQ-RSTVW-XYZAB."""
    letters = get_random_string(LENGTH, LETTERS)
    return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))
