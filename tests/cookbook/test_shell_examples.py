"""The examples of docs/ run in `manage.py shell` as they are pasted."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from banking.standing_orders.models import StandingOrder
from cookbook.management.commands.shell import Command
from tests.factories import AccountFactory
from transactions import services
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db


def examples_of(page: str) -> list[str]:
    """The Python examples of a page, with days of next year."""
    text = (Path(settings.BASE_DIR) / "docs" / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block.replace("2027", str(timezone.localdate().year + 1)) for block in blocks]


@pytest.mark.parametrize(
    ("page", "number"), [("standing-orders.md", 0), ("notes.md", 0), ("notes.md", 1)]
)
def test_an_example_runs_with_the_names_of_the_shell(page: str, number: int) -> None:
    namespace = Command().get_namespace(verbosity=0, command="", no_imports=False)
    everyday = AccountFactory(balance="500", name="Everyday")
    ana = everyday.user
    namespace |= {
        "ana": ana,
        "everyday": everyday,
        "savings": AccountFactory(user=ana),
        "row": services.withdraw(from_account=everyday, amount=Decimal(5)),
        "found": scope_for(ana).transactions(),
    }
    exec(examples_of(page)[number], namespace)  # noqa: S102  text of our own
    if page == "standing-orders.md":
        assert StandingOrder.objects.get().amount == 50
