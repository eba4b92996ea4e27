"""Retention periods of the data in the tables of `accounts` and of `transactions.models`, for the
page "Privacy".
"""

from django.conf import settings

from transactions.personal_data.old import NAMES_ASKED_DAYS
from transactions.privacy.keeping import erased_after, in_days, logs_kept
from transactions.privacy.personal_data import KeptRow

CHANGES = "Changes of your accounts and sign-in, with the time and the internet address"

REQUESTS = "Server log: the kind of each page you open, with the time, the result and your id"
SECURITY = (
    "Security log: each sign-in, refusal and approval, with the time, the result, your id and "
    "a code for the session. Nobody can sign in with this code"
)

PROXY = "Log of the web server: your internet address, and the time of each request"


def kept() -> list[KeptRow]:
    """Returns each kind of data with its retention period in words."""
    people = erased_after()
    absolute = settings.LEDGER_SESSION_ABSOLUTE
    return [
        ("Payments and balances", "Permanently, because we never change these records"),
        ("Your name, addresses, ways to sign in, notes, receipts", f"{people} after you have left"),
        (CHANGES, f"Permanently, but without names and addresses {people} after you have left"),
        ("Sign-ins: time, device and place in words", in_days(settings.LEDGER_KEEP_SIGN_INS_DAYS)),
        (
            "Access tokens: name, what they may do, last use",
            f"{in_days(settings.LEDGER_KEEP_SIGN_INS_DAYS)} after their end",
        ),
        ("Which staff have read your data", in_days(settings.LEDGER_KEEP_READ_LOG_DAYS)),
        ("Sessions", f"Until they end, at most {int(absolute.total_seconds() // 3600)} hours"),
        ("How often you tried to sign in or sent forms", "A day"),
        (REQUESTS, logs_kept()),
        (SECURITY, logs_kept()),
        *(
            [(PROXY, "Two weeks, or the period that the bank has set")]
            if settings.LEDGER_BEHIND_PROXY
            else []
        ),
        ("How many names of recipients you compared", in_days(NAMES_ASKED_DAYS)),
    ]
