"""Transfers between two shards: two linked rows, each through a clearing account.

The payer's shard books customer -> clearing. The recipient's shard books clearing -> recipient,
under an id that follows from the first one, so that it can be sent again until it is there. What
crashed in between is found by comparing the rows of both clearing accounts; a leg that the other
shard refuses for good is reversed. So no shard ever waits for the other one with a lock.
"""

import json
import subprocess
import sys
import uuid
from typing import Any

from ledger.db.ids import uuid7, uuid7_for
from ledger.env import BASE_DIR
from tests.ledger.databases import Database
from tests.ledger.processes import LONG, environment

SHARD = "tests.ledger.shards.shard"


class Shard:
    """A process of the shard, and its two accounts."""

    def __init__(self, database: Database, name: str) -> None:
        self.database, self.name = database, name
        self.start()
        self.accounts = self.ask("open_accounts")

    def start(self) -> None:
        settings = {"DATABASE_URL": self.database.url, "DJANGO_SETTINGS_MODULE": "ledger.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", SHARD],
            cwd=BASE_DIR,
            env=environment(self.database.folder, **settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=LONG)

    def balance(self, whose: str) -> str:
        return str(self.ask("balance", account=self.accounts[whose])["balance"])


def second_id(first: str, shard: Shard) -> str:
    """The id of the second leg, or of the first one's reversal: always the same."""
    return str(uuid7_for(uuid.uuid5(uuid.NAMESPACE_URL, shard.name), uuid.UUID(first)))


def first_leg(here: Shard, there: Shard, amount: str, id: str | None = None) -> str:
    """Books customer -> clearing on the payer's shard; the id of the row."""
    id = id or str(uuid7())
    link = {"to_shard": there.name, "recipient": there.accounts["customer"], "amount": amount}
    accounts = {"sender": here.accounts["customer"], "to": here.accounts["clearing"]}
    assert "done" in here.ask("transfer", id=id, amount=amount, link=link, **accounts)
    return id


def second_leg(here: Shard, there: Shard, first: dict[str, Any]) -> None:
    """Books clearing -> recipient on the other shard, or takes the first leg back if it refuses.

    May be called again at any time: both have ids that follow from the first leg's.
    """
    answer = there.ask(
        "transfer", id=second_id(first["id"], there), sender=there.accounts["clearing"],
        to=first["recipient"], amount=first["amount"],
        link={"from_shard": here.name, "first_leg": first["id"]},
    )  # fmt: skip
    if "refused" in answer:
        here.ask("reverse", id=second_id(first["id"], here), original=first["id"])


def transfer(here: Shard, there: Shard, amount: str) -> str:
    """Both legs, one after the other."""
    id = first_leg(here, there, amount)
    recipient = there.accounts["customer"]
    second_leg(here, there, {"id": id, "recipient": recipient, "amount": amount})
    return id


def settle(here: Shard, there: Shard) -> None:
    """Sends the second leg of each first one again: what is there moves nothing again."""
    for first in here.ask("legs", clearing=here.accounts["clearing"])["legs"]:
        second_leg(here, there, first)
