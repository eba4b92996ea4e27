"""Rules for passwords, by NIST SP 800-63B-4: a minimum length, and no passwords that are easy to
guess. No rule requires certain kinds of characters.

AUTH_PASSWORD_VALIDATORS applies these validators to every page and command that sets a password.
"""

import re
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction as db_transaction

from accounts.exceptions import SignInChanged
from accounts.models import User
from accounts.models.user import normalised_password
from accounts.sign_in import notices, sessions, token_ends
from accounts.sign_in.factors import SECOND_FACTORS, has_second_factor
from accounts.sign_in.password_patterns import (
    SITE_WORDS,
    consists_of,
    counted_length,
    is_common,
    is_few_common_words,
    is_predictable,
)
from ledger.db.retry import with_retry

MIN_LENGTH_WITH_FACTOR = 8
LONGEST = 256  # more than the required 64 characters; passwords are never truncated

TO_AVOID = (
    "Avoid your name, your email address, common passwords, and sequences like 12345 or aaaaa."
)
HOW_TO_CHOOSE = (
    "At least {least} characters, such as four or five words. Spaces are allowed. " + TO_AVOID
)
TOO_SHORT_WITHOUT_FACTOR = (
    "After the removal, only your password would protect your sign-in. Such a password needs "
    f"at least {User.MIN_LENGTH_WITHOUT_FACTOR} characters. Choose a longer password first."
)
CHANGED = (
    "This sign-in has changed in the meantime, perhaps on another device, so the password was not "
    "changed. Open the page again."
)
TOO_SHORT = "This password is too short: use at least {least} characters."
TOO_SHORT_REPEATED = (
    "This password repeats a part. A repeated part counts only once, so use at least "
    "{least} characters."
)


def shortest_for(user: Any) -> int:
    """Returns the minimum length of this user's password in characters: 15, or 8 with a second
    factor.
    """
    has_factor = user is not None and user.pk is not None and has_second_factor(user)
    return MIN_LENGTH_WITH_FACTOR if has_factor else User.MIN_LENGTH_WITHOUT_FACTOR


def help_for(user: Any) -> str:
    """Returns the rules as help text for the field of a new password."""
    return HOW_TO_CHOOSE.format(least=shortest_for(user))


def is_too_short_without(user: User, authenticator: Authenticator) -> bool:
    """Returns whether the password is too short for a user who removes this authenticator. Returns
    False if another second factor remains, or if the user has no password.
    """
    if user.password_is_long or not user.has_usable_password():
        return False
    others = Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS)
    return not others.exclude(pk=authenticator.pk).exists()


@with_retry
def save_password(
    user: User, *, read_with: str, session_key: str | None = None, ends_all: str = ""
) -> None:
    """Saves the new password of `user`. The caller has hashed the password before, because hashing
    is slow and must not happen under the lock: see Note [Lock of a person].

    `read_with` is the session hash before the change. `session_key` is the key of the user's
    session, or None. `ends_all` is the reason for ending all sessions and access tokens, or "" to
    keep them.

    Raises: SignInChanged if the sign-in was closed, if the password, address or rights have
    changed, or if the session has ended. Also raises SignInChanged if the last second factor was
    removed in the meantime and the password is too short without it.
    """
    with db_transaction.atomic():
        now: User
        if session_key is not None:
            now = sessions.lock(user, session_key, read_with=read_with)
        else:
            now = User.objects.locked([user.pk]).get()
        is_short = user.has_usable_password() and not user.password_is_long
        if not now.has_session_hash(read_with) or (is_short and not has_second_factor(now)):
            raise SignInChanged(CHANGED)
        user.save(update_fields=["password"])
        if ends_all:
            sessions.end_all(user, ends_all)


@with_retry
def save_password_of_bank(person: User, *, read_with: str) -> None:
    """Saves the password that staff have set or removed, ends all access tokens, and notifies the
    user by mail. The sessions end because the session hash has changed.

    Raises: SignInChanged, as described at `save_password`, and AccessEnded, as described at
    `lock_person`.
    """
    with db_transaction.atomic():
        User.objects.lock_person(person.pk)
        save_password(person, read_with=read_with)
        token_ends.revoke_all(person, "password_set")
        is_set = person.has_usable_password()
        notices.notify(person, notices.PASSWORD_SET if is_set else notices.PASSWORD_REMOVED)


def refuse_too_long(password: str) -> None:
    """Raises ValidationError if the text is too long for a password. Call this function before the
    text is hashed, because hashing a long text is slow.
    """
    if len(password) > LONGEST:
        raise ValidationError(f"Use at most {LONGEST} characters.", code="password_too_long")


class Length:
    """Validator that requires 15 to 256 characters, or 8 to 256 characters from users with a second
    factor.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Checks the length of the password.

        Raises: ValidationError if the password is too short or too long.
        """
        refuse_too_long(password)
        least, text = shortest_for(user), normalised_password(password)
        if min(len(password), len(text)) < least:
            raise ValidationError(TOO_SHORT.format(least=least), code="password_too_short")
        if counted_length(text) < least:
            raise ValidationError(TOO_SHORT_REPEATED.format(least=least), code="password_repeats")

    def get_help_text(self) -> str:
        return help_for(None)


class Guessable:
    """Validator that refuses common passwords, sequences, words of this site, and words about the
    user.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Checks whether the password is easy to guess.

        Raises: ValidationError if it is easy to guess.
        """
        if len(password) > LONGEST:
            return  # the validator Length refuses it
        text = normalised_password(password)
        if is_common(text) or is_few_common_words(text):
            raise ValidationError(
                "This password is too easy to guess. Choose words that other people would not"
                " think of.",
                code="password_too_common",
            )
        if consists_of(text, SITE_WORDS | _words_about(user)):
            raise ValidationError(
                (
                    "This password has only words of this site, your name or your address. Use "
                    "other words."
                ),
                code="password_about_person",
            )
        if is_predictable(text):
            raise ValidationError(
                "This password is mostly repeats or sequences, such as aaa or 1234. Use words that"
                " other people would not guess.",
                code="password_predictable",
            )

    def get_help_text(self) -> str:
        return TO_AVOID


def _words_about(user: Any) -> frozenset[str]:
    """Returns the words of the user's name and address."""
    about = f"{getattr(user, 'name', '')} {getattr(user, 'email', '')}"
    return frozenset(re.split(r"[\W\d_]+", about)) - {""}
