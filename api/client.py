"""A client of Ledger's API. The file uses only Python's standard library, so you can copy it into
your project.

    ledger = Ledger("https://bank.example", "ledger_…")
    for account in ledger.accounts():
        print(account["name"], account["available"], account["currency"])
    ledger.pay(key="invoice 7", from_account=mine, to_number="4821 0937 5549", amount="12.50")

The client retries a payment with the same key until the bank responds. The payment is made only
once. The client returns numbers in `metadata` as Decimals. Send numbers as Decimals too, because a
float keeps only 17 digits.
"""

import http.client
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

TRIES, LONGEST_PAUSE = 8, 30.0  # seconds
AGAIN = {409, 429, 502, 503, 504}
BUSY = "busy"  # the only type of problem with status 409 that is retried


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A handler that does not follow redirects, so that the token is sent only to the bank."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Returns None, so that a redirect raises an error with its status."""


OPENER = urllib.request.build_opener(_NoRedirects)


class Refused(Exception):
    """An error response of the bank. `type` is the part of the problem's type after "#", which
    never changes. `body` is the whole problem.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("detail") or f"status {status}")
        self.status, self.body = status, body
        self.type = str(body.get("type", "")).partition("#")[2]


class Ledger:
    """A client for the bank at the URL `address`. It sends the token of a user with each
    request.
    """

    def __init__(self, address: str, token: str, *, timeout: float = 60) -> None:
        self.address, self._token, self.timeout = address.rstrip("/"), token, timeout

    def accounts(self) -> list[dict[str, Any]]:
        """Returns all accounts of the user."""
        found: list[dict[str, Any]] = self.call("GET", "/api/v1/accounts/")["results"]
        return found

    def entries(self, account: str, **filters: str) -> Iterator[dict[str, Any]]:
        """Yields the entries of an account, newest first. The filters are `start`, `end`,
        `direction` and `q`, as in the URL of a statement. Each page is loaded when its first entry
        is needed.
        """
        yield from self._pages(f"/api/v1/accounts/{account}/entries/", filters)

    def statements(self, account: str) -> Iterator[dict[str, Any]]:
        """Yields the statements that the bank has issued for an account. The newest statement is
        first.
        """
        yield from self._pages(f"/api/v1/accounts/{account}/statements/", {})

    def transactions(self, **filters: str) -> Iterator[dict[str, Any]]:
        """Yields the user's transactions. The newest transaction is first."""
        yield from self._pages("/api/v1/transactions/", filters)

    def transaction(self, id: str) -> dict[str, Any]:
        """Returns a transaction.

        Raises: Refused with the type "not-found".
        """
        found: dict[str, Any] = self.call("GET", f"/api/v1/transactions/{id}/")
        return found

    def saved_payees(self) -> list[dict[str, Any]]:
        """Returns the recipients that the user has saved, sorted by name."""
        found: list[dict[str, Any]] = self.call("GET", "/api/v1/payees/saved/")["results"]
        return found

    def standing_orders(self) -> Iterator[dict[str, Any]]:
        """Yields the user's standing orders. The newest order is first."""
        yield from self._pages("/api/v1/standing-orders/", {})

    def pay(self, *, key: str, **payment: Any) -> dict[str, Any]:
        """Makes a payment and returns the transaction. Several calls with the same key make one
        payment.

        `payment` contains `from_account`, `to_account` or `to_number`, and `amount` as a string.
        `description`, `reference` and `metadata` are optional.

        Raises: Refused.
        """
        found: dict[str, Any] = self.call("POST", "/api/v1/transactions/", payment, key=key)
        return found

    def pay_all(self, payments: Iterable[dict[str, Any]], *, key: str) -> list[dict[str, Any]]:
        """Makes up to 1,000 payments. If one payment is refused, makes no payment. Returns the
        results in the order of the payments, each with the id of its transaction.

        Raises: Refused.
        """
        body = {"transactions": list(payments), "atomic": True}
        found = self.call("POST", "/api/v1/transactions/batch/", body, key=key)
        results: list[dict[str, Any]] = found["results"]
        return results

    def events(self, *, last: str = "", account: str = "") -> Iterator[dict[str, Any]]:
        """Yields the events of all accounts of the user, or of the account with the id `account`.
        The iterator never ends. Each event contains its `id`.

        The stream begins with the next new event, or after the event with the id `last`, however
        old this event is. The stream continues after a lost connection.
        """
        path = f"/api/v1/events?{urlencode({'account': account})}" if account else "/api/v1/events"
        while True:
            pause = 1.0
            for block in self._answer("GET", path, last=last).split("\n\n"):
                event = dict(line.split(": ", 1) for line in block.splitlines())
                last = event.get("id", last)
                pause = int(event.get("retry", pause * 1000)) / 1000
                if "data" in event:
                    yield {**_loads(event["data"]), "id": last}
            time.sleep(pause)

    def call(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """Makes a call and returns the body of the response. A GET request and a call with a key
        are retried.
        """
        return _loads(self._answer(method, path, body, key))

    def _answer(
        self, method: str, path: str, body: Any = None, key: str = "", last: str | None = None
    ) -> str:
        """Returns the text of the response. `last` is the id of the last event that was read from a
        stream of events ("" before the first event). `last` is None for other calls.
        """
        pause = 0.5
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(method, path, body, key, last)
            except Refused as problem:
                again = problem.status in AGAIN and (problem.status != 409 or problem.type == BUSY)
                if not again or attempt == TRIES or not (key or method == "GET"):
                    raise
            except OSError:  # no response
                if attempt == TRIES or not (key or method == "GET"):
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise AssertionError  # unreachable

    def _once(self, method: str, path: str, body: Any, key: str, last: str | None) -> str:
        address = path if path.startswith("http") else self.address + path
        accepts = "application/json" if last is None else "text/event-stream"
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accepts}
        if last:
            headers["Last-Event-ID"] = last
        if key:
            headers["Idempotency-Key"] = key
        data = None
        if body is not None:
            data, headers["Content-Type"] = _dumps(body).encode(), "application/json"
        request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310
        try:
            with OPENER.open(request, timeout=self.timeout) as answer:
                text: str = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, _problem(error.read())) from None
        except http.client.HTTPException as cut_off:
            raise ConnectionError(f"the response was cut off: {cut_off}") from None
        if last is None and not _is_json(text):
            raise ConnectionError("the response was cut off")
        return text

    def _pages(self, path: str, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        following: str | None = f"{path}?{urlencode(filters)}" if filters else path
        while following:
            page = self.call("GET", following)
            yield from page["results"]
            following = page["next"]


def _loads(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def _dumps(body: Any) -> str:
    """Returns the body as JSON, with Decimals as numbers. Python's encoder can write a Decimal only
    as a string. Therefore each Decimal is written as a string with a marker. Then the marker and
    the quotation marks of this string are removed.
    """
    marker = secrets.token_hex(16)

    def marked(value: object) -> str:
        if isinstance(value, Decimal) and value.is_finite():
            return f"{marker}{value}"
        raise TypeError(f"{value!r} cannot be sent as JSON")

    return re.sub(f'"{marker}([^"]+)"', r"\1", json.dumps(body, default=marked))


def _is_json(text: str) -> bool:
    try:
        _loads(text)
    except ValueError:
        return False
    return True


def _problem(text: bytes) -> dict[str, Any]:
    try:
        found = _loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
