"""Pages of one process without a network: their time compared with the smallest page for a
signed-in user.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
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
from tests.reviews import reviewed
from transactions import services
from transactions.services import Draft

SMALLEST = "the smallest signed-in page"
ACCOUNTS, PAYMENTS = 3, 300


def measure(scale: Scale, results: Results) -> None:
    with fresh_database("bench_pages"):
        open_rich_accounts(ACCOUNTS)
        reader = User.objects.get()
        fill()
        client = Client(headers={"host": "localhost"})
        client.force_login(reader)
        first, recipient = account_id(1), _somebody_paid_before(reader)
        pages: dict[str, Callable[[], object]] = {
            SMALLEST: partial(get, client, reverse("transactions:reports")),
            "statement of 50 rows": partial(
                get, client, reverse("transactions:statement", args=[first])
            ),
            "search": partial(get, client, reverse("transactions:search") + "?q=rent"),
            "home": partial(get, client, "/"),
            "open an account": partial(get, client, reverse("accounts:open")),
        }
        calls = scale.reads // 2 + 1
        contestants: dict[str, Callable[[], float]] = {
            name: partial(median_ms, [page] * calls) for name, page in pages.items()
        }
        contestants["confirm a payment"] = partial(_median_of_paying, client, recipient, scale)
        report_progress("pages")
        rounds = alternate(scale.rounds, contestants)
    for name, times in rounds.items():
        if name == SMALLEST:
            continue
        ratios = sorted(a / b for a, b in zip(times, rounds[SMALLEST], strict=True))
        results.add(_figure(name, times, rounds[SMALLEST], ratios[len(ratios) // 2]))


def fill() -> None:
    """Books payments between the accounts, so that every page has rows."""
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


def _somebody_paid_before(reader: User) -> Account:
    """Returns another person's account that the reader has paid before, so that a payment needs no
    step-up.
    """
    friend = User.objects.create(email="friend@example.com", name="Friend", password="!")
    account: Account = Account.objects.create(
        id=account_id(ACCOUNTS + 1), user=friend, currency="USD", name="Everyday"
    )
    services.transfer(
        from_account=account_id(1), to_account=account, amount=Decimal("0.01"), created_by=reader
    )
    return account


def get(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200


def _reviewed(client: Client, recipient: Account) -> dict[str, str]:
    """Returns the form of a reviewed payment."""
    form = {
        "id": str(uuid7()),
        "from_account": str(account_id(1)),
        "number": recipient.number,
        "amount": "0.01",
        "description": some_words(),
    }
    return reviewed(client, reverse("transactions:transfer"), form)


def _pay(client: Client, form: dict[str, str]) -> None:
    """Confirms a payment after its review. The response is a redirect to the receipt."""
    form = {**form, "step": "send"}
    assert client.post(reverse("transactions:transfer"), form).status_code == 302


def _median_of_paying(client: Client, recipient: Account, scale: Scale) -> float:
    """Returns the median time of confirming a payment in milliseconds, without the time of its
    review.
    """
    forms = [_reviewed(client, recipient) for _ in range(scale.reads // 2 + 1)]
    return median_ms([partial(_pay, client, form) for form in forms])


def median_ms(pages: Iterable[Callable[[], object]]) -> float:
    """Returns the median time of several calls of a page, in milliseconds."""
    times = []
    for page in pages:
        began = perf_counter()
        page()
        times.append((perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2]


def _figure(name: str, times: list[float], smallest: list[float], ratio: float) -> Figure:
    target: Target = PAGES.get(name, PAYMENT_PAGE)
    if name not in PAGES:  # the target is in payments per second
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
