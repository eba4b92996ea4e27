"""What a receiver of webhooks keeps, by the code of docs/events.md."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings

from tests.banking.events.receiver import ReceivedHook
from transactions.models import EventKind


class ReceiverBooks:
    """What a receiver keeps that follows the page: `is_new` is the page's own."""

    def __init__(self) -> None:
        page = (settings.BASE_DIR / "docs" / "events.md").read_text()
        (block,) = re.findall(r"^```python receiver\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        names: dict[str, Any] = {}
        exec(block, names)  # noqa: S102 - of this repository
        self.is_new: Callable[..., bool] = names["is_new"]
        self.numbers: dict[str, int] = {}
        self.restores: dict[str, str] = {}
        self.kept: dict[tuple[str, int], str] = {}  # transactions by account and number

    def take(self, hooks: list[ReceivedHook]) -> None:
        for each in hooks:
            event, (account, number) = each.content, each.place
            if not self.is_new(event, self.numbers, self.restores):
                continue
            if event["type"] == EventKind.RESTORED:
                gone = [at for at in self.kept if at[0] == account and at[1] >= number]
                for place in gone:
                    del self.kept[place]
            else:
                self.kept[account, number] = event["data"]["transaction"]
