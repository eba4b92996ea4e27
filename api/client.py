"""A client of the API in one file, with Python's standard library alone. Copy it.

    ledger = Ledger("https://bank.example", "ledger_…")
    for account in ledger.accounts():
        print(account["name"], account["available"], account["currency"])
    ledger.pay(key="invoice 7", from_account=mine, to_number="4821 0937 5549", amount="12.50")

Payments are sent again by themselves, with their key, until the bank answers: they are made once.
Numbers of `metadata` keep their digits as Decimals, read and sent; a float has at most 17.
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
BUSY = "busy"  # the only kind of 409 that is sent again


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to the bank alone."""

    def redirect_request(self, *_arguments: Any) -> None:
        """A redirect is a refusal of its status."""


OPENER = urllib.request.build_opener(_NoRedirects)


class Refused(Exception):
    """The bank refused. `type` is stable: the end of the problem's type; `body` is all of it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("detail") or f"status {status}")
        self.status, self.body = status, body
        self.type = str(body.get("type", "")).partition("#")[2]


class Ledger:
    """The bank at an address, for the person whose token this is."""

    def __init__(self, address: str, token: str, *, timeout: float = 60) -> None:
        self.address, self._token, self.timeout = address.rstrip("/"), token, timeout

    def accounts(self) -> list[dict[str, Any]]:
        """One's accounts."""
        found: list[dict[str, Any]] = self.call("GET", "/api/v1/accounts/")["results"]
        return found

    def entries(self, account: str, **filters: str) -> Iterator[dict[str, Any]]:
        """The entries of an account, newest first, page by page. Filters as in a statement's
        address: `start`, `end`, `direction`, `q`.
        """
        yield from self._pages(f"/api/v1/accounts/{account}/entries/", filters)

    def statements(self, account: str) -> Iterator[dict[str, Any]]:
        """The statements that the bank has issued for an account, newest first."""
        yield from self._pages(f"/api/v1/accounts/{account}/statements/", {})

    def transactions(self, **filters: str) -> Iterator[dict[str, Any]]:
        """One's transactions, newest first."""
        yield from self._pages("/api/v1/transactions/", filters)

    def transaction(self, id: str) -> dict[str, Any]:
        """One transaction. Raises Refused of type "not-found"."""
        found: dict[str, Any] = self.call("GET", f"/api/v1/transactions/{id}/")
        return found

    def saved_payees(self) -> list[dict[str, Any]]:
        """The recipients that one has saved, by name."""
        found: list[dict[str, Any]] = self.call("GET", "/api/v1/payees/saved/")["results"]
        return found

    def standing_orders(self) -> Iterator[dict[str, Any]]:
        """One's standing orders, newest first."""
        yield from self._pages("/api/v1/standing-orders/", {})

    def pay(self, *, key: str, **payment: Any) -> dict[str, Any]:
        """Pays, once for each key: `from_account`, `to_account` or `to_number`, `amount` as a
        string, perhaps `description`, `reference`, `metadata`. Raises Refused if it is refused.
        """
        found: dict[str, Any] = self.call("POST", "/api/v1/transactions/", payment, key=key)
        return found

    def pay_all(self, payments: Iterable[dict[str, Any]], *, key: str) -> list[dict[str, Any]]:
        """Pays up to 1,000, all of them or none; the id of each, in order."""
        body = {"transactions": list(payments), "atomic": True}
        found = self.call("POST", "/api/v1/transactions/batch/", body, key=key)
        results: list[dict[str, Any]] = found["results"]
        return results

    def events(self, *, last: str = "", account: str = "") -> Iterator[dict[str, Any]]:
        """What happens on one's accounts, or on one of them, for ever: each event has its `id`.

        From now on, or after the event with the id `last`, however long ago that was. After a lost
        connection it goes on where it was.
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
        """One call, sent again where that is safe: reading, and what has a key."""
        return _loads(self._answer(method, path, body, key))

    def _answer(
        self, method: str, path: str, body: Any = None, key: str = "", last: str | None = None
    ) -> str:
        """The text of the answer. `last`: the last event that was read, of a stream of events."""
        pause = 0.5
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(method, path, body, key, last)
            except Refused as problem:
                again = problem.status in AGAIN and (problem.status != 409 or problem.type == BUSY)
                if not again or attempt == TRIES or not (key or method == "GET"):
                    raise
            except OSError:  # no answer
                if attempt == TRIES or not (key or method == "GET"):
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise AssertionError  # the loop has ended by now

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
            raise ConnectionError(f"the answer was cut off: {cut_off}") from None
        if last is None and not _is_json(text):
            raise ConnectionError("the answer was cut off")
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
    """The body as JSON. Python's encoder can write a Decimal only as a string, so it is marked."""
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
