"""Which requests with a long body have a thread, and which wait for one."""

from collections import Counter, deque
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings

from ledger.server.outgoing import few_of


class LongBodies:
    """At most `few_of` the threads read long bodies, and of these all but one for the same client:
    whoever sends slowly, or much, holds up only their own uploads. Behind a proxy, all clients have
    its address, and it gathers bodies before it sends them on.
    """

    def __init__(self, threads: int) -> None:
        self.most = few_of(threads)
        proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
        self.most_of_client = self.most if proxies else max(1, self.most - 1)
        self.waiting: deque[Any] = deque()
        self._running: Counter[str] = Counter()

    def begin(self, conn: Any) -> bool:
        """Whether the request may have a thread now. Otherwise it waits."""
        if self._may_begin(conn):
            self._running[client_of(conn)] += 1
            return True
        self.waiting.append(conn)
        return False

    def end(self, conn: Any) -> Any:
        """Counts the request no more. Returns the next one, which has its place; None without."""
        self._running[client_of(conn)] -= 1
        self._running += Counter()  # without zeros
        following = next((each for each in self.waiting if self._may_begin(each)), None)
        if following is not None:
            self.waiting.remove(following)
            self._running[client_of(following)] += 1
        return following

    def _may_begin(self, conn: Any) -> bool:
        is_free = self._running.total() < self.most
        return is_free and self._running[client_of(conn)] < self.most_of_client


def client_of(conn: Any) -> str:
    """The address of the client; of IPv6 its network of 64 bits, which may be one client's."""
    host = str(conn.client[0]).partition("%")[0] if isinstance(conn.client, tuple) else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host  # of a Unix socket
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> 64)
    return host
