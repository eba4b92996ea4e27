"""CSV: what the name and the values of a column can mean, see Note [Columns]."""

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
OF_ANOTHER_AMOUNT = frozenset("foreign orig original oorspr instructed source target".split())
PART_OF_AN_AMOUNT = frozenset("fee fees tax vat gebühr gebühren entgelt steuer detail".split())
BEFORE_FEES, AFTER_FEES = frozenset({"gross", "brutto"}), frozenset({"net", "netto"})
OF_BOOKING = frozenset(
    "post posted posting booking booked completed clearing buchung buchungstag buchungsdatum"
    " boekingsdatum contabile registrazione bokf\u00f6ringsdag bokf\u00f6ringsdatum"
    " ksi\u0119gowania".split()
)
OF_VALUE = frozenset("value valuta valutadatum wertstellung valeur valor rentedatum".split())
NOT_ALL = 3
# Whose ids are the same for several payments.
NOT_OF_A_PAYMENT = frozenset(
    "glaeubiger gläubiger creditor debtor incassant mandate customer client partner party"
    " counterparty payee beneficiary merchant account category card terminal store device user"
    " batch".split()
)
UNFIT = {"id": NOT_OF_A_PAYMENT, "status": NOT_OF_A_PAYMENT, "currency": OF_ANOTHER_AMOUNT}
# Names of columns with words that do not say what a payment was for.
NO_TEXT = frozenset(
    "type typ tipo account konto conto iban bic address adresse mail email category kategorie"
    " categoria cat\u00e9gorie card karte carta code transaktionscode label tag guthaben time"
    " timezone status state contabilizzazione id currency".split()
)
# These name the status of a payment whatever the words below them are.
NAMES_OF_A_STATUS = frozenset("status buchungsstatus statut".split())
# Words of column names by what they mean, in the languages of banks near us.
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
# Names whose words alone say less: "Transaction" as in Ledger's own files, "Saldo nach Buchung".
SAY_AS_A_WHOLE = {
    ("id", "transaction"), ("id", "transaktions-nr."), ("date", "buchung"), ("date", "booked at"),
}  # fmt: skip
# Names of the other side alone, and of what may be the owner's own or no name at all.
OF_THE_OTHER_SIDE = frozenset(
    "tegenpartij partner beneficiary payee counterparty merchant counter who empfänger begünstigter"
    " beguenstigter zahlungspflichtiger zahlungsempfänger zahlungsbeteiligter auftraggeber".split()
)
NO_OTHER_SIDE = frozenset(
    "account konto rekening card karte holder owner bank iban bic swift number nummer address adres"
    " adresse category product type".split()
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
A_FEW = 3  # rows, in which the other side may well be the same
# What each value of a column has to be.
EACH_VALUE = {"currency": is_currency_code, "balance": is_figure}


def cell_of(cells: Sequence[str], mapping: Mapping[str, Any], role: str) -> str:
    """The cell of a role; "" without one."""
    place = mapping.get(role)
    return cells[place].strip() if place is not None and place < len(cells) else ""


# "Lastschrift in CHF", but not "Paid in GBP".
_IN_A_CURRENCY = re.compile(r"(?<!paid )(?<!money )\bin (?=[a-z]{3}$)")


def words_of(name: str) -> set[str]:
    """The words of a column's name, in small letters."""
    return set(re.split(r"[^\w]+", _IN_A_CURRENCY.sub("", name.lower())))


def says(name: str, role: str) -> bool:
    """Whether the name of a column may mean the role."""
    words = words_of(name)
    is_dated = any(word.endswith(("date", "datum")) for word in words)
    if role in ("date", "amount") and is_dated:
        return role == "date"
    if role == "amount" and _is_one_way(words):
        return False
    if role == "side" and re.fullmatch(r"|[+-] ?/ ?[+-]", name):
        return True
    if (role, name.lower()) in SAY_AS_A_WHOLE:
        return True
    if role == "text":  # "Beschreibung1"
        words = {word.rstrip("0123456789") for word in words}
    unfit = UNFIT.get(role, frozenset())
    return words.isdisjoint(unfit) and not words.isdisjoint(WORDS[role].split())


def _is_one_way(words: set[str]) -> bool:
    """Whether these say money out alone or money in alone, as "Debit Amount" does. "In" and "out"
    say other things too: "Amount in account currency".
    """
    ways = (set(WORDS[role].split()) - {role} for role in ("out", "in"))
    return sum(not words.isdisjoint(way) for way in ways) == 1


def doubt_of(name: str) -> int:
    """How doubtful it is that a column of this name has the amounts on the account. NOT_ALL: they
    are of another account, or only a part.
    """
    words = words_of(name)
    if not words.isdisjoint(OF_ANOTHER_AMOUNT | PART_OF_AN_AMOUNT):
        return NOT_ALL
    if not words.isdisjoint(BEFORE_FEES):
        return 2
    return 1 if words.isdisjoint(AFTER_FEES) else 0


def doubt_of_day(name: str) -> int:
    """How doubtful it is that a column of this name has the days of booking."""
    words = words_of(name)
    if not words.isdisjoint(OF_BOOKING):
        return 0
    return 1 if words.isdisjoint(OF_VALUE) else 2


def doubt_of_other(name: str) -> int:
    """How doubtful it is that a column of this name has the other side's name."""
    words = words_of(name)
    if not words.isdisjoint(NO_OTHER_SIDE):
        return 2
    return 1 if words.isdisjoint(OF_THE_OTHER_SIDE) else 0


def _is_of_others(name: str, values: Sequence[str]) -> bool:
    """Whether these may be names of others: not numbers of accounts, nor, unless the column is
    named so, the owner's own in all rows.
    """
    if values and all(_IBAN.fullmatch(it.replace(" ", "")) or it.isdecimal() for it in values):
        return False
    doubt = doubt_of_other(name)
    is_of_nobody_else = doubt == 2 and words_of(name).isdisjoint(OF_THE_OTHER_SIDE)
    return doubt == 0 or len(set(values)) > 1 or (len(values) <= A_FEW and not is_of_nobody_else)


def can_be(role: str, values: Sequence[str], name: str = "") -> bool:
    """Whether a column of this name and with these values can mean it."""
    if role in BY_NAME_AND_VALUES:
        return BY_NAME_AND_VALUES[role](name, values)
    if role in EACH_VALUE:
        return all(map(EACH_VALUE[role], values)) and (bool(values) or role == "currency")
    if role == "id":  # other banks write under "Transaction" what it is for
        ids = [typed for typed in values if typed.lower() not in NO_ID]
        return len(set(ids)) == len(ids) and not any(" " in typed for typed in ids)
    # "Value date" has a word of an amount.
    return role not in ("amount", "out", "in") or not values or any(map(is_figure, values))


def _is_of_fees(_name: str, values: Sequence[str]) -> bool:
    """Elsewhere a fee with a minus is to be added."""
    return bool(values) and all(is_figure(it) and not has_sign(it) for it in values)


def _is_of_sides(_name: str, values: Sequence[str]) -> bool:
    """Another word, such as "Fee", refuses its line."""
    return sum(map(is_side, values)) * 2 > len(values)


def _is_of_a_status(name: str, values: Sequence[str]) -> bool:
    """Under "State", which may be that of a country, one value has to say that the line is not
    booked, or most values are known; under "Info", which may be a text, the latter.
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
