"""Every finding is a sentence for a clerk: which account, which row, what each side says."""

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Account
from ledger.db.ids import uuid7
from ledger.text.money import account_number
from tests.factories import AccountFactory
from tests.transactions.audit.breaking import falsify, falsify_rules
from tests.transactions.audit.sealed_books import as_owner, day, march
from transactions import services
from transactions.audit.audit import audit
from transactions.audit.checks.recorded_words import RecordedDifference, found_difference
from transactions.audit.sealing import seal
from transactions.models import AuditRun, Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return AccountFactory(balance="100")


def said(check: str) -> str:
    (finding,) = [finding for finding in audit().findings if finding.check == check]
    return str(finding)


def number(account: Account) -> str:
    return f"ccount {account_number(account.number)}"


def test_a_broken_chain_says_before_change_and_after(account: Account) -> None:
    row = services.withdraw(from_account=account, amount=Decimal(30))
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", row.pk)
    assert said("chain") == (
        f"A{number(account)}: 31.00 USD went out with transaction {row.pk}. The balance before it "
        "was 100.00 USD, so it should be 69.00 USD after it, but the books have 70.00 USD."
    )


def test_a_chain_without_order_says_the_time(account: Account) -> None:
    row = services.deposit(to_account=account, amount=Decimal(1))
    falsify("UPDATE transactions SET created_at = '2026-01-01T08:00Z'")
    assert f"transaction {row.pk} has the same time" in said("chain")
    assert "1 January 2026, 08:00:00.000000 UTC" in said("chain")


def test_a_wrong_balance_says_what_the_last_entry_left(account: Account) -> None:
    row = Transaction.objects.get()
    falsify("UPDATE accounts SET balance = 1101.5 WHERE id = %s", account.pk)
    assert said("balance") == (
        f"A{number(account)}: its last entry, transaction {row.pk}, left 100.00 USD, but its "
        "balance in the books is 1,101.50 USD."
    )
    assert said("currency") == (
        "The whole bank in USD: deposits minus withdrawals are 100.00 USD, but the "
        "balances of all accounts add up to 1,101.50 USD."
    )


def test_a_balance_out_of_nothing_says_so() -> None:
    yen = AccountFactory(currency="JPY")
    falsify("UPDATE accounts SET balance = 7 WHERE id = %s", yen.pk)
    assert said("balance") == (
        f"A{number(yen)} has no entries, so its balance should be zero, but its balance in the "
        "books is 7 JPY."
    )


def test_money_held_says_both_sums(account: Account) -> None:
    services.hold(from_account=account, amount=Decimal(20))
    falsify("UPDATE accounts SET held = 25 WHERE id = %s", account.pk)
    assert said("held") == (
        f"A{number(account)}: its pending holds add up to 20.00 USD, but the books have "
        "25.00 USD as its held amount."
    )


@pytest.mark.parametrize(("change", "sentence"), [
    ("amount = 6", ("Hold {hold} on a{number} reserved 5.00 USD, but transaction {row} captured "
                   "6.00 USD.")),
    ("status = 'pending', from_balance = NULL",
     ("Hold {hold} on a{number} counts as captured by transaction {row}, which is not booked but "
     "held.")),
    ("captures_id = NULL",
     "Hold {hold} on a{number} counts as captured, but no transaction in the books captures it."),
    ("captures_id = '00000000-0000-7000-8000-000000000000'",
     ("Transaction {row} on a{number} is recorded as a capture of hold "
     "00000000-0000-7000-8000-000000000000, which is not in the books.")),
])  # fmt: skip
def test_a_capture_names_the_hold_and_the_row(change: str, sentence: str, account: Account) -> None:
    hold = services.hold(from_account=account, amount=Decimal(5))
    row = services.capture(hold=hold)
    falsify_rules()
    falsify(f"UPDATE transactions SET {change} WHERE id = %s", row.pk)
    if "0000" in change:
        falsify("DELETE FROM transactions WHERE id = %s", hold.pk)
    facts = {"hold": hold.pk, "row": row.pk, "number": number(account)}
    assert said("capture").partition(" This is")[0] == sentence.format(**facts)


def test_a_reversal_says_how_much_was_given_back_of_what(account: Account) -> None:
    paid = services.withdraw(from_account=account, amount=Decimal(30))
    row = services.reverse(transaction=paid, amount=Decimal(20))
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", row.pk)
    assert said("reversal") == (
        f"Transaction {row.pk} on a{number(account)} is a refund of transaction {paid.pk}, which "
        "was for 30.00 USD, but 31.00 USD of it was refunded in total."
    )


