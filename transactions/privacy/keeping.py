"""What is kept how long, and which cookies there are, for the page "Privacy"."""

from django.conf import settings

from accounts.sign_in import devices
from ledger.web import message_cookie
from transactions.privacy.further import FURTHER
from transactions.privacy.retention import NAMES_ASKED_DAYS

Row = tuple[str, str]
CHANGES = "Changes of your accounts and sign-in: what, when, and from which internet address"

REQUESTS = "Server log: each page you open by its kind, with the time, the result and your id"
SECURITY = (
    "Security log: each sign-in, refusal and approval, with the time, the result, your id and a"
    " mark of the session"
)

PROXY = "Log of the web server in front: your internet address, and the time of each request"


def erased_after() -> str:
    """How long after leaving a person's name and addresses are erased, in words."""
    return in_days(settings.LEDGER_KEEP_PEOPLE_DAYS)


def kept() -> list[Row]:
    """Each kind of data, and how long it is kept."""
    people = erased_after()
    absolute = settings.LEDGER_SESSION_ABSOLUTE
    return [
        ("Payments and balances", "For good: books are never edited"),
        ("Your name, addresses, ways to sign in, notes, receipts", f"{people} after you have left"),
        (CHANGES, f"For good; names and addresses leave it {people} after you have left"),
        ("Sign-ins: time, device and place in words", in_days(settings.LEDGER_KEEP_SIGN_INS_DAYS)),
        (
            "Access tokens: name, what they may do, last use",
            f"{in_days(settings.LEDGER_KEEP_SIGN_INS_DAYS)} after their end",
        ),
        (
            "Webhooks: addresses, and what was sent to them",
            f"Until you remove them; what was sent: {in_days(settings.LEDGER_KEEP_EVENTS_DAYS)}",
        ),
        ("Alerts: what you were told", in_days(settings.LEDGER_KEEP_ALERTS_DAYS)),
        ("Which staff have read your data", in_days(settings.LEDGER_KEEP_READ_LOG_DAYS)),
        ("Sessions", f"Until they end, at most {int(absolute.total_seconds() // 3600)} hours"),
        ("How often you tried to sign in or sent forms, in keyed digests or by address", "A day"),
        (REQUESTS, logs_kept()),
        (SECURITY, logs_kept()),
        *(
            [(PROXY, "Two weeks, or as long as the bank set")]
            if settings.LEDGER_BEHIND_PROXY
            else []
        ),
        ("How many names your payment files compared", in_days(NAMES_ASKED_DAYS)),
        *(row for data in FURTHER for row in data.kept()),
    ]


def logs_kept() -> str:
    """How long the server's log is kept, in words."""
    days = settings.LEDGER_KEEP_LOGS_DAYS
    return f"{in_days(days)} at most" if days else "Until newer lines need the room"


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
