"""Limits on guessing passwords and codes, for every page that accepts a password or code.

Wrong attempts are counted for each account and client together, for each client, for each account,
and for the whole site. Strangers with any IP address, or behind the owner's IP address, could use
up these limits and so lock the owner out. Therefore these limits do not apply to a device on which
the owner has signed in before; such a device has separate limits. The limits per account and for
the whole site do not apply to mailed sign-in codes and passkeys. The limit per client does not
apply to signed-in users. It has a separate counter for each kind of page (see `Door`).

# Note [Addresses of one person]

At sign-in, attempts are counted by the entered address, so that responses reveal nothing about
other addresses. In addition, there is one daily count for all addresses of a person. If only this
count is exceeded, the response is the same as for a wrong password, and takes the same time, even
if the password was correct. The message "Too many attempts" for an address without attempts would
reveal that the address belongs to the same person. Attempts that another limit refuses do not count
towards this limit. Otherwise an attack on one address would block the other addresses.

# Note [Counting before checking]

An attempt is counted before the password is checked, in one SQL statement, and subtracted if the
password was right. If attempts were counted after the check, fifty parallel guesses could all pass
a limit of five.
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

# A door is a kind of page that accepts a password or code. Each door has separate counters, so
# strangers' wrong passwords at the sign-in do not count for a signed-in user, and wrong passwords
# of a signed-in user do not count at the sign-in.
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
    """The maximum number of wrong attempts in a time window of `seconds` seconds. The security log
    contains `name`.
    """

    name: str
    amount: int
    seconds: int


ACCOUNT_AND_CLIENT = Limit("account_and_client", 5, 5 * MINUTE)
CLIENT = Limit("client", 30, 5 * MINUTE)
ACCOUNT = Limit("account", 20, HOUR)
# Together with the limits of a device, this is below the 100 attempts of NIST SP 800-63B-4, 3.2.2.
ACCOUNT_A_DAY = Limit("account_a_day", 60, DAY)
PERSON_A_DAY = Limit("person_a_day", 60, DAY)
DEVICE_A_DAY = Limit("device_a_day", 30, DAY)
# Each sign-in with a passkey begins with a challenge, which inserts a session row.
CHALLENGES = Limit("passkey_challenges", 60, 5 * MINUTE)

IN_ALL = "in_all"  # one counter for all doors; the other limits have a counter for each door
OF_WHO_IS_SIGNED_IN = ("step_up", "step_up_code")
# Codes at these doors are hard to guess, even from many clients, so there is no limit per account.
# Otherwise strangers could use up the attempts of the owner, who may have no other factor.
HARD_TO_GUESS = ("mail_code", "recovery_code")


def in_all() -> Limit:
    """Returns the limit of wrong attempts on the whole site."""
    return Limit(IN_ALL, settings.LEDGER_WRONG_ATTEMPTS, 5 * MINUTE)


@dataclass(frozen=True, slots=True)
class CountedAttempt:
    """A counted attempt. `refused_by` is the name of the exceeded limit, or "" if the attempt is
    allowed.
    """

    keys: tuple[str, ...]
    refused_by: str

    @property
    def is_refused_in_silence(self) -> bool:
        """Whether the response must be the same as for a wrong password. See Note [Addresses of one
        person].
        """
        return self.refused_by == PERSON_A_DAY.name

    def succeeded(self) -> None:
        """Subtracts the attempt from the counters, because only wrong attempts count."""
        _take_back(self.keys)


def begin(
    request: HttpRequest, *, door: Door, account: str, person: str = "", device: str = ""
) -> CountedAttempt:
    """Counts an attempt to enter a password or code. Returns the counted attempt, which contains
    the name of the exceeded limit, if any. If the password or code was right, the caller must then
    call `succeeded` on the result. See Note [Counting before checking].

    `door` is the kind of page. `account` is the entered address, or the id of a known user.
    `person` is the id of the user with the entered address, or the address itself if no user has
    it: see Note [Addresses of one person]. `device` is the id of a device on which the user has
    signed in before, or "".
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
        if door not in OF_WHO_IS_SIGNED_IN:  # a password reset makes the user's devices unknown
            wanted.append((in_all(), ""))
    if door == "sign_in" and not device:
        wanted.append((PERSON_A_DAY, f"{door} {person or account}"))
    return _count([(limit, key_of(limit, of)) for limit, of in wanted])


def passes(limit: Limit, of: str) -> bool:
    """Counts an action that is not an attempt to sign in, such as a mail. `of` identifies the
    counter, for example an address. Returns False if `limit` is exceeded.
    """
    return not _count([(limit, key_of(limit, of))]).refused_by


def passes_for_client(limit: Limit, request: HttpRequest) -> bool:
    """Counts an action of the client (an IP address) that sent the request. The user may be signed
    in or not. Returns False if `limit` is exceeded.
    """
    return passes(limit, get_ip(request))


def take_back(limit: Limit, of: str) -> None:
    """Subtracts an action that `passes` has counted."""
    _take_back([key_of(limit, of)])


def forget(request: HttpRequest, *, door: Door, account: str) -> None:
    """Resets the counters of an account after its owner has proved their identity. `account` is an
    address or the id of a user. Also resets the counter of this account and client together.
    """
    counts = (ACCOUNT, ACCOUNT_A_DAY, PERSON_A_DAY)
    keys = [key_of(limit, f"{door} {account}") for limit in counts]
    keys.append(key_of(ACCOUNT_AND_CLIENT, f"{door} {account} {get_ip(request)}"))
    AttemptCount.objects.filter(pk__in=keys).delete()


def _source(client: str, device: str) -> str:
    """Returns the source of an attempt: a known device, or the client's IP address. So attempts
    from unknown devices do not count for a known device behind the same IP address.
    """
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
    """Deletes expired counters, once in each time window of the limit for the whole site."""
    AttemptCount.objects.filter(window_ends__lt=timezone.now() - TIDY_AFTER).delete()


def key_of(limit: Limit, of: str) -> str:
    """Returns the key of a counter: a keyed digest. Without the key, a person who reads the table
    cannot find users or IP addresses by trying all of them.
    """
    return salted_hmac("accounts.attempt", f"{limit.name} {of}", algorithm="sha256").hexdigest()
