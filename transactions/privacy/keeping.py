"""Retention periods and cookies, for the page "Privacy"."""

from django.conf import settings

from accounts.sign_in import devices
from ledger.web import message_cookie
from transactions.privacy.personal_data import REGISTERED, KeptRow


def erased_after() -> str:
    """Returns how long after leaving a person's name and addresses are erased, in words."""
    return in_days(settings.LEDGER_KEEP_PEOPLE_DAYS)


def kept() -> list[KeptRow]:
    """Returns each kind of data with its retention period."""
    return [row for data in REGISTERED for row in data.kept()]


def logs_kept() -> str:
    """Returns how long the server's log is kept, in words."""
    days = settings.LEDGER_KEEP_LOGS_DAYS
    return f"{in_days(days)} at most" if days else "Until we need the space for newer entries"


def not_in_logs() -> str:
    """Returns a message about which data is never logged. In the format for people, error lines of
    Django contain the address of the failed page.
    """
    if settings.LOG_FORMAT == "json":
        return (
            "No line of the server log and the security log contains a name, an amount, a text, or"
            " an email or internet address."
        )
    return "A line about an error may contain the address of the page you opened."


def cookies() -> list[tuple[str, str, str]]:
    """Returns the name, purpose and lifetime of each cookie."""
    return [
        (settings.SESSION_COOKIE_NAME, "Keeps you signed in", "Until you sign out"),
        (settings.CSRF_COOKIE_NAME, "Forms come from this site only", "A year"),
        ("theme", "Light or dark, if you chose one", "A year"),
        (
            message_cookie.cookie_name(),
            "Shows the result of your last action on the next page",
            "Until that page",
        ),
        (devices.cookie_name(), "Recognises this device at the next sign-in", "A year"),
    ]


def in_days(days: int) -> str:
    """Returns a number of days in words, as years if it is two or more whole years."""
    return f"{days // 365:,} years" if days % 365 == 0 and days > 365 else f"{days:,} days"
