"""Settings for the cache of all processes: a Redis server (CACHE_URL) or a database table."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import environ

from ledger import env

NOT_INSTALLED = (
    "it needs the package redis of the extra cache, which is not installed:"
    " make install-extras, or pip install redis"
)
ONE_SERVER = "limits are counted on one server, and it names several"
NO_HOST = "it names no host, such as redis://host:6379/0"
PLAIN = (
    "others could read and change what is sent to a public host; take rediss://, or a host of a"
    " private network"
)


def caches() -> dict[str, dict[str, Any]]:
    """Returns the value of CACHES. Ends the process if CACHE_URL is not exactly one Redis server,
    or if the Python client for Redis is not installed.
    """
    found = env.url("CACHE_URL", environ.Env.cache_url_config, ["redis", "rediss"])
    if not found:
        return {"default": {"BACKEND": "ledger.db.cache.shared.SharedCache", "LOCATION": "cache"}}
    if find_spec("redis") is None:
        env.refuse("CACHE_URL", NOT_INSTALLED)
    if not isinstance(found["LOCATION"], str):
        env.refuse("CACHE_URL", ONE_SERVER)
    place = urlsplit(env.text("CACHE_URL"))
    if not place.hostname and not place.path.strip("/"):
        env.refuse("CACHE_URL", NO_HOST)
    if place.scheme != "rediss" and env.is_public(place.hostname or ""):
        env.refuse("CACHE_URL", PLAIN)
    return {"default": {**found, "BACKEND": "ledger.db.cache.redis.RedisOrTable"}}
