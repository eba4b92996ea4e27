"""Compares what the processes were told with what the database has."""

import json
from collections import Counter
from typing import Any

from ledger.embedded.pair import Node
from tests.ledger.faults.journal import Journal
from tests.ledger.servers import query

# Of each claim of a step: how many rows there are under its key, and how many there have to be.
ROWS = {
    "status": ("SELECT reason FROM account_status_changes", 1),
    "no status": ("SELECT reason FROM account_status_changes", 0),
    "limits": ("SELECT id::text FROM limit_changes", 1),
    "note": ("SELECT text FROM annotations", 1),
    "account": ("SELECT id::text FROM accounts", 1),
    "asked": ("SELECT transaction_id::text FROM approval_requests", 1),
    "approved": ("SELECT id::text FROM approval_requests WHERE status IN ('approved', 'done')", 1),
    "reason": ("SELECT reason FROM transaction_notes", 1),
    "order": ("SELECT id::text FROM standing_orders", 1),
    "voided": ("SELECT id::text FROM transactions WHERE status = 'voided'", 1),
}
# Under these, a step of unknown outcome has one row or none.
ONCE_AT_MOST = {
    "status": "status", "limits": "limits", "note": "note", "open": "account", "ask": "asked",
    "hold by staff": "reason", "order": "order",
}  # fmt: skip


def values(node: Node, sql: str) -> Counter[str]:
    """How often each value of the one column is there."""
    found = query(node, f"SELECT coalesce(json_agg(v)::text, '[]') FROM ({sql}) AS found (v)")
    return Counter(json.loads(found))


def faults_found(journal: Journal, node: Node) -> list[str]:
    """Every sentence is something lost, doubled or invented; empty if all is as it was told."""
    proof = _Proof(node)
    for key, lines in journal.by_key().items():
        proof.look_at(key, lines)
    proof.look_at_strangers()
    return proof.wrong


class _Proof:
    def __init__(self, node: Node) -> None:
        self.node, self.wrong = node, list[str]()
        self.booked = values(node, "SELECT id::text FROM transactions")
        self.rows = {name: values(node, sql) for name, (sql, _) in ROWS.items()}
        self.sent = set(values(node, "SELECT id::text FROM transactions WHERE created_at < (SELECT"
                                     " min(created_at) FROM payment_files)"))  # fmt: skip

    def look_at(self, key: str, lines: list[dict[str, Any]]) -> None:
        sent, answer = lines[0], lines[-1]
        self.sent |= set(sent["ids"])
        was_unknown = any(line["event"] == "unknown" for line in lines)
        if answer["event"] == "done":
            self._claims(key, answer)
        elif (not was_unknown and answer["event"] in ("refused", "nothing")) or (
            answer["event"] == "refused" and sent["ids"]  # true of an id of unknown outcome, too
        ):
            self._nothing(key, sent, answer)
        elif sent["kind"] == "batch":
            there = [self.booked[id] for id in sent["ids"]]
            if 0 < sum(there) < len(there):
                self.wrong.append(f"batch {key} is booked in part")
        name = ONCE_AT_MOST.get(sent["kind"])
        if name and self.rows[name][key] > 1:
            self.wrong.append(f"{sent['kind']} {key} is there {self.rows[name][key]} times")

    def _claims(self, key: str, answer: dict[str, Any]) -> None:
        for id in answer.get("ids", []):
            if self.booked[id] != 1:
                self.wrong.append(f"{answer['kind']} {key}: {id} was acknowledged and is gone")
        for id in answer.get("not", []):
            if self.booked[id]:
                self.wrong.append(f"{answer['kind']} {key}: {id} was refused and is booked")
        for name, (_, count) in ROWS.items():
            if name in answer and self.rows[name][answer[name]] != count:
                self.wrong.append(f"{answer['kind']} {key}: {name} was acknowledged, and is not so")

    def _nothing(self, key: str, sent: dict[str, Any], answer: dict[str, Any]) -> None:
        if sent["kind"] in ("do approved", "batch in parts"):
            return  # others may have done it; earlier parts stay
        if found := [id for id in sent["ids"] if self.booked[id]]:
            self.wrong.append(f"{sent['kind']} {key}: {found} booked after {answer}")
        name = ONCE_AT_MOST.get(sent["kind"])
        if name and self.rows[name][key]:
            self.wrong.append(f"{sent['kind']} {key} is there after {answer}")

    def look_at_strangers(self) -> None:
        """Rows that nobody sent, lines of files that are not what their payments are, and orders
        that were paid without the step to their next day, or stepped without being paid.
        """
        lines = values(self.node, "SELECT id::text FROM payment_lines WHERE booked")
        days = values(self.node, "SELECT transaction_id::text FROM standing_order_days"
                                 " WHERE outcome = 'paid'")  # fmt: skip
        strangers = set(self.booked) - self.sent - set(lines) - set(days)
        if strangers:
            self.wrong.append(f"nobody sent {sorted(strangers)}")
        if gone := set(lines) - set(self.booked):
            self.wrong.append(f"lines of files are marked as booked, and are not: {sorted(gone)}")
        unmarked = values(self.node, "SELECT l.id::text FROM payment_lines l"
                          " JOIN transactions t USING (id) WHERE NOT l.booked")  # fmt: skip
        if unmarked:
            self.wrong.append(f"lines of files are booked, and not marked: {sorted(unmarked)}")
        settled = "(SELECT count(*) FROM standing_order_days d WHERE d.order_id = o.id)"
        astray = values(
            self.node, f"SELECT id::text FROM standing_orders o WHERE o.position <> {settled}"
        )  # fmt: skip
        if astray:
            self.wrong.append(f"orders are at another day than they have settled: {sorted(astray)}")
