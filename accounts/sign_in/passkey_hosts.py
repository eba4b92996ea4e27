"""Decides at which hosts passkeys work. Browsers accept passkeys only at host names, not at IP
addresses.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.http import HttpRequest


def no_passkeys_at(request: HttpRequest) -> str:
    """Returns a message that explains why passkeys cannot work at the host of this request, and
    what to do. Returns "" if passkeys work.
    """
    here = urlsplit(request.build_absolute_uri("/"))
    try:
        is_this_computer = ip_address(here.hostname or "").is_loopback
    except ValueError:
        return ""
    by_name = "Open this site by its name"
    if is_this_computer:
        port = f":{here.port}" if here.port else ""
        by_name = f"Open {here.scheme}://localhost{port}{request.path}"
    return f"Browsers do not accept passkeys at {here.hostname}, an IP address. {by_name}."
