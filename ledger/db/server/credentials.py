"""Logins that AWS gives out for a while: IAM tokens, and secrets that rotate.

Note [Fresh for each connection]: a token lives for 15 minutes, and a secret until it rotates. So
none of them is in the settings, nor in the parameters that a pool keeps: each new connection asks
here. What AWS said is kept for less than that time. If the server refuses a login, AWS is asked
once more, and a second refusal is the caller's error.

Nothing of boto3 is imported unless the settings ask for one of them.
"""

import json
import math
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg.errors import SqlclientUnableToEstablishSqlconnection

from ledger.db.server import failed_servers

KEEP_TOKEN = 600  # seconds; AWS's own limit is 900
KEEP_SECRET = 300
# Of each call of AWS, STS's for the credentials of this process included.
PATIENCE = {"connect_timeout": 3, "read_timeout": 5, "retries": {"total_max_attempts": 2}}
WAIT = 5.0  # seconds, for the thread that asks AWS: as long as a page waits for one server
# What libpq takes as lists, one for each host.
PER_HOST = ("host", "hostaddr", "port")


@dataclass(frozen=True)
class Login:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Place:
    """Whom a token is for."""

    host: str
    port: int
    user: str


class NoLogin(SqlclientUnableToEstablishSqlconnection):
    """AWS gave no login; the message says why. No connection was tried, so nothing was done."""


