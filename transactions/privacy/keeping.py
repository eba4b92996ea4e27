"""Retention periods and cookies, for the page "Privacy"."""

from django.conf import settings

from accounts.sign_in import devices
from ledger.web import message_cookie
from transactions.privacy.personal_data import REGISTERED, KeptRow


def erased_after() -> str:
    """Returns the time after which the name and addresses of a person who left the bank are erased,
    in words such as "2 years".
    """
    return in_days(settings.LEDGER_KEEP_PEOPLE_DAYS)


def kept() -> list[KeptRow]:
    """Returns each kind of data with its retention period in words."""
    return [row for data in REGISTERED for row in data.kept()]


def logs_kept() -> str:
    """Returns the retention period of the server's log in words."""
    days = settings.LEDGER_KEEP_LOGS_DAYS
    return f"{in_days(days)} at most" if days else "Until we need the space for newer entries"


def not_in_logs() -> str:
    """Returns a message about personal data in the logs. Logs in JSON contain no personal data. In
    other formats, a line about an error may contain the URL of the page.
    """
    if settings.LOG_FORMAT == "json":
        return (
            "No line of the server log and the security log contains a name, an amount, a text, or"
            " an email or internet address."
        )
    return "A line about an error may contain the address of the page you opened."


def cookies() -> list[tuple[str, str, str]]:
    """Returns the name, the purpose and the lifetime of each cookie, in words."""
    return [
        (settings.SESSION_COOKIE_NAME, "Keeps you signed in", "Until you sign out"),
        (settings.CSRF_COOKIE_NAME, "Protects the forms of this site", "A year"),
        ("theme", "Stores your choice of light or dark colours", "A year"),
        (
            message_cookie.cookie_name(),
            "Shows the result of your last action on the next page",
            "Until we show the next page",
        ),
        (devices.cookie_name(), "Recognises this device at the next sign-in", "A year"),
    ]


def in_days(days: int) -> str:
    """Returns a number of days in words. Uses years for a whole number of at least two years."""
    return f"{days // 365:,} years" if days % 365 == 0 and days > 365 else f"{days:,} days"
