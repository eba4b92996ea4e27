"""Context processors for the demo: the sign-ins of the demo, and where visitors find emails."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from transactions.demo.sign_ins import PASSWORD, ROLES, SIGN_INS

CONSOLE = "django.core.mail.backends.console.EmailBackend"


def demo_mail(_request: HttpRequest) -> dict[str, str]:
    """Returns `demo_mail` for templates: a text that describes where visitors of the demo find
    emails. Returns an empty dict if the bank is not a demo or sends real emails.
    """
    if not settings.LEDGER_DEMO or settings.EMAIL_BACKEND != CONSOLE:
        return {}
    return {
        "demo_mail": "In this demo, mail is printed in the terminal where the bank was started."
    }


def demo_sign_ins(request: HttpRequest) -> dict[str, Any]:
    """Returns `demo_sign_ins` (the email address and role of each person, by group) and
    `demo_password` for the sign-in page of a demo bank. Returns an empty dict on all other pages.
    """
    match = request.resolver_match
    if not settings.LEDGER_DEMO or match is None or match.url_name != "account_login":
        return {}
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
