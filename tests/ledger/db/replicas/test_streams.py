"""Answers that are sent while they are made: files with balances, and batches line by line."""

from typing import Any

import pytest

from tests.attacks.people import signed_in as proved
from tests.banking.statement_files.shared import empty_statement
from tests.factories import walls_down
from tests.ledger.db.replicas.bank import BankWithReplica
from tests.ledger.db.replicas.people import Saver
from tests.pages import text_of


@pytest.fixture
def ana(bank: BankWithReplica) -> Saver:
    return Saver(bank)


def body(response: Any) -> str:
    return b"".join(response).decode()


@pytest.mark.parametrize("kind", ["xml", "sta", "ofx"])
def test_a_file_has_the_entries_that_explain_its_closing_balance(
    bank: BankWithReplica, ana: Saver, kind: str
) -> None:
    here = ana.browser()
    with bank.paused():
        ana.pay_in("bonus", 7)
        ana.take_out("its half", 7)  # now the balance is what the replica knows
        text = body(here.get(f"/accounts/{ana.everyday.pk}/statement.{kind}"))
    assert "bonus" in text
    assert bank.replica.repeated == 1

    bank.catch_up()
    bank.sent.clear()
    assert "bonus" in body(here.get(f"/accounts/{ana.everyday.pk}/statement.{kind}"))
    assert bank.sent, "the replica has caught up"


@pytest.mark.parametrize(("entry_count", "repeated"), [(0, 0), (1, 1)])
def test_a_numbered_statement_is_sent_with_all_its_entries(
    bank: BankWithReplica, ana: Saver, entry_count: int, repeated: int
) -> None:
    """One that counts an entry which the replica lacks is read on the writer."""
    statement = empty_statement(ana.everyday)
    with walls_down("monthly_statements") as cursor:
        cursor.execute(
            "UPDATE monthly_statements SET entry_count = %s WHERE id = %s",
            [entry_count, statement.pk],
        )
    here = ana.browser()

    assert body(here.get(f"/accounts/{ana.everyday.pk}/statements/1.xml"))
    assert bank.replica.reads == 1
    assert bank.replica.repeated == repeated


@pytest.mark.parametrize("is_cut", [False, True])
def test_what_a_streamed_batch_has_booked_its_session_reads(
    bank: BankWithReplica, ana: Saver, *, is_cut: bool
) -> None:
    here = proved(ana.user)
    bank.catch_up()
    line = {
        "from_account": str(ana.everyday.pk), "to_account": str(ana.savings.pk),
        "amount": "10.00", "description": "rainy days",
    }  # fmt: skip
    with bank.paused():
        answer = here.post(
            "/api/v1/transactions/batch/", {"transactions": [line], "atomic": False},
            content_type="application/json", headers={"Idempotency-Key": "k1"},
        )  # fmt: skip
        told = next(iter(answer)).decode() if is_cut else body(answer)
        answer.close()  # where its reader has gone, the server ends it early
        assert '"status": 201' in told
        bank.probe()
        assert "1 payment" in text_of(here.get("/search/?q=rainy"))
