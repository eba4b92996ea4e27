"""Records on a database error which servers failed.

psycopg puts the server of a failed connection only into the message of the error, and does not
report the server of a lost connection. Logs must not contain the message, which may contain users
and parts of SQL statements. Instead, logs contain the recorded servers and the reasons from
`ledger.db.outages.reasons`.
"""

import re
from ast import literal_eval
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

DEFAULT_PORT = 5432
_NOTED, _NOT_OPENED = "ledger_failed_servers", "ledger_not_opened"
_WORDS_OF_DRIVER = "ledger_words_of_driver"
# The beginning of the line that psycopg writes for each host, if it has tried several hosts.
_ONE_OF_SEVERAL = re.compile(
    r"^- host: ('[^'\n]*'|None), port: ('\d+'|None), hostaddr: ('[^'\n]*'|None): ", re.MULTILINE
)


@dataclass(frozen=True)
class FailedServer:
    """A server and its error. `server` is "" if the server is not known. The error must not be
    logged.
    """

    server: str
    error: psycopg.Error


def failed_servers_of(error: psycopg.Error) -> tuple[FailedServer, ...]:
    """Returns the servers that are recorded on the error. If no servers are recorded, returns one
    unknown server.
    """
    noted: tuple[FailedServer, ...] = getattr(error, _NOTED, ())
    return noted or (FailedServer("", error),)


def note_not_opened(error: psycopg.Error) -> None:
    """Records on the error that no connection could be opened, so nothing was changed. Skips errors
    about wrong parameters, because a second attempt would fail too.
    """
    if isinstance(error, psycopg.OperationalError):
        setattr(error, _NOT_OPENED, True)


def is_not_opened(error: BaseException | None) -> bool:
    """Returns whether `note_not_opened` was called for this error."""
    return hasattr(error, _NOT_OPENED)


def note_words_of_driver(error: psycopg.Error) -> None:
    """Records on the error that its message is from AWS's driver and does not name the server."""
    setattr(error, _WORDS_OF_DRIVER, True)


def has_words_of_driver(error: psycopg.Error) -> bool:
    """Returns whether `note_words_of_driver` was called for this error."""
    return hasattr(error, _WORDS_OF_DRIVER)


def note_connecting(error: psycopg.Error, parameters: Mapping[str, Any]) -> None:
    """Records on the error the servers to which psycopg tried to connect. Does nothing if the error
    already records servers.
    """
    if hasattr(error, _NOTED):
        return
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    alike = [FailedServer(name, error) for name in names_of(hosts, parameters.get("port"))]
    _note(error, _several(error, hosts) or alike)


def note_server(error: psycopg.Error, server: str) -> None:
    """Records on the error the server of an open connection. Does nothing if the error already
    records servers.
    """
    if not hasattr(error, _NOTED):
        _note(error, [FailedServer(server, error)])


def note_earlier(error: psycopg.Error, earlier: Iterable[psycopg.Error]) -> None:
    """Adds the servers of earlier errors to the servers that are recorded on this error. The
    earlier servers come first.
    """
    own: tuple[FailedServer, ...] = getattr(error, _NOTED, ())
    _note(error, [server for each in earlier for server in failed_servers_of(each)] + list(own))


def names_of(hosts: Sequence[str], port: object) -> list[str]:
    """Returns the name of each host with its port. `port` contains one port for each host or one
    port for all hosts.
    """
    ports = str(port or DEFAULT_PORT).split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    return [name_of(*each) for each in zip(hosts, ports, strict=True)]


def name_of(host: str, port: str) -> str:
    """Returns a name such as `db.example:5432` or `[::1]:5432`, or the path of a socket. Returns ""
    for an empty host.
    """
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{port}" if host else ""


def _several(error: psycopg.Error, hosts: list[str]) -> list[FailedServer]:
    """Returns a FailedServer for each of the hosts that the error's message contains."""
    text = str(error)
    heads = list(_ONE_OF_SEVERAL.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    found = []
    # If the message has no line for a host, `ends` has one more element than `heads`.
    for head, end in zip(heads, ends, strict=False):
        host, port, address = (literal_eval(value) or "" for value in head.groups())
        if (host or address) in hosts:
            own = psycopg.OperationalError(text[head.end() : end])
            found.append(FailedServer(name_of(host or address, port or str(DEFAULT_PORT)), own))
    return found


def _note(error: psycopg.Error, found: list[FailedServer]) -> None:
    setattr(error, _NOTED, tuple(found))
