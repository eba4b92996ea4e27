"""Mails about the use of factors, beside those that allauth sends when factors change."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator

from accounts.models import User
from accounts.sign_in.factors import Kind, recovery_codes_left


def tell_of_recovery_code(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    """Mails the person that a recovery code was used, and how many are left."""
    if authenticator.type == Kind.RECOVERY_CODES:
        authenticator.refresh_from_db()
        get_adapter().send_notification_mail(
            "mfa/email/recovery_code_used", user, {"codes_left": recovery_codes_left(authenticator)}
        )
