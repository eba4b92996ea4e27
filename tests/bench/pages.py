"""Pages of one process, without a network: their time against the smallest signed-in page."""

from collections.abc import Callable
from functools import partial
from time import perf_counter

from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.bench.bank import open_rich_accounts
from tests.bench.figures import PAGES, PAYMENT_PAGE, Figure, Target
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate
from tests.bench.samples import account_id, dice, some_amount, some_words
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database
from transactions import services
from transactions.services import Draft

SMALLEST = "the smallest signed-in page"
ACCOUNTS, PAYMENTS = 3, 300


def measure(scale: Scale, results: Results) -> None:
    with fresh_database("bench_pages"):
        open_rich_accounts(ACCOUNTS)
        reader = User.objects.get()
        _fill()
        client = Client(headers={"host": "localhost"})
        client.force_login(reader)
        first = account_id(1)
        pages: dict[str, Callable[[], object]] = {
            SMALLEST: partial(_get, client, reverse("transactions:reports")),
            "statement of 50 rows": partial(
                _get, client, reverse("transactions:statement", args=[first])
            ),
            "search": partial(_get, client, reverse("transactions:search") + "?q=rent"),
            "home": partial(_get, client, "/"),
            "open an account": partial(_get, client, reverse("accounts:open")),
            "confirm a payment": partial(_pay, client, Account.objects.get(pk=account_id(2))),
        }
        report_progress("pages")
        rounds = alternate(
            scale.rounds, {name: partial(_median, page, scale) for name, page in pages.items()}
        )
    for name, times in rounds.items():
        if name == SMALLEST:
            continue
        ratios = sorted(a / b for a, b in zip(times, rounds[SMALLEST], strict=True))
        results.add(_figure(name, times, rounds[SMALLEST], ratios[len(ratios) // 2]))


def _fill() -> None:
    """Payments between the accounts, so that every page has rows."""
    numbers = [dice.sample(range(1, ACCOUNTS + 1), 2) for _ in range(PAYMENTS)]
    services.post_batch(
        [
            Draft(
                from_account=account_id(one),
                to_account=account_id(other),
                amount=some_amount(),
                description=some_words(),
                metadata={"category": "rent"},
            )
            for one, other in numbers
        ]
    )


def _get(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200


def _pay(client: Client, recipient: Account) -> None:
    """Confirms a payment on its review, which answers with a redirect to the receipt."""
    form = {
        "id": str(uuid7()),
        "from_account": str(account_id(1)),
        "number": recipient.number,
        "amount": "0.01",
        "description": some_words(),
        "step": "send",
    }
    assert client.post(reverse("transactions:transfer"), form).status_code == 302


def _median(page: Callable[[], object], scale: Scale) -> float:
    """Milliseconds of the page: the median of some calls."""
    times = []
    for _ in range(scale.reads // 2 + 1):
        began = perf_counter()
        page()
        times.append((perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2]


def _figure(name: str, times: list[float], smallest: list[float], ratio: float) -> Figure:
    target: Target = PAGES.get(name, PAYMENT_PAGE)
    if name not in PAGES:  # the target speaks of payments a second
        ratio = 1 / ratio
    return Figure(
        "pages",
        name,
        sorted(times)[len(times) // 2],
        "ms",
        SMALLEST,
        sorted(smallest)[len(smallest) // 2],
        ratio,
        target,
        rounds={name: times, SMALLEST: smallest},
    )
