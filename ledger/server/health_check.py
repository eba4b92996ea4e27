"""Checks whether the site in this container answers. The exit code is 0 if the site answers,
otherwise 1.
"""

import http.client
import os
import sys

SECONDS = 4


def main() -> int:
    probes = int(os.environ.get("LEDGER_PROBE_PORT") or 0)
    port = probes or int(os.environ.get("PORT") or 8000)
    connection = http.client.HTTPConnection("localhost", port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz")
        return int(connection.getresponse().status != http.HTTPStatus.OK)
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
