"""Sends one delivery over HTTP to a checked IP address, within a time limit. Does not follow
redirects.

This module connects the socket itself. So http.client cannot look up the host, use a proxy of the
environment, or follow redirects. The time limit of http.client applies to each read. Therefore a
watcher thread ends the connection if the whole exchange takes too long.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from time import monotonic
from uuid import UUID

from banking.events.targets import AddressRefused, HookTarget, read, resolve

AGENT = "Ledger-Webhooks/1"
GONE = 410
SLOW_SECONDS = 2.0  # a longer attempt ends the turn of the webhook


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of one attempt to send an event. `error` is a message for the owner, or "" after a
    success. `is_unreachable` is true if the receiver sent no answer.
    """

    code: int | None
    error: str
    seconds: float
    is_unreachable: bool = False

    @property
    def is_delivered(self) -> bool:
        return not self.error

    @property
    def is_slow(self) -> bool:
        return self.seconds > SLOW_SECONDS


def send(
    url: str, headers: Mapping[str, str], body: bytes, *, owner: UUID, seconds: float
) -> SendResult:
    """Sends the body to the URL of this person's webhook, and returns the result. If the address is
    refused or the network fails, returns a result with an error message, and raises no exception.
    """
    began = monotonic()
    try:
        target = read(url)
        code = _exchange(target, resolve(target, owner), headers, body, seconds)
    except AddressRefused as refusal:
        return SendResult(None, str(refusal), monotonic() - began, is_unreachable=True)
    except (OSError, HTTPException) as error:
        took = monotonic() - began
        return SendResult(None, _why(error, took, seconds), took, is_unreachable=True)
    return SendResult(code, _refusal(code), monotonic() - began)


def _exchange(
    target: HookTarget,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    limit: float,
) -> int:
    """Sends the request and returns the HTTP status of the answer. Does not read the body of the
    answer.
    """
    raw = _connected(addresses, target.port, limit)
    with _ended_after(raw, limit) as is_over:
        sock = _with_tls(raw, target.host) if target.is_https else raw
        connection = HTTPConnection(target.host, target.port, timeout=limit)
        connection.sock = sock
        try:
            connection.request(
                "POST",
                target.path,
                body,
                {
                    "Host": target.host_header,
                    "Content-Type": "application/json",
                    "User-Agent": AGENT,
                    "Connection": "close",
                    **headers,
                },
            )
            with closing(connection.getresponse()) as response:
                if is_over.is_set():  # an ended connection looks like the end of the headers
                    raise TimeoutError
                return response.status
        finally:
            connection.close()
            sock.close()


def _connected(addresses: Sequence[str], port: int, limit: float) -> socket.socket:
    """Returns a connected socket. Tries the IP addresses in order until one accepts the connection.
    `limit` is the time limit in seconds for all addresses together.
    """
    until = monotonic() + limit
    refused: OSError = TimeoutError()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(0.01, until - monotonic()))
            sock.connect((address, port))
            sock.settimeout(limit)
        except OSError as error:
            sock.close()
            refused = error
        else:
            return sock
        if monotonic() >= until:
            break
    raise refused


@cache
def tls_context() -> ssl.SSLContext:
    """Returns a TLS context that checks certificates and host names with the system's certificate
    authorities.
    """
    return ssl.create_default_context()


def _with_tls(raw: socket.socket, host: str) -> socket.socket:
    try:
        return tls_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise


@contextmanager
def _ended_after(sock: socket.socket, seconds: float) -> Iterator[threading.Event]:
    """Ends the connection if the `with` block takes longer than `seconds`, even while the block is
    waiting for an answer. Yields a threading.Event that is set at this time.
    """
    handle, is_over = sock.dup(), threading.Event()  # a copy, because TLS takes the original

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    watcher = threading.Timer(seconds, end)
    watcher.daemon = True
    watcher.start()
    try:
        yield is_over
    finally:
        watcher.cancel()
        handle.close()


def _refusal(code: int) -> str:
    """Returns a message for the webhook's owner if this HTTP status is a failure, or "" if the
    status is a success.
    """
    if 200 <= code < 300:
        return ""
    if 300 <= code < 400:
        return "The address answered with a redirect. We do not follow redirects."
    if code == GONE:
        return "The address answered that it no longer exists."
    return "The address answered that it did not accept the event."


def _why(error: BaseException, took: float, seconds: float) -> str:
    if isinstance(error, TimeoutError) or took >= seconds:
        return f"No answer came within {seconds:g} seconds."
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The certificate of the address is not valid for this name."
    if isinstance(error, ssl.SSLError):
        return "The TLS handshake with the address failed."
    if isinstance(error, ConnectionRefusedError):
        return "The address refused the connection."
    if isinstance(error, HTTPException):
        return "The answer of the address is not HTTP."
    return "The connection failed."
