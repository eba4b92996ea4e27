"""API calls to a running server: a payment compared with an empty call, by one connection and by
several parallel programs, and a page of a statement as JSON compared with the same page as HTML.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from unittest.mock import patch

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.sign_in import tokens
from ledger.db.ids import uuid7
from ledger.server.gunicorn_process import WebServer
from tests.bench.bank import open_rich_accounts
from tests.bench.figures import API_PAYMENT, API_STATEMENT
from tests.bench.pages import ACCOUNTS, fill, median_ms
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate, compared, paced
from tests.bench.samples import account_id, some_amount, some_pair, some_words
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database
from tests.ledger.processes import free_port, wait_until

DATABASE = "bench_api"
EMPTY, TRANSACTIONS = "/api/v1/empty/", "/api/v1/transactions/"
ENTRIES = 50
Headers = dict[str, str]


def measure(scale: Scale, results: Results) -> None:
    with fresh_database(DATABASE):
        open_rich_accounts(ACCOUNTS)
        reader = User.objects.get()
        fill()
        page, program = _session_of(reader), _token_of(reader)
        statement = reverse("transactions:statement", args=[account_id(1)])
        entries = f"/api/v1/accounts/{account_id(1)}/entries/"
        report_progress("api")
        with _server() as web:
            with _connected(web) as server:
                rows = json.loads(_call(server, "GET", entries, program))["results"]
            assert len(rows) == ENTRIES
            pay = partial(_pay, program=program)
            empty = partial(_call, method="GET", address=EMPTY, headers=program)
            as_json = partial(_call, method="GET", address=entries, headers=program)
            as_html = partial(_call, method="GET", address=statement, headers=page)
            contestants: dict[str, Callable[[], float]] = {
                "payment": partial(_rate, web, pay, 1, scale),
                "empty call": partial(_rate, web, empty, 1, scale),
                "payments in parallel": partial(_rate, web, pay, scale.payers, scale),
                "empty calls in parallel": partial(_rate, web, empty, scale.payers, scale),
                "JSON": partial(_median_ms, web, as_json, scale),
                "HTML": partial(_median_ms, web, as_html, scale),
            }
            for warm_up in contestants.values():
                warm_up()
            rounds = alternate(scale.rounds, contestants)
    payment = compared("api", "payments by the API, clients: 1", rounds, "empty call",
                       API_PAYMENT, mine="payment")  # fmt: skip
    in_parallel = compared("api", f"payments by the API, clients: {scale.payers}", rounds,
                           "empty calls in parallel", API_PAYMENT,
                           mine="payments in parallel")  # fmt: skip
    page_of_50 = compared("api", "statement of 50 rows as JSON", rounds, "HTML", API_STATEMENT,
                          mine="JSON", unit="ms")  # fmt: skip
    results.add(payment, in_parallel, page_of_50)


@contextmanager
def _server() -> Iterator[WebServer]:
    """Starts Gunicorn like `manage.py serve`, with the bench's database."""
    here = {"DJANGO_SETTINGS_MODULE": "tests.bench.api_settings", "BENCH_DATABASE": DATABASE}
    with patch.dict(os.environ, here), WebServer("127.0.0.1", free_port()) as web:
        web.open()
        wait_until(web.answers)
        yield web


def _connected(web: WebServer) -> closing[HTTPConnection]:
    return closing(HTTPConnection(web.host, web.port, timeout=60))


def _token_of(reader: User) -> Headers:
    """Returns the headers with a token of the reader for reading and paying."""
    issued = tokens.issue(
        person=reader, name="Bench", scopes=["read", "pay"], second_factor=True,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return {"Authorization": f"Bearer {issued.text}"}


def _session_of(reader: User) -> Headers:
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    name = settings.SESSION_COOKIE_NAME
    return {"Cookie": f"{name}={client.cookies[name].value}"}


def _call(
    server: HTTPConnection, method: str, address: str, headers: Headers, body: str | None = None
) -> bytes:
    server.request(method, address, body, headers)
    answer = server.getresponse()
    content = answer.read()
    assert answer.status in (200, 201), (answer.status, content[:500])
    return content


def _pay(server: HTTPConnection, program: Headers) -> None:
    """Sends a payment with a new key."""
    sender, recipient = some_pair(ACCOUNTS)
    sides = {"from_account": str(sender), "to_account": str(recipient)}
    body = {**sides, "amount": str(some_amount()), "description": some_words()}
    own = {"Content-Type": "application/json", "Idempotency-Key": str(uuid7())}
    _call(server, "POST", TRANSACTIONS, {**program, **own}, json.dumps(body))


def _rate(
    web: WebServer, call: Callable[[HTTPConnection], object], programs: int, scale: Scale
) -> float:
    """Returns calls per second of parallel programs. Each program has a thread and a connection,
    which are new in each turn, because the server closes idle connections after some seconds.
    """

    def of_one(_number: int) -> float:
        with _connected(web) as server:
            return paced(partial(call, server), scale.seconds)

    with ThreadPoolExecutor(programs) as threads:
        return sum(threads.map(of_one, range(programs)))


def _median_ms(web: WebServer, call: Callable[[HTTPConnection], object], scale: Scale) -> float:
    with _connected(web) as server:
        return median_ms([partial(call, server)] * scale.reads)
