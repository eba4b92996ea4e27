"""Headers that every response has: what other sites and the page itself may do with it.

The content security policy is django-csp's; HSTS, on HTTPS alone, is Django's.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

# What no page here needs, by the names that Chromium knows: it complains about any other. Copying
# (clipboard-write) and passkeys (publickey-credentials-*) stay allowed, for our own pages alone.
UNUSED_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture",
    "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid", "idle-detection",
    "local-fonts", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "screen-wake-lock", "serial", "sync-xhr", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
OWN_FEATURES = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
HEADERS = {
    # No other site's window keeps a handle on ours, embeds our files, or is embedded here.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [
            *(f"{feature}=()" for feature in UNUSED_FEATURES),
            *(f"{feature}=(self)" for feature in OWN_FEATURES),
        ]
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": settings.X_FRAME_OPTIONS,
}


class HeadersMiddleware:
    """Stands first, so that errors, probes and static files have the headers, too.

    A header that a view has set stays.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if settings.LEDGER_HTTPS:
            endpoint = f'csp="{settings.CSP_REPORT_PATH}"'
            response.headers.setdefault("Reporting-Endpoints", endpoint)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
