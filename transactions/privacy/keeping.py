"""What is kept how long, and which cookies there are, for the page "Privacy"."""

from django.conf import settings

from accounts.sign_in import devices
from ledger.web import message_cookie
from transactions.privacy.retention import NAMES_ASKED_DAYS

Row = tuple[str, str]
CHANGES = "Changes of your accounts and sign-in: what, when, and from which internet address"


def erased_after() -> str:
    """How long after leaving a person's name and addresses are erased, in words."""
    return _days(settings.LEDGER_KEEP_PEOPLE_DAYS)


def kept() -> list[Row]:
    """Each kind of data, and how long it is kept."""
    people = erased_after()
    absolute = settings.LEDGER_SESSION_ABSOLUTE
    return [
        ("Payments and balances", "For good: books are never edited"),
        ("Your name, addresses, ways to sign in, notes", f"{people} after you have left"),
        (CHANGES, f"For good; names and addresses leave it {people} after you have left"),
        ("Sign-ins: time, device and place in words", _days(settings.LEDGER_KEEP_SIGN_INS_DAYS)),
        ("Which staff have read your data", _days(settings.LEDGER_KEEP_READ_LOG_DAYS)),
        ("Sessions", f"Until they end, at most {int(absolute.total_seconds() // 3600)} hours"),
        ("How often you tried to sign in or sent forms, in keyed digests or by address", "A day"),
        ("How many names your payment files compared", _days(NAMES_ASKED_DAYS)),
    ]


def cookies() -> list[tuple[str, str, str]]:
    """Each cookie: its name, what it is for, how long it stays."""
    return [
        (settings.SESSION_COOKIE_NAME, "Keeps you signed in", "Until you sign out"),
        (settings.CSRF_COOKIE_NAME, "Forms come from this site only", "A year"),
        ("theme", "Light or dark, if you chose one", "A year"),
        (message_cookie.cookie_name(), "Tells the next page what was done", "Until that page"),
        (devices.cookie_name(), "Knows this device again at the next sign-in", "A year"),
    ]


def _days(days: int) -> str:
    return f"{days // 365:,} years" if days % 365 == 0 and days > 365 else f"{days:,} days"