class LoginSource(ABC):
    """Where logins come from. Threads share one, so that AWS is asked once for all of them."""

    # For how many seconds after `keep` a login is good while another thread asks for the next.
    spare = math.inf

    def __init__(self, keep: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep, self._clock = keep, clock
        self._kept: dict[Place, tuple[Login, float]] = {}
        self._asking = threading.Lock()
        self._failed: NoLogin | None = None  # the last failure

    @abstractmethod
    def _ask(self, place: Place) -> Login:
        """What AWS says now. Raises NoLogin."""

    def login(self, place: Place, *, refused: Login | None = None) -> Login:
        """The login for now; after a refusal, AWS is asked again unless another thread has.

        One thread asks at a time, because AWS may hang. Meanwhile others use the login that they
        have, unless the server refused it; those without one wait for at most `WAIT`, and share the
        failure.

        Raises NoLogin. A login that was not refused is used longer while AWS does not answer.
        """
        if found := self._known(place, refused):
            return found
        old, failed = self._known(place, refused, self.spare), self._failed
        if not self._asking.acquire(timeout=0 if old else WAIT):
            if old:
                return old
            raise NoLogin(f"AWS gave no login within {WAIT:g} s.")
        try:
            if found := self._known(place, refused):  # another thread has asked meanwhile
                return found
            if self._failed is not failed:  # in vain
                raise NoLogin(str(self._failed))
            return self._renewed(place, refused)
        finally:
            self._asking.release()

    def _renewed(self, place: Place, refused: Login | None) -> Login:
        old, _until = self._kept.get(place, (None, 0.0))
        try:
            found = self._ask(place)
        except NoLogin as error:
            self._failed = error
            if old is None or old == refused:
                raise
            found = old
        self._kept[place] = found, self._clock() + self._keep
        return found

    def _known(self, place: Place, refused: Login | None, spare: float = 0.0) -> Login | None:
        login, until = self._kept.get(place, (None, 0.0))
        return login if login != refused and self._clock() < until + spare else None

    def connect(self, connect: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        """A connection by `connect`, to the first address that takes one, with a login for each
        host.

        psycopg would try the addresses of a host itself, but its error tells only of the last one
        whether the password was refused: so each is an attempt of its own.

        Raises the OperationalError of the last address.
        """
        renewed: set[Place] = set()  # where AWS was asked once more: once for each host

        def to_host(host: dict[str, Any]) -> Any:
            addresses = addresses_of(host)
            self.login(place_of(host))  # so that AWS is asked once where it gives none
            return _first(partial(self._connect, connect, renewed), addresses)

        return _first(to_host, hosts_of(parameters))

    def _connect(
        self, connect: Callable[..., Any], renewed: set[Place], parameters: dict[str, Any]
    ) -> Any:
        place = place_of(parameters)
        login = self.login(place)
        try:
            return connect(**parameters | {"user": login.user, "password": login.password})
        except psycopg.OperationalError as error:
            if place in renewed or not was_refused(error):
                raise
            renewed.add(place)
            newer = self.login(place, refused=login)
            if newer == login:
                raise
        return connect(**parameters | {"user": newer.user, "password": newer.password})


class IamTokens(LoginSource):
    """A token of RDS for each host, port and user, signed with the credentials of this process."""

    spare = 240.0

    def __init__(self, region: str, keep: float = KEEP_TOKEN, **options: Any) -> None:
        super().__init__(keep, **options)
        self.region, self.client = region, _client("rds", region)

    def _ask(self, place: Place) -> Login:
        with told_as_no_login(f"AWS signs no token for {place.user}"):
            token = self.client.generate_db_auth_token(
                DBHostname=place.host, Port=place.port, DBUsername=place.user, Region=self.region
            )
        return Login(place.user, token)


class Secret(LoginSource):
    """User and password of a secret of Secrets Manager, as RDS writes and rotates it."""

    def __init__(self, id: str, region: str, keep: float = KEEP_SECRET, **options: Any) -> None:
        super().__init__(keep, **options)
        self.id, self.client = id, _client("secretsmanager", region)

    def login(self, place: Place, *, refused: Login | None = None) -> Login:
        return super().login(Place("", 0, ""), refused=refused)  # it is the same everywhere

    def _ask(self, place: Place) -> Login:
        with told_as_no_login(f"The secret {self.id} cannot be read"):
            text = self.client.get_secret_value(SecretId=self.id).get("SecretString", "")
        try:
            found = json.loads(text)
            return Login(str(found["username"]), str(found["password"]))
        except (ValueError, KeyError, TypeError):
            raise NoLogin(
                f"The secret {self.id} is no JSON with username and password, as RDS writes it."
            ) from None


class told_as_no_login:  # noqa: N801 - used as a function
    """Turns errors of boto3 into NoLogin, with this beginning."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, BotoCoreError | ClientError):
            raise NoLogin(f"{self.beginning}: {error}") from error


def _client(service: str, region: str) -> Any:
    """A client with a session of its own: making one is not safe among threads."""
    from boto3.session import Session
    from botocore.config import Config
    from botocore.session import get_session

    session = get_session()
    session.set_default_client_config(Config(**PATIENCE))
    return Session(botocore_session=session).client(service, region_name=region)


_sources: dict[tuple[str, str], LoginSource] = {}
# A forked process must not share the connection to AWS, nor a lock that a thread may hold.
os.register_at_fork(after_in_child=_sources.clear)


def source_of(settings: dict[str, Any]) -> LoginSource | None:
    """The source that `LEDGER_CREDENTIALS` of a database's settings names; None for a password."""
    named = settings.get("LEDGER_CREDENTIALS")
    if not named:
        return None
    region, secret = named["region"], named.get("secret", "")
    if (found := _sources.get((region, secret))) is not None:
        return found
    new = Secret(secret, region) if secret else IamTokens(region)
    return _sources.setdefault((region, secret), new)  # that of another thread, if it was first


def hosts_of(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parameters for each host, in their order."""
    lists = {name: str(parameters[name]).split(",") for name in PER_HOST if parameters.get(name)}
    for number in range(max(map(len, lists.values()), default=1)):
        own = {name: list[min(number, len(list) - 1)] for name, list in lists.items()}
        yield parameters | own


def addresses_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters for each address of the one host that they name, as psycopg tries them.

    Raises OperationalError for a name that leads nowhere.
    """
    host, port = str(parameters.get("host") or ""), parameters.get("port")
    is_known = parameters.get("hostaddr") or os.environ.get("PGHOSTADDR")
    if not host or host.startswith("/") or is_known:
        return [parameters]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise psycopg.OperationalError(f"failed to resolve host {host!r}: {error}") from error
    return [parameters | {"hostaddr": each[4][0]} for each in found]


def _first(connect: Callable[[dict[str, Any]], Any], attempts: Iterable[dict[str, Any]]) -> Any:
    """The first connection. Raises the last error, with the servers of all attempts noted."""
    errors: list[psycopg.Error] = []
    for each in attempts:
        try:
            return connect(each)
        except psycopg.OperationalError as error:
            failed_servers.note_connecting(error, each)
            errors.append(error)
    *earlier, last = errors
    failed_servers.note_earlier(last, earlier)
    raise last


def place_of(parameters: dict[str, Any]) -> Place:
    return Place(
        str(parameters.get("host", "")),
        int(parameters.get("port") or 5432),
        str(parameters.get("user", "")),
    )


def was_refused(error: psycopg.OperationalError) -> bool:
    """Whether the server did not believe the password.

    libpq keeps no SQLSTATE of a failed connection, and the message may be in any language. But it
    says that it sent a password, and it knows the server's version only after it was let in. A
    database that does not exist looks the same, and asking once more does no harm.
    """
    raw = error.pgconn
    return raw is not None and raw.used_password and not raw.server_version
