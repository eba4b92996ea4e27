"""Adds HTTP headers to every response. The headers limit what other sites and the page itself may
do.

Pages contain no inline scripts or styles, and the content security policy allows none. Browsers
report violations of the policy. Django sets HSTS, but only over HTTPS.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from ledger.web.request_log import loaded_user

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
    "X-Frame-Options": "DENY",
}
DEBUG_PAGES = (404, 500)  # with DEBUG, these pages of Django contain inline styles
CSP_REPORT_PATH = "/csp-report/"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    f"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; report-uri {CSP_REPORT_PATH}; "
)


class HeadersMiddleware:
    """Middleware that adds the headers of this module to responses, and forbids caching of
    signed-in users' pages. If a view has set one of the headers, its value stays.

    This middleware comes before all middleware that responds itself, so that errors, probes and
    static files also have the headers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.LEDGER_HTTPS:
            response.headers.setdefault("Reporting-Endpoints", f'csp="{CSP_REPORT_PATH}"')
        if not (settings.DEBUG and response.status_code in DEBUG_PAGES):
            response.headers.setdefault("Content-Security-Policy", _policy())
        person = loaded_user(request)
        if person is not None and person.is_authenticated:
            response.headers.setdefault("Cache-Control", _caching(request))
        return response


def _caching(request: HttpRequest) -> str:
    """Returns the header for a signed-in user's page, which the browser's Back button must not show
    after a sign-out. The response to a POST is only `private`, because with `no-store` the Back
    button could not return to this response.
    """
    return "private, no-store" if request.method in ("GET", "HEAD") else "private"


def _policy() -> str:
    """Returns the content security policy. Signing in or out at an identity provider begins with a
    form on this site, and Chromium also checks the redirect that follows. So `form-action` contains
    the origins of the provider.
    """
    provider = settings.LEDGER_PROVIDER
    targets = ["'self'", *(provider.origins if provider else ())]
    report_to = "; report-to csp" if settings.LEDGER_HTTPS else ""  # only supported over HTTPS
    return f"{POLICY}form-action {' '.join(targets)}{report_to}"
