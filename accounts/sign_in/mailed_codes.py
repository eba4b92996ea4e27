"""How many mails anybody may have sent to an address, and the codes that were in them.

Whoever asks is a stranger until they type the code, so nobody may be refused for what others asked.
Above the limit the page answers as always, no mail leaves, and the browser that asked takes a code
that the mailbox has already. A link in a mail needs nothing here: it stays valid.
"""

import secrets

from allauth.core.internal.cryptokit import normalize_user_code
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import AttemptCount
from accounts.sign_in.limits import MINUTE, Limit, key_of, passes, take_back

# A code lives as long as the window, so during it there is always a valid one in the mailbox.
MAILS = Limit("mails_to_address", 5, 10 * MINUTE)
MAILED_CODE = Limit("mailed_code", 1, 10 * MINUTE)
FOLDER = "account/email/"
# Mails that anybody can ask for with somebody else's address.
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
    """Whether this mail may leave. Each kind counts apart, and each person who is signed in."""
    if not _mailbox(email):
        return False
    if template not in ASKED_BY_ANYBODY:
        return True
    return passes(MAILS, _mail(request, template, email))


def not_sent(request: HttpRequest | None, template: str, email: str) -> None:
    """Takes back what `may_send` counted: the mail server has failed."""
    if template in ASKED_BY_ANYBODY:
        take_back(MAILS, _mail(request, template, email))


def remember(email: str, code: str | None) -> None:
    """Notes that a mail has left, with this code or without one. Both write a row: otherwise
    counters of the database would show which addresses get a code.
    """
    code = code or secrets.token_hex()
    AttemptCount.objects.filter(pk=_key(email, code)).delete()
    passes(MAILED_CODE, _of(email, code))


def has_left(email: str, code: str) -> bool:
    """Whether a mail with this code was sent; False if the limit held it back."""
    return AttemptCount.objects.filter(pk=_key(email, code)).exists()


def stands_in(email: str, expected: str, typed: str) -> bool:
    """Whether the typed code was mailed to the address, while the expected one never was."""
    keys = {_key(email, expected), _key(email, typed)}
    living = AttemptCount.objects.filter(pk__in=keys, window_ends__gt=timezone.now())
    counts = dict(living.values_list("pk", "count"))
    return _key(email, expected) not in counts and counts.get(_key(email, typed)) == UNUSED


def use(email: str, code: str) -> bool:
    """Uses up a right code. False if another browser has used it already."""
    row = AttemptCount.objects.filter(pk=_key(email, code), window_ends__gt=timezone.now())
    return bool(row.filter(count=UNUSED).update(count=USED)) or not row.exists()


def _mail(request: HttpRequest | None, template: str, email: str) -> str:
    person = request.user.pk if request is not None and hasattr(request, "user") else None
    return f"{template} {_mailbox(email)} {person or ''}"


def _mailbox(email: str) -> str:
    """The address as mail servers write it: its host has many forms in Unicode. "" if it has none
    in ASCII; no mailbox has such an address.
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
