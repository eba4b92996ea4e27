"""Sessions that have proved something: a step-up, a second factor."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from accounts.models import User

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def prove(client: Client, user: User, method: str = "password", **facts: Any) -> None:
    """Writes into the session that the person has just stepped up by this method."""
    session = client.session
    records = session.get("account_authentication_methods", [])
    record = {"method": method, "at": time.time(), "reauthenticated": True, **facts}
    session["account_authentication_methods"] = [*records, record]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def prove_factor(client: Client, factor: Authenticator) -> None:
    """Writes into the session that the person has just used this second factor."""
    prove(client, factor.user, method="mfa", id=factor.pk, type=factor.type)


def add_app(user: User, secret: str = SECRET) -> Authenticator:
    """Gives the person an authenticator app with this secret."""
    app: Authenticator = TOTP.activate(user, secret).instance
    return app


def code_of(secret: str = SECRET, at: float | None = None) -> str:
    """The code that the app shows at this time, by default now."""
    counter = int(time.time() if at is None else at) // 30
    return str(format_hotp_value(hotp_value(secret, counter)))


def let_pass(client: Client, minutes: float) -> None:
    """Makes everything that this session has proved so many minutes older."""
    session = client.session
    records = session.get("account_authentication_methods", [])
    older = [{**record, "at": record["at"] - 60 * minutes} for record in records]
    session["account_authentication_methods"] = older
    session.save()
