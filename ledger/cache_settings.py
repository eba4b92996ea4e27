"""The cache that all processes share: the server of CACHE_URL, or a table of the database."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import environ

from ledger import env

REDIS, MEMCACHED = ("redis", "rediss"), ("pymemcache",)
# How Django is to speak with a server.
BACKENDS = {
    "redis": "django.core.cache.backends.redis.RedisCache",
    "pymemcache": "ledger.db.memcached.OneMemcached",
}
PACKAGES = dict.fromkeys(REDIS, "redis") | dict.fromkeys(MEMCACHED, "pymemcache")
NOT_SHARED = (
    "each process would count the limits on signing in by itself; leave it empty for a table in the"
    " database, or name a Redis, such as redis://host:6379/0"
)
ONE_SERVER = "limits are counted on one server, and it names several"
NO_HOST = "it names no host, such as redis://host:6379/0"
PLAIN = (
    "others could read and change what is sent to a public host; take rediss://, or a host of a"
    " private network"
)


def caches(*, debug: bool) -> dict[str, dict[str, Any]]:
    """CACHES. Refuses a server whose client is not installed, and what would not be shared."""
    known = [*PACKAGES, "locmemcache"]
    found = env.url("CACHE_URL", environ.Env.cache_url_config, known)
    if not found:
        return {"default": {"BACKEND": "ledger.db.shared_cache.SharedCache", "LOCATION": "cache"}}
    scheme = env.text("CACHE_URL").partition("://")[0]
    if scheme == "locmemcache":
        if not debug:
            env.refuse("CACHE_URL", NOT_SHARED)
        return {"default": found}
    package = PACKAGES[scheme]
    if find_spec(package) is None:
        env.refuse(
            "CACHE_URL",
            f"it needs the package {package} of the extra cache, which is not installed:"
            f" make install-extras, or pip install {package}",
        )
    _check_place(scheme, found["LOCATION"])
    return {
        "default": {
            **found,
            "BACKEND": "ledger.db.outside_cache.OutsideCache",
            "BACKEND_OF_SERVER": BACKENDS[package],
        }
    }


def _check_place(scheme: str, location: str | list[str]) -> None:
    if not isinstance(location, str):
        env.refuse("CACHE_URL", ONE_SERVER)
    place = urlsplit(env.text("CACHE_URL"))
    if not place.hostname and not place.path.strip("/"):
        env.refuse("CACHE_URL", NO_HOST)
    if scheme != "rediss" and env.is_public(place.hostname or ""):
        env.refuse("CACHE_URL", PLAIN)
