"""HTTP headers of every response, which limit what other sites and the page itself may do.

django-csp sets the content security policy. Django sets HSTS, but only over HTTPS.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

# Browser features that no page needs. The names are Chromium's, because Chromium logs an error for
# unknown names. Copying (clipboard-write) and passkeys (publickey-credentials-*) are allowed, but
# only on our own pages.
UNUSED_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture",
    "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid", "idle-detection",
    "local-fonts", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "screen-wake-lock", "serial", "sync-xhr", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
OWN_FEATURES = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
HEADERS = {
    # With these headers, windows of other sites get no reference to our windows and cannot embed
    # our files. Our pages do not embed other sites.
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
    """Middleware that adds these headers to responses. It comes before most other middleware, so
    that errors, probes and static files also have the headers. Headers that a view has set stay.
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
