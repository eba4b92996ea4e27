"""Checks the URLs of webhooks: only public IP addresses are allowed, and no server in the bank's
network.

Note [Checked addresses]: a host may resolve to a different IP address at each lookup. Therefore a
check at registration is not enough, and the connection must not look up the host again. Each
delivery looks up the host once, refuses the host if one of its addresses is not public, and
connects to one of the checked addresses. The host is then used only for TLS and the Host header.
"""

import ipaddress
import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from urllib.parse import quote, urlsplit
from uuid import UUID

import idna
from django.conf import settings

from accounts.exceptions import LedgerError
from banking.events.models.webhook import URL_LIMIT

PORTS = (443, 8443)
LOOK_UP_SECONDS = 5.0
# Maximum numbers of parallel lookups in a process. A lookup that hangs occupies its slot until the
# resolver gives up, so each person has only a few slots.
MAX_LOOK_UPS, MAX_LOOK_UPS_OF_PERSON = 64, 2
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Networks that are not public although `is_global` accepts them: IPv6 addresses that contain an
# IPv4 address, which a gateway would unpack, and the address of a cloud service. In IPv6, only the
# assigned Internet addresses are public.
NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "168.63.129.16/32",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip
GIVEN_OUT = ipaddress.IPv6Network("2000::/3")


class AddressRefused(LedgerError):
    """A webhook cannot use this URL. The field detail contains the reason."""


@dataclass(frozen=True, slots=True)
class HookTarget:
    """The parts of a webhook's URL."""

    is_https: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def read(url: str) -> HookTarget:
    """Returns the parts of the URL.

    Raises: AddressRefused if no delivery may be sent to this URL.
    """
    if len(url) > URL_LIMIT:
        raise AddressRefused(f"An address has at most {URL_LIMIT} characters.")
    if re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise AddressRefused("An address has no spaces, backslashes or control characters.")
    try:
        parts = urlsplit(url)
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError as error:
        raise AddressRefused("Type an address such as https://shop.example/hook.") from error
    schemes = ("https", "http") if settings.LEDGER_WEBHOOK_PRIVATE else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefused("The address must begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("Leave the user name and password out of the address.")
    if parts.fragment:
        raise AddressRefused("Leave out the part after #.")
    is_https = parts.scheme == "https"
    port = port or (443 if is_https else 80)
    if port not in PORTS and not settings.LEDGER_WEBHOOK_PRIVATE:
        raise AddressRefused("The port must be 443 or 8443.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return HookTarget(is_https, host, port, f"{path}?{query}" if query else path)


def _host(name: str) -> str:
    """Returns the host name or the IP address in ASCII.

    Raises: ValueError if the text is neither a host name nor an IP address; AddressRefused if IDNA
    2003 and IDNA 2008 convert the name to different hosts, as with the letter "ß". For such a name,
    a browser could open another host than Ledger.
    """
    if "%" in name:  # IPv6Address would accept a zone, which is only valid on one machine
        raise ValueError(name)
    if ":" in name:
        return str(ipaddress.IPv6Address(name))
    name = name.rstrip(".")
    ascii_name = name.encode("idna").decode().lower()
    if not name.isascii() and ascii_name != idna.encode(name, uts46=True).decode():
        raise AddressRefused(
            "Type the host in ASCII, like xn--...: programs read this name in different ways."
        )
    if not HOST.fullmatch(ascii_name):
        raise ValueError(name)
    return ascii_name


def resolve(target: HookTarget, owner: UUID) -> list[str]:
    """Looks up the target's host, checks its IP addresses, and returns them: see Note [Checked
    addresses]. `owner` is the owner of the webhook.

    Raises: AddressRefused if the host has no address, or if one of its addresses is not public.
    Both cases have the same message, so that the message does not reveal the hosts in the bank's
    network.
    """
    found = _looked_up(target, owner)
    if found and (settings.LEDGER_WEBHOOK_PRIVATE or all(map(is_public, found))):
        return found
    raise AddressRefused(f"{target.host} has no public address on the Internet.")


def is_public(text: str) -> bool:
    """Returns whether `text` is an IP address that anybody on the Internet can use. Returns False
    for an address in a private network, for example.
    """
    if "%" in text:  # a zone, which is only valid on this machine
        return False
    address: IPAddress = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address not in GIVEN_OUT:
        return False  # for example IPv4 in IPv6, NAT64, ULA, link-local and loopback
    if any(address in network for network in NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def look_up(host: str, port: int) -> list[str]:
    """Returns the IP addresses of the host, in the order of the system's resolver. Returns an empty
    list if the host is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


_lock = threading.Lock()
_running = Counter[UUID]()  # the number of running lookups of each person


def _looked_up(target: HookTarget, owner: UUID) -> list[str]:
    """Returns the result of `look_up`. Calls `look_up` in a thread, because a resolver has no time
    limit.

    Raises: AddressRefused if the lookup takes too long, or immediately if too many lookups are
    running.
    """
    answers: SimpleQueue[list[str]] = SimpleQueue()

    def resolve_name() -> None:
        try:
            answers.put(look_up(target.host, target.port))
        finally:
            _release_slot(owner)

    with _lock:
        if _running[owner] >= MAX_LOOK_UPS_OF_PERSON or _running.total() >= MAX_LOOK_UPS:
            raise AddressRefused(f"{target.host} could not be looked up. Try again later.")
        _running[owner] += 1
    try:
        threading.Thread(target=resolve_name, daemon=True).start()
    except RuntimeError as error:  # the system cannot start another thread
        _release_slot(owner)
        raise AddressRefused(f"{target.host} could not be looked up. Try again later.") from error
    try:
        return answers.get(timeout=LOOK_UP_SECONDS)
    except Empty:
        raise AddressRefused(f"{target.host} could not be looked up in time.") from None


def _release_slot(owner: UUID) -> None:
    with _lock:
        _running[owner] -= 1
        if not _running[owner]:
            del _running[owner]
