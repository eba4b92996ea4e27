"""Limits on guessing passwords and codes, the same on every page that takes one.

Wrong attempts are counted for each account from one client, for each client, for each account, and
in all. Strangers could use them up, from afar or behind the same address, and so lock an owner out.
So none of them holds on a device from which the owner has signed in before, which has limits of its
own; a sign-in code by mail or a passkey passes those of an account and in all; and a client has a
limit at each door, none for whoever is signed in.

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
Door = Literal["sign_in", "step_up", "second_factor", "recovery_code", "step_up_code", "mail_code"]

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
# Together below the 100 of NIST SP 800-63B-4, 3.2.2, for each address of a person.
ACCOUNT_A_DAY = Limit("account_a_day", 60, DAY)
DEVICE_A_DAY = Limit("device_a_day", 30, DAY)

IN_ALL = "in_all"  # of all doors; the others count each door apart
OF_WHO_IS_SIGNED_IN = ("step_up", "step_up_code")


def in_all() -> Limit:
    """The limit of the whole site."""
    return Limit(IN_ALL, settings.LEDGER_WRONG_ATTEMPTS, 5 * MINUTE)


@dataclass(frozen=True, slots=True)
class CountedAttempt:
    """A counted attempt. `refused_by` names the limit that it passed; empty if it may go on."""

    keys: tuple[str, ...]
    refused_by: str

    def succeeded(self) -> None:
        """Takes the attempt back: only wrong ones count."""
        with connection.cursor() as cursor:
            cursor.execute(TAKE_BACK, [list(self.keys)])


def begin(request: HttpRequest, *, door: Door, account: str, device: str = "") -> CountedAttempt:
    """Counts an attempt on an account: the address that was typed, or the id of a person whom the
    client knows already. Two addresses of one person count apart, or one would tell of the other.

    `device` is the id of a device from which the person has signed in before. Call `succeeded` if
    the password or code was right. See Note [Counting before checking].
    """
    client = get_ip(request)
    wanted = [(ACCOUNT_AND_CLIENT, f"{door} {account} {_source(client, device)}")]
    if not device and door not in OF_WHO_IS_SIGNED_IN:
        wanted.append((CLIENT, f"{door} {client}"))
    if device:
        device_key = f"{door} {account} device {device}"
        wanted += [(ACCOUNT, device_key), (DEVICE_A_DAY, device_key)]
    elif door != "mail_code":
        account_key = f"{door} {account}"
        wanted += [(ACCOUNT, account_key), (ACCOUNT_A_DAY, account_key), (in_all(), "")]
    return _count([(limit, key_of(limit, of)) for limit, of in wanted])


def passes(limit: Limit, of: str) -> bool:
    """Counts something else that is limited, such as mails to an address. False above the limit."""
    return not _count([(limit, key_of(limit, of))]).refused_by


def take_back(limit: Limit, of: str) -> None:
    """Takes back what `passes` counted last."""
    CountedAttempt((key_of(limit, of),), "").succeeded()


def forget(request: HttpRequest, *, door: Door, account: str) -> None:
    """Begins the counters of an account anew, also those of this client, for its owner who has
    proved who they are.
    """
    keys = [key_of(limit, f"{door} {account}") for limit in (ACCOUNT, ACCOUNT_A_DAY)]
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
    return CountedAttempt(tuple(keys), refused[0] if refused else "")


def _tidy_up() -> None:
    """Deletes counters that nobody needs, once in a window of the whole site."""
    AttemptCount.objects.filter(window_ends__lt=timezone.now() - TIDY_AFTER).delete()


def key_of(limit: Limit, of: str) -> str:
    """The key of the counter: a keyed digest, so that the table names nobody, even if
    its reader tries all IPv4 addresses.
    """
    return salted_hmac("accounts.attempt", f"{limit.name} {of}", algorithm="sha256").hexdigest()
