"""Devices: a name that users can read, and a cookie that recognises the device."""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from accounts.models import User

LONGEST_AGENT = 400  # characters of the header that are read
SYSTEMS = {"Mac OS X": "a Mac", "iOS": "an iPhone or iPad", "Chrome OS": "a Chromebook"}
BROWSERS = {"Mobile Safari": "Safari", "Chrome Mobile": "Chrome", "Firefox Mobile": "Firefox",
            "Chrome Mobile iOS": "Chrome", "Firefox iOS": "Firefox"}  # fmt: skip
# Only these names are shown. An attacker could otherwise write any text into the header, for the
# victim to read.
KNOWN_SYSTEMS = frozenset(
    "Windows,Android,Linux,Ubuntu,Debian,Fedora,Mac OS X,iOS,Chrome OS,FreeBSD".split(",")
)
KNOWN_BROWSERS = frozenset(
    "Chrome,Chrome Mobile,Chrome Mobile iOS,Chrome Mobile WebView,Chromium,HeadlessChrome,Firefox,"
    "Firefox Mobile,Firefox iOS,Safari,Mobile Safari,Edge,Edge Mobile,Opera,Opera Mobile,"
    "Opera Touch,Samsung Internet,Vivaldi,Brave,DuckDuckGo Mobile,Yandex Browser,IE,curl,Wget,"
    "Python Requests".split(",")
)
UNKNOWN = "An unknown device"
YEAR = 365 * 24 * 60 * 60
MAX_PEOPLE = 5  # maximum number of users in one cookie
SALT = "accounts.sign_in.devices"


def words_for(request: HttpRequest) -> str:
    """Returns the device as text, such as "Firefox on Windows", with names of known browsers and
    systems only. The text proves nothing, because the client chooses the header.
    """
    from ua_parser import parse

    found = parse(request.META.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT])
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    browser = BROWSERS.get(browser, browser) if browser in KNOWN_BROWSERS else ""
    system = SYSTEMS.get(system, system) if system in KNOWN_SYSTEMS else ""
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or UNKNOWN


def cookie_name() -> str:
    """Returns the name of the cookie. With HTTPS, the name begins with `__Host-`. Browsers then do
    not accept the cookie from another host.
    """
    return "__Host-device" if settings.LEDGER_HTTPS else "device"


def known_device(request: HttpRequest, user: User) -> str:
    """Returns the id of this device if the user has signed in on it before, otherwise ""."""
    return _read(request).get(_mark(user), "")


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Sets the cookie that identifies this device at the user's next sign-in."""
    devices = _read(request)
    device = devices.pop(_mark(user), "") or get_random_string(22)
    newest = [(_mark(user), device), *devices.items()][:MAX_PEOPLE]
    response.set_cookie(
        cookie_name(),
        signing.dumps(dict(newest), salt=SALT),
        max_age=YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, str]:
    try:
        found = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=YEAR)
    except signing.BadSignature:
        return {}
    return dict(found)


def _mark(user: User) -> str:
    """Returns the key of the user in the cookie. The key is a digest, because other users of the
    browser can read the cookie. If the password changes, the key changes too, so that a thief's
    device is no longer a known device.
    """
    facts = f"{user.pk} {user.password}"
    return salted_hmac(SALT, facts, algorithm="sha256").hexdigest()[:22]
