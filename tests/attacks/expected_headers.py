"""The headers that every response has, and the headers that no response has."""

import re
from collections.abc import Mapping

EXPECTED = {
    "Content-Security-Policy": re.compile(
        r"(?=.*default-src '(self|none)')(?=.*frame-ancestors 'none')(?=.*base-uri 'none')"
        r"(?=.*object-src 'none')(?=.*form-action '(self|none)')(?=.*report-uri /csp-report/)"
        r"(?!.*unsafe-)(?!.*\*)"
    ),
    "Cross-Origin-Opener-Policy": re.compile("same-origin"),
    "Cross-Origin-Resource-Policy": re.compile("same-origin"),
    "Cross-Origin-Embedder-Policy": re.compile("require-corp"),
    "Permissions-Policy": re.compile(
        r"(?=.*camera=\(\))(?=.*geolocation=\(\))(?=.*payment=\(\))(?!.*\*)"
    ),
    "Referrer-Policy": re.compile("same-origin|no-referrer|strict-origin"),
    "X-Content-Type-Options": re.compile("nosniff"),
    "X-Frame-Options": re.compile("DENY"),
}
FORBIDDEN = ("Access-Control-Allow-Origin", "Server", "X-Powered-By")


def wrong_headers(headers: Mapping[str, str]) -> list[str]:
    """Returns the names of headers that are missing, have another value, or should not exist."""
    missing = [name for name, value in EXPECTED.items() if not value.match(headers.get(name, ""))]
    return missing + [name for name in FORBIDDEN if name in headers]
