"""Counts the events of the security log by name, for `/metrics`. The counters do not contain users.

Every label of a counter is a fixed name from the code, and never a text from a request. `method` is
how the user signed in, such as `passkey`. It is "" for events other than a sign-in or a step-up.
"""

from ledger.metrics.kinds import Counter

EVENTS = Counter(
    "ledger_security_events_total",
    "Events of the security log; method: the method of a sign-in.",
    ["event", "outcome", "method"],
)
METHODS = frozenset(
    ["password", "password_reset", "code", "mfa", "passkey", "socialaccount", "sign_up"]
)
SIGN_INS = ("sign_in", "step_up")
OTHER = "other"
# These counters start at 0, so that the first event is visible as an increase.
for _method in ("password", "code", "mfa", "passkey"):
    EVENTS.labels("sign_in", "refused", _method)
for _event, _outcome in (
    ("sign_in", "limited"),
    ("second_factor", "limited"),
    ("step_up", "refused"),
    ("step_up", "limited"),
    ("page.refused", "refused"),
    ("page.refused", "limited"),
    ("provider.refused", "refused"),
    ("payment.not_reviewed", "refused"),
    ("credential.used", "refused"),
):
    EVENTS.labels(_event, _outcome, "")


def count(event: str, outcome: str, method: object) -> None:
    """Counts one event of the security log. An unknown method is counted as `OTHER`."""
    shown = ""
    if event in SIGN_INS and method is not None:
        shown = method if isinstance(method, str) and method in METHODS else OTHER
    EVENTS.labels(event, outcome, shown).inc()
