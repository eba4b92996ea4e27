"""Which server an error of the database is about, noted at the error itself.

psycopg names the server of a failed connection only in its message, and not at all when an open one
is lost. The message may have users and parts of statements in it, so logs do not take it: they take
what is noted here, and `ledger.db.outages.reasons` for the reason.
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
# How psycopg begins the line of each host, where it has tried several.
_ONE_OF_SEVERAL = re.compile(
    r"^- host: ('[^'\n]*'|None), port: ('\d+'|None), hostaddr: ('[^'\n]*'|None): ", re.MULTILINE
)


@dataclass(frozen=True)
class FailedServer:
    """A server, "" for one that is not known, and what went wrong there: not for logs."""

    server: str
    error: psycopg.Error


def failed_servers_of(error: psycopg.Error) -> tuple[FailedServer, ...]:
    """What was noted; else one of an unknown server."""
    noted: tuple[FailedServer, ...] = getattr(error, _NOTED, ())
    return noted or (FailedServer("", error),)


def note_not_opened(error: psycopg.Error) -> None:
    """Notes that the connection to run a statement on could not be opened, so nothing was done. A
    wrong parameter is no such error: it would fail again.
    """
    if isinstance(error, psycopg.OperationalError):
        setattr(error, _NOT_OPENED, True)


def is_not_opened(error: BaseException | None) -> bool:
    """Whether `note_not_opened` noted that."""
    return hasattr(error, _NOT_OPENED)


def note_words_of_driver(error: psycopg.Error) -> None:
    """Notes that the message is of AWS's driver, which does not say what failed."""
    setattr(error, _WORDS_OF_DRIVER, True)


def has_words_of_driver(error: psycopg.Error) -> bool:
    """Whether `note_words_of_driver` noted that."""
    return hasattr(error, _WORDS_OF_DRIVER)


def note_connecting(error: psycopg.Error, parameters: Mapping[str, Any]) -> None:
    """Notes the servers that an attempt to connect with these parameters has tried, unless they are
    noted already.
    """
    if hasattr(error, _NOTED):
        return
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    alike = [FailedServer(name, error) for name in names_of(hosts, parameters.get("port"))]
    _note(error, _several(error, hosts) or alike)


def note_server(error: psycopg.Error, server: str) -> None:
    """Notes the server of an open connection, unless one is noted already."""
    if not hasattr(error, _NOTED):
        _note(error, [FailedServer(server, error)])


def note_earlier(error: psycopg.Error, earlier: Iterable[psycopg.Error]) -> None:
    """Notes what is noted at earlier errors before what is noted at this one."""
    own: tuple[FailedServer, ...] = getattr(error, _NOTED, ())
    _note(error, [one for each in earlier for one in failed_servers_of(each)] + list(own))


def names_of(hosts: Sequence[str], port: object) -> list[str]:
    """The name of each host, with its own port of a list of ports, or the one for all."""
    ports = str(port or DEFAULT_PORT).split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    return [name_of(*each) for each in zip(hosts, ports, strict=True)]


def name_of(host: str, port: str) -> str:
    """`db.example:5432`, `[::1]:5432`, or the path of a socket; "" without a host."""
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{port}" if host else ""


def _several(error: psycopg.Error, hosts: list[str]) -> list[FailedServer]:
    """One for each host that the message names, if they are ours."""
    text = str(error)
    heads = list(_ONE_OF_SEVERAL.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    found = []
    for head, end in zip(heads, ends, strict=False):  # no line at all: one end too many
        host, port, address = (literal_eval(value) or "" for value in head.groups())
        if (host or address) in hosts:
            own = psycopg.OperationalError(text[head.end() : end])
            found.append(FailedServer(name_of(host or address, port or str(DEFAULT_PORT)), own))
    return found


def _note(error: psycopg.Error, found: list[FailedServer]) -> None:
    setattr(error, _NOTED, tuple(found))
