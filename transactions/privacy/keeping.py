"""What is kept how long, and which cookies there are, for the page "Privacy"."""

from django.conf import settings

from accounts.sign_in import devices
from ledger.web import message_cookie
from transactions.privacy.personal_data import REGISTERED, KeptRow


def erased_after() -> str:
    """How long after leaving a person's name and addresses are erased, in words."""
    return in_days(settings.LEDGER_KEEP_PEOPLE_DAYS)


def kept() -> list[KeptRow]:
    """Each kind of data, and how long it is kept."""
    return [row for data in REGISTERED for row in data.kept()]


def logs_kept() -> str:
    """How long the server's log is kept, in words."""
    days = settings.LEDGER_KEEP_LOGS_DAYS
    return f"{in_days(days)} at most" if days else "Until we need the space for newer entries"


def not_in_logs() -> str:
    """What no line of the log has. As text for people, Django's lines name the page that failed."""
    if settings.LOG_FORMAT == "json":
        return (
            "No line of the server log and the security log has a name, an amount, a text, or a"
            " mail or internet address."
        )
    return "A line about an error may have the address of the page you opened."


def cookies() -> list[tuple[str, str, str]]:
    """Each cookie: its name, what it is for, how long it stays."""
    return [
        (settings.SESSION_COOKIE_NAME, "Keeps you signed in", "Until you sign out"),
        (settings.CSRF_COOKIE_NAME, "Forms come from this site only", "A year"),
        ("theme", "Light or dark, if you chose one", "A year"),
        (message_cookie.cookie_name(), "Tells the next page what was done", "Until that page"),
        (devices.cookie_name(), "Knows this device again at the next sign-in", "A year"),
    ]


def in_days(days: int) -> str:
    """A number of days in words, in years if it is some."""
    return f"{days // 365:,} years" if days % 365 == 0 and days > 365 else f"{days:,} days"
