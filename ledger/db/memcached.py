"""One memcached server."""

from typing import Any

from django.core.cache.backends.memcached import PyMemcacheCache
from django.utils.functional import cached_property


class OneMemcached(PyMemcacheCache):
    """Django's backend with pymemcache's client for one server: the client for several, which
    Django takes, answers like an empty cache for a while after a failure, without an error.
    """

    @cached_property
    def _cache(self) -> Any:
        from pymemcache.client.base import Client

        settings: Any = self
        (server,) = settings._servers
        return Client(server, **settings._options)
