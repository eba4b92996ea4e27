"""Translates the bank's codes into English."""

from collections.abc import Iterable
from dataclasses import dataclass

from banking.berka.lines import BrokenLine

WHAT_TO_DO = "correct it, or add the code to banking/berka/codes.py, and run the import again"


@dataclass(frozen=True, slots=True)
class Operation:
    """The channel and the direction of a payment (`operation`)."""

    phrase: str
    category: str
    channel: str
    credit: bool


@dataclass(frozen=True, slots=True)
class Purpose:
    """The purpose of a payment (`k_symbol`), and the operations that are possible for this
    purpose.
    """

    phrase: str
    category: str
    credit: bool
    operations: tuple[str, ...]

    @property
    def by_bank(self) -> bool:
        """Whether the bank itself booked the payment, for example interest. Such a payment may have
        no operation.
        """
        return "" in self.operations


@dataclass(frozen=True, slots=True)
class CodeWording:
    """The texts for customers that replace the codes of a row."""

    description: str
    category: str
    channel: str


CREDIT = {"PRIJEM": True, "VYDAJ": False, "VYBER": False}
OPERATIONS = {
    "VKLAD": Operation("Cash deposit", "cash", "cash", credit=True),
    "VYBER": Operation("Cash withdrawal", "cash", "cash", credit=False),
    "VYBER KARTOU": Operation("Card withdrawal", "card", "card", credit=False),
    "PREVOD Z UCTU": Operation("Transfer", "transfer", "remittance", credit=True),
    "PREVOD NA UCET": Operation("Transfer", "transfer", "remittance", credit=False),
}
PAYING = ("PREVOD NA UCET", "VYBER", "VYBER KARTOU")
PURPOSES = {
    "SIPO": Purpose("Household payment", "household", False, PAYING),
    "POJISTNE": Purpose("Insurance payment", "insurance", False, PAYING),
    "UVER": Purpose("Loan payment", "loan payment", False, PAYING),
    "DUCHOD": Purpose("Pension", "pension", True, ("PREVOD Z UCTU", "VKLAD")),
    "UROK": Purpose("Interest credited", "interest", True, ("",)),
    "SLUZBY": Purpose("Statement fee", "statement fee", False, ("", "VYBER")),
    "SANKC. UROK": Purpose("Penalty interest", "penalty interest", False, ("", "VYBER")),
}
WAYS = {"cash": "in cash", "card": "by card"}


def is_credit(type_code: str) -> bool:
    """Returns whether a row of this type adds money to the account.

    Raises: BrokenLine if the type is not known.
    """
    if type_code not in CREDIT:
        raise BrokenLine(_unknown("type", type_code, CREDIT))
    return CREDIT[type_code]


def wording_of(
    *, credit: bool, operation: str, purpose: str, partner_bank: str, partner_account: str
) -> CodeWording:
    """Returns the description, the category and the channel for the codes of a row.

    Raises: BrokenLine if a code is not known, or if the codes contradict each other.
    """
    if operation and operation not in OPERATIONS:
        raise BrokenLine(_unknown("operation", operation, OPERATIONS))
    if purpose and purpose not in PURPOSES:
        raise BrokenLine(_unknown("k_symbol", purpose, PURPOSES))
    _check_together(credit, operation, purpose)
    how, what = OPERATIONS.get(operation), PURPOSES.get(purpose)
    if what and (how is None or what.by_bank):
        return CodeWording(what.phrase, what.category, "bank")
    if how is None:
        raise BrokenLine(f"operation and k_symbol are both empty; {WHAT_TO_DO}")
    phrase = what.phrase if what else how.phrase
    if how.channel == "remittance":
        phrase += _partner("from" if credit else "to", partner_bank, partner_account)
    elif what:
        phrase += f" {WAYS[how.channel]}"
    return CodeWording(phrase, what.category if what else how.category, how.channel)


def _check_together(credit: bool, operation: str, purpose: str) -> None:
    """Raises BrokenLine if the type, the operation and the k_symbol contradict each other."""
    how, what = OPERATIONS.get(operation), PURPOSES.get(purpose)
    direction = "a credit" if credit else "a debit"
    if how and how.credit != credit:
        raise BrokenLine(f"the operation {operation!r} does not go with {direction}; {WHAT_TO_DO}")
    if what and what.credit != credit:
        raise BrokenLine(f"the k_symbol {purpose!r} does not go with {direction}; {WHAT_TO_DO}")
    if what and operation not in what.operations:
        raise BrokenLine(
            f"the k_symbol {purpose!r} does not go with the operation {operation!r}; {WHAT_TO_DO}"
        )


def _partner(preposition: str, bank: str, account: str) -> str:
    parts = [f"bank {bank}"] if bank else []
    parts += [f"account {account}"] if account else []
    return f" {preposition} {', '.join(parts)}" if parts else ""


def _unknown(column: str, code: str, known: Iterable[str]) -> str:
    return f"the {column} {code!r} is unknown (known: {', '.join(known)}); {WHAT_TO_DO}"
