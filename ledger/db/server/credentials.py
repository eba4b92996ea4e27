"""Requests temporary logins from AWS: IAM tokens, and secrets that rotate.

Note [Fresh for each connection]: a token is valid for 15 minutes, and a secret until it rotates.
Therefore logins are not stored in the settings or in the parameters of a pool. Each new connection
requests a login from this module, which caches the answer of AWS for less time than the login is
valid. If the server refuses a login, this module requests another login from AWS once. If the
server refuses this login too, the caller gets the error.

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

KEEP_TOKEN = 600  # seconds; a token is valid for 900 seconds
KEEP_SECRET = 300
# Limits for each request to AWS, including the requests to STS for the credentials of this process.
CLIENT_OPTIONS = {"connect_timeout": 3, "read_timeout": 5, "retries": {"total_max_attempts": 2}}
# Seconds to wait for the thread that sends a request to AWS. A page waits as long for one server.
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
    """An error for a login that AWS did not provide. The message contains the reason. No connection
    was opened, so nothing was changed.
    """


class NoCredentials(NoLogin):
    """A NoLogin because this process has no credentials of AWS."""


class LoginSource(ABC):
    """A source of logins that all threads share, so that one request to AWS is enough for all
    threads.
    """

    # For how many seconds after `keep` the old login may be used while another thread requests the
    # next login.
    spare = math.inf
    _new_client: Callable[[], Any]

    def __init__(self, keep: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep, self._clock = keep, clock
        self._kept: dict[Place, tuple[Login, float]] = {}
        self._asking = threading.Lock()
        self._failed: NoLogin | None = None  # the error of the last request that failed

    @abstractmethod
    def _ask(self, place: Place) -> Login:
        """Requests a login for this server and user from AWS. Raises NoLogin."""

    def login(self, place: Place, *, refused: Login | None = None) -> Login:
        """Returns a valid login. `refused` is a login that the server refused, or None. A refused
        login is replaced with a new login from AWS.

        Only one thread at a time sends requests to AWS, because AWS may hang. Other threads use the
        old login or wait for at most `WAIT` seconds. If AWS does not answer, the old login is used
        longer. A refused login is never used again.

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
            if found := self._known(place, refused):  # another thread has got a new login
                return found
            # The request of another thread has failed.
            if self._failed and self._failed is not failed:
                raise type(self._failed)(str(self._failed))
            return self._renewed(place, refused)
        finally:
            self._asking.release()

    def _renewed(self, place: Place, refused: Login | None) -> Login:
        old, _until = self._kept.get(place, (None, 0.0))
        if isinstance(self._failed, NoCredentials):  # a client looks for credentials only once
            self.client, self._failed = self._new_client(), None
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
        """Returns a connection to the first address that accepts one. Calls `connect` for each
        address, with a login for the host.

        psycopg could try all addresses of a host itself. But its error would show only for the last
        address whether the password was refused.

        Raises the OperationalError of the last address.
        """
        # Servers and users for which a second login was requested from AWS, once for each host.
        renewed: set[Place] = set()

        def to_host(host: dict[str, Any]) -> Any:
            addresses = addresses_of(host)
            # This call makes sure that AWS gets only one request per host if it provides no login.
            self.login(place_of(host))
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
    """A source of RDS tokens. A token is valid for one host, port and user, and is signed with the
    credentials of this process.
    """

    spare = 240.0

    def __init__(self, region: str, keep: float = KEEP_TOKEN, **options: Any) -> None:
        super().__init__(keep, **options)
        self.region, self._new_client = region, partial(_client, "rds", region)
        self.client = self._new_client()

    def _ask(self, place: Place) -> Login:
        with raised_as_no_login(f"AWS signs no token for {place.user}"):
            token = self.client.generate_db_auth_token(
                DBHostname=place.host, Port=place.port, DBUsername=place.user, Region=self.region
            )
        return Login(place.user, token)


class Secret(LoginSource):
    """A source of logins from a secret of Secrets Manager, in the format of RDS."""

    def __init__(self, id: str, region: str, keep: float = KEEP_SECRET, **options: Any) -> None:
        super().__init__(keep, **options)
        self.id, self._new_client = id, partial(_client, "secretsmanager", region)
        self.client = self._new_client()

    def login(self, place: Place, *, refused: Login | None = None) -> Login:
        # the secret is the same for all servers and users
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
    """A context manager that converts boto3 errors to NoLogin. Each message starts with
    `beginning`.
    """

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        if isinstance(error, NoCredentialsError):
            raise NoCredentials(f"{self.beginning}: {error}") from error
        if isinstance(error, BotoCoreError | ClientError):
            raise NoLogin(f"{self.beginning}: {error}") from error


def _client(service: str, region: str) -> Any:
    """Returns a boto3 client with a separate session. Creating several clients from one session is
    not thread-safe.
    """
    from boto3.session import Session
    from botocore.config import Config
    from botocore.session import get_session

    session = get_session()
    session.set_default_client_config(Config(**CLIENT_OPTIONS))
    return Session(botocore_session=session).client(service, region_name=region)


_sources: dict[tuple[str, str], LoginSource] = {}
# A forked process must not use its parent's connection to AWS, or a lock that a thread of the
# parent may have.
os.register_at_fork(after_in_child=_sources.clear)


def source_of(settings: dict[str, Any]) -> LoginSource | None:
    """Returns the object that requests logins for a database from AWS. `settings` are the settings
    of one database. Returns None if they have no `LEDGER_CREDENTIALS`, because the database then
    uses a password.
    """
    named = settings.get("LEDGER_CREDENTIALS")
    if not named:
        return None
    region, secret = named["region"], named.get("secret", "")
    if (found := _sources.get((region, secret))) is not None:
        return found
    new = Secret(secret, region) if secret else IamTokens(region)
    # if another thread was faster, this is the source of that thread
    return _sources.setdefault((region, secret), new)


def hosts_of(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the connection parameters of each host, in the order of `parameters`."""
    lists = {name: str(parameters[name]).split(",") for name in PER_HOST if parameters.get(name)}
    for number in range(max(map(len, lists.values()), default=1)):
        own = {name: list[min(number, len(list) - 1)] for name, list in lists.items()}
        yield parameters | own


def addresses_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the connection parameters of each address of the host, in psycopg's order.
    `parameters` must contain only one host.

    Raises OperationalError if the host name cannot be resolved.
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
    """Returns the first connection that can be opened. If no connection can be opened, raises the
    last error and records the servers of all attempts on it.
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
    """Returns whether the server refused the password. Also returns True if the database does not
    exist. The caller then requests another login, which does no harm.

    A failed connection has no SQLSTATE, and its message may be in any language. But libpq records
    that it sent a password, and receives the server's version only after a successful login.
    """
    raw = error.pgconn
    return raw is not None and raw.used_password and not raw.server_version
