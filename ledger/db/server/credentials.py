"""Temporary logins from AWS: IAM tokens, and secrets that rotate.

Note [Fresh for each connection]: a token is valid for 15 minutes, and a secret until it rotates. So
they are neither in the settings nor in the parameters of a pool: each new connection requests a
login here. An answer of AWS is kept for a shorter time. If the server refuses a login, AWS is
queried once more, and a second refusal becomes the caller's error.

boto3 is imported only if the settings use one of these logins.
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
# Limits for each call of AWS, including calls of STS for the credentials of this process.
CLIENT_OPTIONS = {"connect_timeout": 3, "read_timeout": 5, "retries": {"total_max_attempts": 2}}
# seconds to wait for the thread that queries AWS: as long as a page waits for one server
WAIT = 5.0
# Parameters that libpq accepts as lists, with one value per host.
PER_HOST = ("host", "hostaddr", "port")


@dataclass(frozen=True)
class Login:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Place:
    """The server and user for which a token is valid."""

    host: str
    port: int
    user: str


class NoLogin(SqlclientUnableToEstablishSqlconnection):
    """An error for a login that AWS did not provide; the message contains the reason. No connection
    was tried, so nothing was done.
    """


class LoginSource(ABC):
    """A source of logins. Threads share it, so that AWS is queried once for all of them."""

    # For how many seconds after `keep` a login stays valid while another thread requests the next
    # one.
    spare = math.inf

    def __init__(self, keep: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep, self._clock = keep, clock
        self._kept: dict[Place, tuple[Login, float]] = {}
        self._asking = threading.Lock()
        self._failed: NoLogin | None = None  # the last failure

    @abstractmethod
    def _ask(self, place: Place) -> Login:
        """Requests a login from AWS. Raises NoLogin."""

    def login(self, place: Place, *, refused: Login | None = None) -> Login:
        """Returns a valid login. After a refusal, it queries AWS again unless another thread
        already has.

        Only one thread queries AWS at a time, because AWS may hang. During the query, other threads
        use the login that they have, unless the server refused it. Threads without a login wait at
        most `WAIT` and share the failure. A login that was not refused is used longer while AWS
        does not answer.

        Raises NoLogin.
        """
        if found := self._known(place, refused):
            return found
        old, failed = self._known(place, refused, self.spare), self._failed
        if not self._asking.acquire(timeout=0 if old else WAIT):
            if old:
                return old
            raise NoLogin(f"AWS gave no login within {WAIT:g} s.")
        try:
            if found := self._known(place, refused):  # another thread has fetched a login
                return found
            if self._failed is not failed:  # another thread has failed
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
        """Returns a connection made by `connect`, to the first address that accepts it, with a
        login for each host.

        psycopg would try the addresses of a host itself, but its error shows only for the last
        address whether the password was refused. So each address is a separate attempt.

        Raises the OperationalError of the last address.
        """
        renewed: set[Place] = set()  # places for which AWS was queried again: once for each host

        def to_host(host: dict[str, Any]) -> Any:
            addresses = addresses_of(host)
            self.login(place_of(host))  # so that AWS is queried only once if it provides no login
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
    """Tokens of RDS for each host, port and user, signed with the credentials of this process."""

    spare = 240.0

    def __init__(self, region: str, keep: float = KEEP_TOKEN, **options: Any) -> None:
        super().__init__(keep, **options)
        self.region, self.client = region, _client("rds", region)

    def _ask(self, place: Place) -> Login:
        with raised_as_no_login(f"AWS signs no token for {place.user}"):
            token = self.client.generate_db_auth_token(
                DBHostname=place.host, Port=place.port, DBUsername=place.user, Region=self.region
            )
        return Login(place.user, token)


class Secret(LoginSource):
    """The user and password in a secret of Secrets Manager, as RDS writes and rotates it."""

    def __init__(self, id: str, region: str, keep: float = KEEP_SECRET, **options: Any) -> None:
        super().__init__(keep, **options)
        self.id, self.client = id, _client("secretsmanager", region)

    def login(self, place: Place, *, refused: Login | None = None) -> Login:
        # the secret is the same for all places
        return super().login(Place("", 0, ""), refused=refused)

    def _ask(self, place: Place) -> Login:
        with raised_as_no_login(f"The secret {self.id} cannot be read"):
            text = self.client.get_secret_value(SecretId=self.id).get("SecretString", "")
        try:
            found = json.loads(text)
            return Login(str(found["username"]), str(found["password"]))
        except (ValueError, KeyError, TypeError):
            raise NoLogin(
                f"The secret {self.id} is not JSON with username and password, as RDS writes it."
            ) from None


class raised_as_no_login:  # noqa: N801 - used as a function
    """A context manager that turns errors of boto3 into NoLogin; messages start with
    `beginning`.
    """

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, BotoCoreError | ClientError):
            raise NoLogin(f"{self.beginning}: {error}") from error


def _client(service: str, region: str) -> Any:
    """Returns a client with a separate session, because creating clients is not thread-safe."""
    from boto3.session import Session
    from botocore.config import Config
    from botocore.session import get_session

    session = get_session()
    session.set_default_client_config(Config(**CLIENT_OPTIONS))
    return Session(botocore_session=session).client(service, region_name=region)


_sources: dict[tuple[str, str], LoginSource] = {}
# A forked process must not share the connection to AWS, nor a lock that a thread may hold.
os.register_at_fork(after_in_child=_sources.clear)


def source_of(settings: dict[str, Any]) -> LoginSource | None:
    """Returns the source in `LEDGER_CREDENTIALS` of a database's settings, or None if it uses a
    password.
    """
    named = settings.get("LEDGER_CREDENTIALS")
    if not named:
        return None
    region, secret = named["region"], named.get("secret", "")
    if (found := _sources.get((region, secret))) is not None:
        return found
    new = Secret(secret, region) if secret else IamTokens(region)
    # the source of another thread, if that was faster
    return _sources.setdefault((region, secret), new)


def hosts_of(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the parameters for each host, in their order."""
    lists = {name: str(parameters[name]).split(",") for name in PER_HOST if parameters.get(name)}
    for number in range(max(map(len, lists.values()), default=1)):
        own = {name: list[min(number, len(list) - 1)] for name, list in lists.items()}
        yield parameters | own


def addresses_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the parameters for each address of their one host, in the order in which psycopg
    tries them.

    Raises OperationalError for a name that cannot be resolved.
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
    """Returns the first connection. Raises the last error, with the servers of all attempts
    recorded.
    """
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
    """Returns whether the server refused the password.

    libpq keeps no SQLSTATE of a failed connection, and the message may be in any language. But
    libpq records that it sent a password, and it gets the server's version only after a successful
    login. A missing database looks the same; then a second request to AWS does no harm.
    """
    raw = error.pgconn
    return raw is not None and raw.used_password and not raw.server_version
