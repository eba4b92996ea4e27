"""The context processor of the demo: where visitors find emails, and the sign-ins of the demo."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from transactions.demo.sign_ins import PASSWORD, ROLES, SIGN_INS

CONSOLE = "django.core.mail.backends.console.EmailBackend"
MAIL = "In this demo, mail is printed in the terminal where the bank was started."


def demo(request: HttpRequest) -> dict[str, Any]:
    """Returns the template variables of a demo bank, and an empty dict for other banks. If the bank
    sends no real emails, `demo_mail` is a text for visitors who wait for an email.
    """
    if not settings.LEDGER_DEMO:
        return {}
    mail = {"demo_mail": MAIL} if settings.EMAIL_BACKEND == CONSOLE else {}
    match = request.resolver_match
    is_sign_in = match is not None and match.url_name == "account_login"
    return {**mail, **_sign_ins()} if is_sign_in else mail


def _sign_ins() -> dict[str, Any]:
    """Returns `demo_sign_ins` (the email address and role of each person, by group) and
    `demo_password` for the sign-in page.
    """
    people = get_user_model()._default_manager
    there = set(people.filter(email__in=SIGN_INS.values()).values_list("email", flat=True))
    if SIGN_INS["ana"] not in there:
        return {}
    groups = [
        (group, [(SIGN_INS[who], role) for who, role in roles.items() if SIGN_INS[who] in there])
        for group, roles in ROLES.items()
    ]
    sign_ins = [(group, people) for group, people in groups if people]
    return {"demo_sign_ins": sign_ins, "demo_password": PASSWORD}
