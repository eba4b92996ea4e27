"""The servers that a database error is about, recorded on the error itself.

psycopg puts the server of a failed connection only into its message, and reports no server when an
open connection is lost. The message may contain users and parts of statements, so logs do not use
it: they use what is recorded here, and `ledger.db.outages.reasons` for the reason.
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
# The beginning of psycopg's line for each host, if it has tried several.
_ONE_OF_SEVERAL = re.compile(
    r"^- host: ('[^'\n]*'|None), port: ('\d+'|None), hostaddr: ('[^'\n]*'|None): ", re.MULTILINE
)


@dataclass(frozen=True)
class FailedServer:
    """A server ("" if it is not known) and its error, which is not for logs."""

    server: str
    error: psycopg.Error


def failed_servers_of(error: psycopg.Error) -> tuple[FailedServer, ...]:
    """Returns the recorded servers, or one unknown server if none is recorded."""
    noted: tuple[FailedServer, ...] = getattr(error, _NOTED, ())
    return noted or (FailedServer("", error),)


def note_not_opened(error: psycopg.Error) -> None:
    """Records that the connection for a statement could not be opened, so nothing was done. A wrong
    parameter does not count, because it would fail again.
    """
    if isinstance(error, psycopg.OperationalError):
        setattr(error, _NOT_OPENED, True)


def is_not_opened(error: BaseException | None) -> bool:
    """Returns whether `note_not_opened` recorded this error."""
    return hasattr(error, _NOT_OPENED)


def note_words_of_driver(error: psycopg.Error) -> None:
    """Records that the message comes from AWS's driver, which does not report what failed."""
    setattr(error, _WORDS_OF_DRIVER, True)


def has_words_of_driver(error: psycopg.Error) -> bool:
    """Returns whether `note_words_of_driver` recorded this error."""
    return hasattr(error, _WORDS_OF_DRIVER)


def note_connecting(error: psycopg.Error, parameters: Mapping[str, Any]) -> None:
    """Records the servers that an attempt to connect with these parameters has tried, unless
    servers are already recorded.
    """
    if hasattr(error, _NOTED):
        return
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    alike = [FailedServer(name, error) for name in names_of(hosts, parameters.get("port"))]
    _note(error, _several(error, hosts) or alike)


def note_server(error: psycopg.Error, server: str) -> None:
    """Records the server of an open connection, unless a server is already recorded."""
    if not hasattr(error, _NOTED):
        _note(error, [FailedServer(server, error)])


def note_earlier(error: psycopg.Error, earlier: Iterable[psycopg.Error]) -> None:
    """Records the servers of earlier errors before the servers of this error."""
    own: tuple[FailedServer, ...] = getattr(error, _NOTED, ())
    _note(error, [server for each in earlier for server in failed_servers_of(each)] + list(own))


def names_of(hosts: Sequence[str], port: object) -> list[str]:
    """Returns the name of each host, with its port from a list of ports, or with the one port for
    all.
    """
    ports = str(port or DEFAULT_PORT).split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    return [name_of(*each) for each in zip(hosts, ports, strict=True)]


def name_of(host: str, port: str) -> str:
    """Returns a name such as `db.example:5432`, `[::1]:5432`, or the path of a socket; "" without a
    host.
    """
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{port}" if host else ""


def _several(error: psycopg.Error, hosts: list[str]) -> list[FailedServer]:
    """Returns a FailedServer for each host in the message that belongs to `hosts`."""
    text = str(error)
    heads = list(_ONE_OF_SEVERAL.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    found = []
    for head, end in zip(heads, ends, strict=False):  # without any line there is one end too many
        host, port, address = (literal_eval(value) or "" for value in head.groups())
        if (host or address) in hosts:
            own = psycopg.OperationalError(text[head.end() : end])
            found.append(FailedServer(name_of(host or address, port or str(DEFAULT_PORT)), own))
    return found


def _note(error: psycopg.Error, found: list[FailedServer]) -> None:
    setattr(error, _NOTED, tuple(found))
