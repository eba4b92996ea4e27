"""Limits how many mails with codes and links are sent to an address, and records the codes that
were mailed.

Before a code is entered, the site cannot distinguish the owner of an address from a stranger, so a
stranger's requests must not lock out the owner. Above the limit, the page looks the same and no
mail is sent. The browser then accepts an earlier code that was mailed to the address. Links in
mails need no such rule, because they stay valid.
"""

import secrets

from allauth.core.internal.cryptokit import normalize_user_code
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import AttemptCount
from accounts.sign_in.limits import MINUTE, Limit, key_of, passes, take_back

# A code is valid for this time window, so the mailbox contains a valid code while the limit
# applies.
MAILS = Limit("mails_to_address", 5, 10 * MINUTE)
MAILED_CODE = Limit("mailed_code", 1, 10 * MINUTE)
FOLDER = "account/email/"
# Mails that a stranger can request for any address.
ASKED_BY_ANYBODY = {
    f"{FOLDER}{name}"
    for name in (
        "login_code",
        "password_reset_key",
        "unknown_account",
        "account_already_exists",
        "email_confirmation",
        "email_confirmation_signup",
    )
}
UNUSED, USED = 1, 2


def may_send(request: HttpRequest | None, template: str, email: str) -> bool:
    """Counts the mail and returns whether the mail may be sent. There is a separate counter for
    each kind of mail, and for the requests of each signed-in user.
    """
    if not _mailbox(email):
        return False
    if template not in ASKED_BY_ANYBODY:
        return True
    return passes(MAILS, _mail(request, template, email))


def not_sent(request: HttpRequest | None, template: str, email: str) -> None:
    """Subtracts a mail that `may_send` has counted, after the mail server has failed."""
    if template in ASKED_BY_ANYBODY:
        take_back(MAILS, _mail(request, template, email))


def remember(email: str, code: str | None) -> None:
    """Records that a mail with this code was sent. Also writes a row for a mail without a code.
    Otherwise the table would reveal which addresses get a code.
    """
    code = code or secrets.token_hex()
    AttemptCount.objects.filter(pk=_key(email, code)).delete()
    passes(MAILED_CODE, _of(email, code))


def has_left(email: str, code: str) -> bool:
    """Returns whether a mail with this code was sent to the address. It was not sent if the limit
    for mails was exceeded.
    """
    return AttemptCount.objects.filter(pk=_key(email, code)).exists()


def stands_in(email: str, expected: str, typed: str) -> bool:
    """Returns whether the entered code may be used instead of the expected code: the expected code
    was not mailed, and the entered code was mailed to the address earlier and is unused.
    """
    keys = {_key(email, expected), _key(email, typed)}
    living = AttemptCount.objects.filter(pk__in=keys, window_ends__gt=timezone.now())
    counts = dict(living.values_list("pk", "count"))
    return _key(email, expected) not in counts and counts.get(_key(email, typed)) == UNUSED


def use(email: str, code: str) -> bool:
    """Marks a valid code as used. Returns False if another browser has already used the code."""
    row = AttemptCount.objects.filter(pk=_key(email, code), window_ends__gt=timezone.now())
    return bool(row.filter(count=UNUSED).update(count=USED)) or not row.exists()


def _mail(request: HttpRequest | None, template: str, email: str) -> str:
    person = request.user.pk if request is not None and hasattr(request, "user") else None
    return f"{template} {_mailbox(email)} {person or ''}"


def _mailbox(email: str) -> str:
    """Returns the address with its host name in ASCII, because a host name has several Unicode
    forms. Returns "" if there is no ASCII form, because no mailbox can have this address.
    """
    local, _, host = email.lower().rpartition("@")
    try:
        return f"{local}@{host.encode('idna').decode()}"
    except UnicodeError:
        return ""


def _key(email: str, code: str) -> str:
    return key_of(MAILED_CODE, _of(email, code))


def _of(email: str, code: str) -> str:
    return f"{email.lower()} {normalize_user_code(code)}"
