"""Limits on guessing passwords and codes, the same on every page that takes one.

Wrong attempts are counted for each account from one client, for each client, for each account, and
in all. Strangers could use them up, from afar or behind the same address, and so lock an owner out.
So none of them holds on a device from which the owner has signed in before, which has limits of its
own; a sign-in code by mail or a passkey passes those of an account and in all; and a client has a
limit at each door, none for whoever is signed in.

# Note [Addresses of one person]
At sign-in the address that was typed counts, so that its answers tell of no other address. Above
that a person has one count of a day over all their addresses. Whoever passes it alone gets the
answer of a wrong password, in the same time, whatever they typed: "too many attempts" at an address
that nobody has tried would tell whose it is. Attempts that another limit refuses do not count
there, or hammering one address would close the others.

# Note [Counting before checking]
An attempt is counted before the password is looked at, in one statement, and taken back if it was
right. Counting afterwards would let fifty parallel guesses all pass a limit of five.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import AttemptCount

# A stranger's wrong passwords do not count against somebody who is signed in, nor the other way.
Door = Literal[
    "sign_in", "step_up", "second_factor", "step_up_code", "mail_code", "recovery_code",
    "old_recovery_code",
]  # fmt: skip

MINUTE = 60
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
TIDY_AFTER = timedelta(days=1)
TAKE_BACK = """
    UPDATE attempt_counts SET count = count - 1
     WHERE key IN (SELECT key FROM attempt_counts WHERE key = ANY(%s) ORDER BY key FOR UPDATE)
       AND count > 0 AND window_ends > now()
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many wrong attempts in so many seconds. `name` stands in the security log."""

    name: str
    amount: int
    seconds: int


ACCOUNT_AND_CLIENT = Limit("account_and_client", 5, 5 * MINUTE)
CLIENT = Limit("client", 30, 5 * MINUTE)
ACCOUNT = Limit("account", 20, HOUR)
# With those of a device together below the 100 of NIST SP 800-63B-4, 3.2.2.
ACCOUNT_A_DAY = Limit("account_a_day", 60, DAY)
PERSON_A_DAY = Limit("person_a_day", 60, DAY)
DEVICE_A_DAY = Limit("device_a_day", 30, DAY)
# Each sign-in by a passkey begins with one, which is a row: the session that remembers it.
CHALLENGES = Limit("passkey_challenges", 60, 5 * MINUTE)

IN_ALL = "in_all"  # of all doors; the others count each door apart
OF_WHO_IS_SIGNED_IN = ("step_up", "step_up_code")
# What is typed there is hard to guess from however many clients, so only clients are limited:
# otherwise others would use up the tries of the owner, who may have nothing else.
HARD_TO_GUESS = ("mail_code", "recovery_code")


def in_all() -> Limit:
    """The limit of the whole site."""
    return Limit(IN_ALL, settings.LEDGER_WRONG_ATTEMPTS, 5 * MINUTE)


@dataclass(frozen=True, slots=True)
class CountedAttempt:
    """A counted attempt. `refused_by` names the limit that it passed; empty if it may go on."""

    keys: tuple[str, ...]
    refused_by: str

    @property
    def is_refused_in_silence(self) -> bool:
        """Whether it has to look like a wrong one. See Note [Addresses of one person]."""
        return self.refused_by == PERSON_A_DAY.name

    def succeeded(self) -> None:
        """Takes the attempt back: only wrong ones count."""
        _take_back(self.keys)


def begin(
    request: HttpRequest, *, door: Door, account: str, person: str = "", device: str = ""
) -> CountedAttempt:
    """Counts an attempt on an account: the address that was typed, or the id of a person whom the
    client knows already. `person` is the id of whoever has the typed address; nobody's is counted
    alike. See Note [Addresses of one person].

    `device` is the id of a device from which the person has signed in before. Call `succeeded` if
    the password or code was right. See Note [Counting before checking].
    """
    client = get_ip(request)
    wanted = [(ACCOUNT_AND_CLIENT, f"{door} {account} {_source(client, device)}")]
    if not device and door not in OF_WHO_IS_SIGNED_IN:
        wanted.append((CLIENT, f"{door} {client}"))
    if device:
        device_key = f"{door} {person or account} device {device}"
        wanted += [(ACCOUNT, device_key), (DEVICE_A_DAY, device_key)]
    elif door not in HARD_TO_GUESS:
        account_key = f"{door} {account}"
        wanted += [(ACCOUNT, account_key), (ACCOUNT_A_DAY, account_key)]
        if door not in OF_WHO_IS_SIGNED_IN:  # a new password makes their device unknown
            wanted.append((in_all(), ""))
    if door == "sign_in" and not device:
        wanted.append((PERSON_A_DAY, f"{door} {person or account}"))
    return _count([(limit, key_of(limit, of)) for limit, of in wanted])


def passes(limit: Limit, of: str) -> bool:
    """Counts something else that is limited, such as mails to an address. False above the limit."""
    return not _count([(limit, key_of(limit, of))]).refused_by


def passes_for_client(limit: Limit, request: HttpRequest) -> bool:
    """The same for what a client may do so often, whoever uses it."""
    return passes(limit, get_ip(request))


def take_back(limit: Limit, of: str) -> None:
    """Takes back what `passes` counted last."""
    _take_back([key_of(limit, of)])


def forget(request: HttpRequest, *, door: Door, account: str) -> None:
    """Begins the counters of an address or a person anew, also those of this client, for who has
    proved that it is theirs.
    """
    counts = (ACCOUNT, ACCOUNT_A_DAY, PERSON_A_DAY)
    keys = [key_of(limit, f"{door} {account}") for limit in counts]
    keys.append(key_of(ACCOUNT_AND_CLIENT, f"{door} {account} {get_ip(request)}"))
    AttemptCount.objects.filter(pk__in=keys).delete()


def _source(client: str, device: str) -> str:
    """Where an attempt comes from: a neighbour behind the same address is no known device."""
    return f"device {device}" if device else client


def _count(limits: Sequence[tuple[Limit, str]]) -> CountedAttempt:
    keys = [key for _, key in limits]
    counts = AttemptCount.objects.count_up([(key, limit.seconds) for limit, key in limits])
    if any(limit.name == IN_ALL and counts[key] == 1 for limit, key in limits):
        _tidy_up()
    refused = [limit.name for limit, key in limits if counts[key] > limit.amount]
    attempt = CountedAttempt(tuple(keys), refused[0] if refused else "")
    if attempt.refused_by and not attempt.is_refused_in_silence:
        _take_back([key for limit, key in limits if limit.name == PERSON_A_DAY.name])
    return attempt


def _take_back(keys: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK, [list(keys)])


def _tidy_up() -> None:
    """Deletes counters that nobody needs, once in a window of the whole site."""
    AttemptCount.objects.filter(window_ends__lt=timezone.now() - TIDY_AFTER).delete()


def key_of(limit: Limit, of: str) -> str:
    """The key of the counter: a keyed digest, so that the table names nobody, even if
    its reader tries all IPv4 addresses.
    """
    return salted_hmac("accounts.attempt", f"{limit.name} {of}", algorithm="sha256").hexdigest()
