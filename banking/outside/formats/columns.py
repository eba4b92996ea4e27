"""Determines the possible roles of a CSV column from its name and its values. See Note
[Columns].
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from banking.outside.formats.cells import (
    has_sign,
    is_currency_code,
    is_figure,
    is_short_status,
    is_side,
    is_status,
    is_unbooked,
    may_be_status,
)
from banking.outside.formats.lines import NO_ID

ROLES = (
    "date", "amount", "side", "fee", "out", "in", "balance", "currency", "status", "other",
    "reference", "id",
)  # fmt: skip
FOREIGN_AMOUNT = frozenset("foreign orig original oorspr instructed source target".split())
PARTIAL_AMOUNT = frozenset("fee fees tax vat gebühr gebühren entgelt steuer detail".split())
BEFORE_FEES, AFTER_FEES = frozenset({"gross", "brutto"}), frozenset({"net", "netto"})
BOOKING_DATE = frozenset(
    "post posted posting booking booked completed clearing buchung buchungstag buchungsdatum"
    " boekingsdatum contabile registrazione bokf\u00f6ringsdag bokf\u00f6ringsdatum"
    " ksi\u0119gowania".split()
)
VALUE_DATE = frozenset("value valuta valutadatum wertstellung valeur valor rentedatum".split())
FOREIGN_OR_PART = 3
# Words in names of id columns whose values several payments share.
NOT_OF_A_PAYMENT = frozenset(
    "glaeubiger gläubiger creditor debtor incassant mandate customer client partner party"
    " counterparty payee beneficiary merchant account category card terminal store device user"
    " batch".split()
)
UNFIT = {"id": NOT_OF_A_PAYMENT, "status": NOT_OF_A_PAYMENT, "currency": FOREIGN_AMOUNT}
# Words in the names of columns that do not describe what a payment was for.
NO_TEXT = frozenset(
    "type typ tipo account konto conto iban bic address adresse mail email category kategorie"
    " categoria cat\u00e9gorie card karte carta code transaktionscode label tag guthaben time"
    " timezone status state contabilizzazione id currency".split()
)
# A column with one of these names contains the status of a payment, even if its values are not
# known words.
NAMES_OF_A_STATUS = frozenset("status buchungsstatus statut".split())
# Words in column names for each role, in the languages of European banks.
WORDS = {
    "date": "date datum fecha data dato buchungstag buchungsdatum päivä posted tarih",
    "amount": "amount net netto betrag importe montant importo valor bedrag belopp beløb umsatz"
    " summe value kwota tutar",
    "side": "soll haben s h sh debit credit d c dc dr cr af bij sign vorzeichen indicator direction"
    " kennzeichen type typ sens",
    "balance": "balance bal runningbalance saldo kontostand guthaben solde bakiye",
    "currency": "currency ccy währung waehrung devise moneda divisa valuta valute moeda munt",
    "fee": "fee",
    "status": "status state zustand buchungsstatus estado stato statut info contabilizzazione",
    "out": "debit debits out withdrawal withdrawals soll ausgang ausgaben belastung belastungen"
    " lastschrift lastschriften débit débits cargo cargos addebito addebiti uscite obciążenia borç",
    "in": "credit credits in deposit deposits haben eingang einnahmen gutschrift gutschriften"
    " crédit crédits abono abonos accredito accrediti entrate uznania alacak",
    "other": "payee name counterparty beneficiary auftraggeber empfänger beguenstigter begünstigter"
    " zahlungspflichtiger zahlungsempfänger naam merchant counter who",
    "reference": "reference referenz referencia référence kundenreferenz",
    "id": "id transaction-id fitid transaktionsnummer transaktionscode",
    "text": "zahlungszweck"
    " description text memo verwendungszweck buchungstext avisierungstext details concepto"
    " libellé narrative narration particulars remarks a\u00e7\u0131klama"
    " omschrijving descripción descripcion purpose note mededelingen beschreibung beskrivelse tekst"
    " descrizione causale opis libelle descrição descricao",
}
# Column names that have a role only if the whole name matches, such as "Transaction" in Ledger's
# files. For example, "Saldo nach Buchung" contains "Buchung" but is not a date.
WHOLE_NAMES = {
    ("id", "transaction"), ("id", "transaktions-nr."), ("date", "buchung"), ("date", "booked at"),
}  # fmt: skip
# OTHER_SIDE: words that mean only the other side of a payment. NOT_OTHER_SIDE: words in the names
# of columns that may contain the owner's name, or no name.
OTHER_SIDE = frozenset(
    "tegenpartij partner beneficiary payee counterparty merchant counter who empfänger begünstigter"
    " beguenstigter zahlungspflichtiger zahlungsempfänger zahlungsbeteiligter auftraggeber".split()
)
NOT_OTHER_SIDE = frozenset(
    "account konto rekening card karte holder owner bank iban bic swift number nummer address adres"
    " adresse category product type".split()
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
A_FEW = 3  # number of rows; so few rows may all have the same other side
# The check of a role. Each value of a column must pass it.
EACH_VALUE = {"currency": is_currency_code, "balance": is_figure}


def cell_of(cells: Sequence[str], mapping: Mapping[str, Any], role: str) -> str:
    """Returns the cell of a row (`cells`) in the column that `mapping` assigns to this role, such
    as "amount". Returns "" if no column has the role, or if the row is too short.
    """
    place = mapping.get(role)
    return cells[place].strip() if place is not None and place < len(cells) else ""


# Matches the "in" of "Lastschrift in CHF", but not of "Paid in GBP".
_IN_A_CURRENCY = re.compile(r"(?<!paid )(?<!money )\bin (?=[a-z]{3}$)")


def words_of(name: str) -> set[str]:
    """Returns the words of a column name, in lower case."""
    return set(re.split(r"[^\w]+", _IN_A_CURRENCY.sub("", name.lower())))


def may_mean(name: str, role: str) -> bool:
    """Returns whether a column with this name may contain the values of this role, such as "amount"
    or "text".
    """
    words = words_of(name)
    is_dated = any(word.endswith(("date", "datum")) for word in words)
    if role in ("date", "amount") and is_dated:
        return role == "date"
    if role == "amount" and _is_one_way(words):
        return False
    if role == "side" and re.fullmatch(r"|[+-] ?/ ?[+-]", name):
        return True
    if (role, name.lower()) in WHOLE_NAMES:
        return True
    if role == "text":  # for example "Beschreibung1"
        words = {word.rstrip("0123456789") for word in words}
    unfit = UNFIT.get(role, frozenset())
    return words.isdisjoint(unfit) and not words.isdisjoint(WORDS[role].split())


def _is_one_way(words: set[str]) -> bool:
    """Returns whether these words of a column name mean only one direction of money, as in "Debit
    Amount". Ignores the words "in" and "out", because they have other meanings, as in "Amount in
    account currency".
    """
    ways = (set(WORDS[role].split()) - {role} for role in ("out", "in"))
    return sum(not words.isdisjoint(way) for way in ways) == 1


def doubt_of(name: str) -> int:
    """Returns a number for the doubt that a column with this name contains the amounts on the
    account: 0 (most likely), 1, 2 or FOREIGN_OR_PART. FOREIGN_OR_PART is the number for a column
    with amounts in another currency, or with only a part of the amounts, such as fees.
    """
    words = words_of(name)
    if not words.isdisjoint(FOREIGN_AMOUNT | PARTIAL_AMOUNT):
        return FOREIGN_OR_PART
    if not words.isdisjoint(BEFORE_FEES):
        return 2
    return 1 if words.isdisjoint(AFTER_FEES) else 0


def doubt_of_day(name: str) -> int:
    """Returns the doubt that a column with this name contains the booking dates: 0 (most likely), 1
    or 2.
    """
    words = words_of(name)
    if not words.isdisjoint(BOOKING_DATE):
        return 0
    return 1 if words.isdisjoint(VALUE_DATE) else 2


def doubt_of_other(name: str) -> int:
    """Returns the doubt that a column with this name contains the name of the other side: 0 (most
    likely), 1 or 2.
    """
    words = words_of(name)
    if not words.isdisjoint(NOT_OTHER_SIDE):
        return 2
    return 1 if words.isdisjoint(OTHER_SIDE) else 0


def _is_of_others(name: str, values: Sequence[str]) -> bool:
    """Returns whether the values of a column may be the names of the other side (the payer or the
    recipient). Account numbers are not names.

    A column with the same value in all rows may contain the owner's name. Such a column is accepted
    if its name clearly means the other side. With at most A_FEW rows, it is also accepted if its
    name does not exclude the other side.
    """
    if values and all(_IBAN.fullmatch(it.replace(" ", "")) or it.isdecimal() for it in values):
        return False
    doubt = doubt_of_other(name)
    is_of_nobody_else = doubt == 2 and words_of(name).isdisjoint(OTHER_SIDE)
    return doubt == 0 or len(set(values)) > 1 or (len(values) <= A_FEW and not is_of_nobody_else)


def can_be(role: str, values: Sequence[str], name: str = "") -> bool:
    """Returns whether a column with this name and these values can have this role, such as
    "amount".
    """
    if role in BY_NAME_AND_VALUES:
        return BY_NAME_AND_VALUES[role](name, values)
    if role in EACH_VALUE:
        return all(map(EACH_VALUE[role], values)) and (bool(values) or role == "currency")
    if role == "id":  # some banks use the column name "Transaction" for descriptions
        ids = [typed for typed in values if typed.lower() not in NO_ID]
        return len(set(ids)) == len(ids) and not any(" " in typed for typed in ids)
    # The name "Value date" contains a word for an amount, so the values are checked.
    return role not in ("amount", "out", "in") or not values or any(map(is_figure, values))


def _is_of_fees(_name: str, values: Sequence[str]) -> bool:
    """Returns whether the values can be fees that must be subtracted from the amounts: numbers
    without a minus. Fees with a minus would have to be added.
    """
    return bool(values) and all(is_figure(it) and not has_sign(it) for it in values)


def _is_of_sides(_name: str, values: Sequence[str]) -> bool:
    """Returns whether more than half of the values are known words for money in or money out. If
    another line has an unknown word, such as "Fee", `is_out` later raises UnreadableStatement.
    """
    return sum(map(is_side, values)) * 2 > len(values)


def _is_of_a_status(name: str, values: Sequence[str]) -> bool:
    """Returns whether the column contains the status of lines.

    - A column named "Status" contains the status if its values are words.
    - A column such as "Info" may contain other texts. Most of its values must be known words for a
      status.
    - A column such as "State" may contain the state of a country. At least one value must mean "not
      booked", or most values must be known words.
    """
    words = words_of(name)
    if not words.isdisjoint(NAMES_OF_A_STATUS) and values and all(map(may_be_status, values)):
        return True
    if "info" in words:
        return sum(map(is_short_status, values)) * 2 > len(values)
    return any(map(is_unbooked, values)) or sum(map(is_status, values)) * 2 > len(values)


BY_NAME_AND_VALUES: dict[str, Callable[[str, Sequence[str]], bool]] = {
    "fee": _is_of_fees, "side": _is_of_sides, "status": _is_of_a_status, "other": _is_of_others,
}  # fmt: skip