def test_an_account_that_is_not_there_or_in_another_currency_is_told_apart(
    account: Account,
) -> None:
    row, nobody = Transaction.objects.get(), uuid7()
    falsify("UPDATE transactions SET currency = 'EUR' WHERE id = %s", row.pk)
    assert said("orphan") == (
        f"Transaction {row.pk} moves 100.00 EUR into a{number(account)}, which is kept in USD."
    )
    falsify("UPDATE transactions SET to_account_id = %s WHERE id = %s", nobody, row.pk)
    assert f"into account {nobody}, which is not in the books." in said("orphan")


@pytest.mark.parametrize(("amount", "shown"), [("-1", "\N{MINUS SIGN}1.00"), ("'NaN'", "NaN")])
def test_a_broken_rule_says_the_rule_and_the_money(
    amount: str, shown: str, account: Account
) -> None:
    row = Transaction.objects.get()
    falsify_rules()
    falsify(f"UPDATE transactions SET amount = {amount} WHERE id = %s", row.pk)
    assert said("rule") == (
        f"Transaction {row.pk} of {shown} USD on a{number(account)} breaks a rule of the books: "
        "an amount is above zero (positive_amount)."
    )


def test_an_account_that_breaks_a_rule_is_named_by_its_number(account: Account) -> None:
    falsify_rules("accounts")
    falsify("UPDATE accounts SET held = -1 WHERE id = %s", account.pk)
    assert said("rule").startswith(
        f"A{number(account)}, with a balance of 100.00 USD and \N{MINUS SIGN}1.00 USD held, breaks"
    )


@pytest.mark.parametrize(("change", "sentence"), [
    ("UPDATE transactions SET amount = 11 WHERE id = '{1}'",
     ("Seal 1, of everything up to 2 March 2026, no longer matches: it sealed 3 transactions of "
     "1 March 2026, and number 2 is no longer what it was: transaction {1} on a{number} is "
     "there now.")),
    ("DELETE FROM transactions WHERE id = '{0}'",
     ("Seal 1, of everything up to 2 March 2026, no longer matches: it sealed 3 transactions of "
     "1 March 2026, and number 1 is gone: transaction {1} on a{number} has moved up into its "
     "place.")),
    ("DELETE FROM transactions WHERE id = '{4}'",
     ("Seal 2, of 3 March 2026 to 4 March 2026, no longer matches: it sealed 1 transaction of "
     "4 March 2026, and number 1 is gone.")),
])  # fmt: skip
def test_a_seal_says_its_days_and_what_became_of_the_row(change: str, sentence: str) -> None:
    account, rows = march()
    seal(until=day(3))
    seal(until=day(5))
    ids = [row.pk for row in rows]
    as_owner(change.format(*ids))
    assert said("seal") == sentence.format(*ids, number=number(account))


def test_a_seal_that_is_gone_says_which_stands_in_its_place() -> None:
    march()
    seal(until=day(3))
    seal(until=day(5))
    as_owner("DELETE FROM sealed_days WHERE seal_id = 1", table="sealed_days")
    as_owner("DELETE FROM seals WHERE number = 1", table="seals")
    assert said("seal") == "Seal 1 is missing: seal 2 is in its place."


def spoil_amount(account: Account) -> None:
    falsify("UPDATE transactions SET amount = 4 WHERE to_account_id = %s", account.pk)


def spoil_time(account: Account) -> None:
    falsify("UPDATE accounts SET last_entry_at = NULL WHERE id = %s", account.pk)


@pytest.mark.parametrize("spoil", [spoil_amount, spoil_time])
def test_the_command_prints_the_sentences_and_keeps_the_fields_for_machines(
    spoil: Callable[[Account], Any], account: Account
) -> None:
    spoil(account)
    err, out = StringIO(), StringIO()
    with pytest.raises(SystemExit):
        call_command("audit_ledger", stderr=err, stdout=out)
    heading, *lines = err.getvalue().splitlines()
    assert heading.startswith("The audit found ")
    stored = AuditRun.objects.get().found
    assert [finding["sentence"].replace("\xa0", " ") for finding in stored] == lines
    assert {"check", "account", "transaction", "expected", "found", "broken"} <= stored[0].keys()
    assert stored[0]["account"] == str(account.pk)


@pytest.mark.parametrize(
    ("table", "about", "label"),
    [
        ("users", "7", "Person 7"),
        ("api_tokens", "8", "Person 8"),
        ("currencies", "EUR", "Currency EUR"),
        ("households", "9", "Household 9"),
        ("approval_thresholds", "*", "Threshold of approvals *"),
    ],
)
def test_a_difference_from_the_history_says_whose_it_is(table: str, about: str, label: str) -> None:
    difference = RecordedDifference(table, about, "email", [], [], ["a@example.com"])
    assert label in found_difference(difference)[2]
