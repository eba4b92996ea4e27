"""What is said of a cell is true of it, names what nobody can see, and stays short."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.exceptions import CurrencyUnknown
from accounts.models import Account
from accounts.services import open_account
from banking.payment_files.models import PaymentLine
from tests.banking.payment_files.files import checked, fates, pay
from transactions import services
from transactions.exceptions import LedgerError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("amount", "where", "named"),
    [
        ("9\u200b50", "after “9”", "U+200B (zero width space)"),
        ("\u202e950", "at its beginning", "U+202E (right-to-left override)"),
        ("950\u202c", "after “950”", "U+202C (pop directional formatting)"),
        ("1\u00a0950", "after “1”", "U+00A0 (no-break space)"),
        ("950\u00a0", "after “950”", "U+00A0 (no-break space)"),
        ("1\u2009950", "after “1”", "U+2009 (thin space)"),
        ("1\u202f950", "after “1”", "U+202F (narrow no-break space)"),
        ("95\u20600", "after “95”", "U+2060 (word joiner)"),
        ("95\ufe0f0", "after “95”", "U+FE0F (variation selector-16)"),
        ("9\t50", "after “9”", "U+0009 (control character)"),
    ],
)
def test_what_nobody_sees_in_an_amount_is_named_and_not_stripped(
    everyday: Account, mara: Account, amount: str, where: str, named: str
) -> None:
    file = checked(everyday, pay(mara, amount))
    (why,) = fates(file)
    assert why == (
        f"In the column amount, {where}, there is an invisible character: {named}. "
        "Type the amount again."
    )


@pytest.mark.parametrize("amount", [" 950 ", "  1 950.00", "\t950\t", '" 950\n"'])
def test_plain_spaces_round_an_amount_are_fine(
    everyday: Account, mara: Account, amount: str
) -> None:
    assert PaymentLine.objects.get(file=checked(everyday, pay(mara, amount))).amount in (950, 1950)


@pytest.mark.parametrize(
    ("to", "amount"),
    [
        ("{0}", "0." + "1" * 900),
        ("{0}", '"' + "1" * 900 + ',50"'),
        ("{0}", "1" + ".000" * 200),
        ("{0}", "1" * 500 + "\u200b"),
        ("{0}", "x" * 900),
        ("1" * 900, "1" * 900),
        ("x" * 900, "5"),
    ],
)
def test_a_long_cell_makes_no_long_sentence(
    everyday: Account, mara: Account, to: str, amount: str
) -> None:
    (why,) = fates(checked(everyday, f"{to.format(mara.number)},{amount}"))
    assert 20 < len(why) < 250


def test_decimals_are_quoted_from_their_beginning(everyday: Account, mara: Account) -> None:
    (why,) = fates(checked(everyday, pay(mara, "0." + "1" * 900)))
    assert why == f"USD has 2 decimals, but 0.{'1' * 38}… has more."


@pytest.mark.parametrize(
    "facts",
    [
        {"amount": "x" * 900},
        {"amount": Decimal("-" + "9" * 500)},
        {"amount": Decimal("0." + "1" * 500)},
        {"id": "x" * 900},
        {"to_account": "x" * 900},
        {"value_date": "x" * 900},
        {"created_by": "x" * 900},
    ],
    ids=str,
)
def test_nothing_that_a_program_sends_is_quoted_at_length(
    everyday: Account, mara: Account, facts: dict[str, Any]
) -> None:
    asked = {"from_account": everyday, "to_account": mara, "amount": Decimal(1), **facts}
    with pytest.raises(LedgerError) as refused:
        services.transfer(**asked)
    assert 20 < len(str(refused.value)) < 200
    assert "…" in str(refused.value)


def test_a_long_currency_is_quoted_from_its_beginning(everyday: Account) -> None:
    with pytest.raises(CurrencyUnknown, match=r"^'X{39}… "):
        open_account(user=everyday.user, name="Long", currency="X" * 900)
