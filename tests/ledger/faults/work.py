"""A process that calls every service at random: `python -m tests.ledger.faults.work SEED NUMBER`.

It prints one line of JSON for what it is about to do, and for each answer: `sent`, `done`,
`refused` (a LedgerError), `nothing` (the database failed, and says that nothing was done),
`unknown`, and `given up`. It ends when its input is closed. SEED and NUMBER decide what it does.
`python -m tests.ledger.faults.work open` makes the bank for it.
"""

import json
import random
import sys
import time
from typing import Any

import django

AGAIN = 0.8  # how often an unknown outcome is sent again
PAUSE = 0.02  # seconds before that


def say(event: str, key: object, kind: str, **facts: Any) -> None:
    print(json.dumps({"event": event, "key": str(key), "kind": kind, **facts}), flush=True)


def work(seed: int, number: int) -> None:
    from django.db import DatabaseError, InterfaceError

    from ledger.db.retry import Failure, failure_of
    from tests.ledger.faults.verbs import Verbs
    from tests.load import told_to_stop
    from transactions.exceptions import LedgerError

    dice = random.Random(f"{seed} {number}")  # noqa: S311 - no secret
    verbs: Verbs | None = None
    while verbs is None and not told_to_stop():
        try:
            verbs = Verbs(dice)
        except (DatabaseError, InterfaceError):
            time.sleep(PAUSE)
    while verbs is not None and not told_to_stop():
        try:
            step = verbs.next()
        except (LedgerError, DatabaseError, InterfaceError):  # it looked something up before
            time.sleep(PAUSE)
            continue
        say("sent", step.key, step.kind, ids=[str(id) for id in step.ids])
        while True:
            try:
                claim = step.do()
            except LedgerError as refusal:
                say("refused", step.key, step.kind, why=f"{type(refusal).__name__}: {refusal}")
                break
            except (DatabaseError, InterfaceError) as error:
                event = "unknown" if failure_of(error) is Failure.UNKNOWN else "nothing"
                why = f"{type(error).__name__}: {error}".replace("\n", " ")
                say(event, step.key, step.kind, why=why)
                if not step.may_repeat or dice.random() > AGAIN or told_to_stop():
                    say("given up", step.key, step.kind)
                    break
                time.sleep(PAUSE)
            else:
                say("done", step.key, step.kind, **claim)
                break


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:] == ["open"]:
        from tests.ledger.faults.verbs import open_bank

        open_bank()
    else:
        work(*map(int, sys.argv[1:]))
