"""Guesses what the columns of a CSV file mean. See Note [Columns]."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, pairwise
from typing import IO, Any

from banking.outside.formats.cells import (
    OUT,
    DayOrder,
    by_side,
    day_order,
    decimal_of,
    has_sign,
    is_currency_code,
    is_day,
    is_figure,
    is_short_unbooked,
    is_side,
    read_figure,
)
from banking.outside.formats.columns import (
    FOREIGN_OR_PART,
    NO_TEXT,
    ROLES,
    can_be,
    cell_of,
    doubt_of,
    doubt_of_day,
    doubt_of_other,
    may_mean,
    words_of,
)
from banking.outside.formats.lines import UnreadableStatement
from banking.outside.formats.sheet import Sheet, cells_under, is_row
from ledger.text.currencies import ISO_CURRENCIES, minor_units

# Roles whose values are checked come first, because a name such as "Soll/Haben" contains words of
# three roles.
GUESSED = (
    "date", "currency", "side", "status", "balance", "amount", "fee", "out", "in", "other",
    "reference", "id",
)  # fmt: skip
FIGURES = ("amount", "out", "in", "fee", "balance")


def guess(sheet: Sheet, currency: str = "") -> dict[str, Any]:
    """Returns a mapping, which contains the probable column of each role, such as "amount". It also
    contains properties of the file, such as the decimal mark and the order of dates. A role without
    a column is not in the mapping.

    `currency` is the currency of the account. The number of its decimals helps to distinguish a
    decimal point from a thousands separator.
    """
    found: dict[str, Any] = {}
    for role in GUESSED:
        place = _place_of(role, sheet, found)
        if place is not None:
            found[role] = place
    if not sheet.is_known:
        _guess_by_values(sheet, found)
    if "amount" in found:
        found.pop("out", None), found.pop("in", None)
    if "amount" in found and "balance" in found:
        found["amount"] = _amount_by_balances(sheet, found)
    figures = [cell for role in FIGURES for cell in sheet.column(found.get(role))]
    found["decimal"] = decimal_of(figures, _decimals(currency)) or "."
    if _has_signed_amounts(sheet, found):
        found.pop("side", None)
    found["flip"] = False
    if "fee" in found and not _is_separate_fee(sheet, found):
        del found["fee"]
    found["flip"] = "side" not in found and _is_flipped(sheet, found)
    found["texts"] = _texts_of(sheet, found)
    found["order"] = day_order(sheet.column(found.get("date"))).order
    return found


def guess_of_file(source: IO[bytes], sheet: Sheet, currency: str = "") -> dict[str, Any]:
    """Returns a mapping as `guess` does. Reads all lines of the file to find the decimal mark and
    the order of dates, because the first lines may be ambiguous.
    """
    found = guess(sheet, currency)
    mark = mark_of_file(source, sheet, found, currency) or found["decimal"]
    return found | {"decimal": mark, "order": order_of_file(source, sheet, found).order}


def mark_of_file(source: IO[bytes], sheet: Sheet, mapping: Mapping[str, Any], currency: str) -> str:
    """Returns the decimal mark ("." or ",") of the numbers in all lines of the file, or "" if no
    number has a mark.
    """
    with closing(cells_under(source, sheet, [mapping.get(role) for role in FIGURES])) as figures:
        return decimal_of(figures, _decimals(currency))


def order_of_file(source: IO[bytes], sheet: Sheet, mapping: Mapping[str, Any]) -> DayOrder:
    """Reads the dates in all lines of the file, and returns the order of day, month and year."""
    with closing(cells_under(source, sheet, [mapping.get("date")])) as days:
        return day_order(days)


def _decimals(currency: str) -> int:
    return minor_units(currency) if currency else 2


def _has_signed_amounts(sheet: Sheet, found: Mapping[str, Any]) -> bool:
    """Returns whether the amounts already have signs, so that the column for the direction of money
    (in or out) is not needed.

    The result is true if all amounts of money out have a minus, or if there is no money out and
    some amounts have a minus. If only some amounts of money out have a minus, these amounts are
    reversed payments, and the result is false.
    """
    rows = [(cell_of(row, found, "amount"), cell_of(row, found, "side")) for row in sheet.rows]
    amounts = [amount for amount, _side in rows if amount]
    gone = [amount for amount, side in rows if _is_not_zero(amount) and side.lower() in OUT]
    return not amounts or (all(map(has_sign, gone)) if gone else any(map(has_sign, amounts)))


def _place_of(role: str, sheet: Sheet, found: Mapping[str, Any]) -> int | None:
    """Returns the first column whose name and values can have this role, or None. For the roles of
    an amount, a date and the other side, returns the most likely column instead of the first
    column.
    """
    free = _places_of(role, sheet, found)
    if role == "date":
        return _day_of(sheet, free)
    if role == "other":
        return min(free, key=lambda place: doubt_of_other(sheet.names[place]), default=None)
    if role != "amount":
        return free[0] if free else None
    doubts = [(doubt_of(sheet.names[place]), place) for place in free]
    doubt, place = min(doubts, default=(0, None))
    if doubt == FOREIGN_OR_PART and any(
        _place_of(side, sheet, found) is not None for side in ("out", "in")
    ):
        return None
    return place


def _places_of(role: str, sheet: Sheet, found: Mapping[str, Any]) -> list[int]:
    """Returns the columns whose name and values can have this role. Columns in `found` already have
    a role and are left out.
    """
    return [
        place
        for place, name in enumerate(sheet.names)
        if place not in found.values()
        and may_mean(name, role)
        and can_be(role, sheet.column(place), name)
    ]


def _amount_by_balances(sheet: Sheet, found: Mapping[str, Any]) -> int:
    """Several columns may contain amounts, for example without and with the fee. Returns the column
    with which the balances are right in most rows. Prefers the column in `found` if several columns
    agree equally.
    """
    others = {role: place for role, place in found.items() if role not in ("amount", "fee")}

    def fitting(place: int) -> int:
        figures = [*sheet.column(place), *sheet.column(found["balance"])]
        facts = {**others, "amount": place, "decimal": decimal_of(figures) or "."}
        return max(_fitting_pairs(sheet, {**facts, "flip": flip}) for flip in (False, True))

    amount: int = found["amount"]
    return max([amount, *_places_of("amount", sheet, others)], key=fitting)


def _day_of(sheet: Sheet, free: Sequence[int]) -> int | None:
    """Returns the most likely column of the booking date, or None if `free` is empty. Prefers
    columns that contain a date in every booked line.
    """
    rows = [row for row in sheet.rows if not any(map(is_short_unbooked, row)) and is_row(row)]
    full = [place for place in free if all(is_day("".join(row[place : place + 1])) for row in rows)]
    return min(full or free, key=lambda place: doubt_of_day(sheet.names[place]), default=None)


def _is_separate_fee(sheet: Sheet, found: Mapping[str, Any]) -> bool:
    """Returns whether the amount probably does not include the fee: if the fee is subtracted, the
    balances are right in more rows. If all fees are zero, one row with a right balance is enough.
    Returns False if the file has no balances.
    """
    without = _fitting_pairs(sheet, {**found, "fee": None})
    has_fee = any(map(_is_not_zero, sheet.column(found["fee"])))
    fitting = _fitting_pairs(sheet, found)
    return fitting > without or (not has_fee and fitting > 0)


def _is_flipped(sheet: Sheet, found: Mapping[str, Any]) -> bool:
    """Returns whether amounts without a minus are probably money out: with this assumption, the
    balances are right in more rows.
    """
    return _fitting_pairs(sheet, {**found, "flip": True}) > _fitting_pairs(sheet, found)


def _fitting_pairs(sheet: Sheet, found: Mapping[str, Any]) -> int:
    """Returns the number of rows whose balance equals the balance of the previous row plus the
    amount. Counts once from the first row to the last and once in the opposite direction, and
    returns the higher number.
    """
    return max(_fitting_pairs_in(sheet.rows[::step], found) for step in (1, -1))


def _fitting_pairs_in(rows: Sequence[tuple[str, ...]], found: Mapping[str, Any]) -> int:
    moved = []
    for row in rows:
        with suppress(UnreadableStatement):
            amount, balance = _amount_of(row, found), _figure_of(row, found, "balance")
            moved.append((amount, balance))
    return sum(before + amount == after for (_, before), (amount, after) in pairwise(moved))


def _amount_of(row: tuple[str, ...], found: Mapping[str, Any]) -> Decimal:
    """Returns the amount of a row. Money out is negative.

    Raises: UnreadableStatement if the amount is not a number.
    """
    if "amount" not in found:
        return _figure_or_zero(row, found, "in") - _figure_or_zero(row, found, "out")
    amount = _figure_of(row, found, "amount")
    if "side" in found:
        amount = by_side(0, amount, cell_of(row, found, "side"))
    elif found["flip"]:
        amount = -amount
    return amount - _figure_or_zero(row, found, "fee")


def _figure_or_zero(row: tuple[str, ...], found: Mapping[str, Any], role: str) -> Decimal:
    return _figure_of(row, found, role) if cell_of(row, found, role) else Decimal(0)


def _figure_of(row: tuple[str, ...], found: Mapping[str, Any], role: str) -> Decimal:
    return read_figure(0, cell_of(row, found, role), found["decimal"])


def _guess_by_values(sheet: Sheet, found: dict[str, Any]) -> None:
    """Guesses the roles of columns from their values, and adds these roles to `found`. This is for
    files whose column names are not known. Ignores rows that do not contain both a date and a
    number, such as a sum below the table.
    """
    rows = tuple(row for row in sheet.rows if is_row(row))
    table = replace(sheet, rows=rows)

    def first(fits: Callable[[str], bool], least: Callable[[str], bool] = bool) -> int | None:
        for place in range(len(sheet.names)):
            values = table.column(place)
            if place not in found.values() and all(map(fits, values)) and any(map(least, values)):
                return place
        return None

    def add(role: str, place: int | None) -> None:
        if place is not None:
            found.setdefault(role, place)

    add("date", first(is_day))
    add("currency", first(lambda typed: typed in ISO_CURRENCIES))
    add("side", first(is_side))
    if found.keys().isdisjoint(("amount", "out", "in")):
        pair = _pair_of_figures(table, found)
        if pair is not None:
            found.update(_out_and_in(table, pair, found))
            return
        add("amount", first(is_figure, lambda typed: any(mark in typed for mark in "-\u2212(.,")))
        add("amount", first(is_figure))


def _pair_of_figures(table: Sheet, found: Mapping[str, Any]) -> tuple[int, int] | None:
    """Returns two columns that are probably money out and money in. Both contain only numbers
    without a sign. In every row, exactly one of the two numbers is not zero. Returns None if no
    pair of columns fits.
    """
    free = [place for place in range(len(table.names)) if place not in found.values()]
    figures = [
        place
        for place in free
        if table.column(place)
        and all(is_figure(cell) and not has_sign(cell) for cell in table.column(place))
    ]
    for pair in combinations(figures, 2):
        counts = {sum(_is_not_zero("".join(row[p : p + 1])) for p in pair) for row in table.rows}
        if counts == {1}:
            return pair
    return None


def _is_not_zero(figure: str) -> bool:
    return any(digit in figure for digit in "123456789")


def _out_and_in(table: Sheet, pair: tuple[int, int], found: Mapping[str, Any]) -> dict[str, int]:
    """Returns which of the two columns is money out and which is money in, according to the
    balances. Returns an empty dict if the balances do not decide.
    """
    figures = [cell for place in pair for cell in table.column(place)]
    facts = {**found, "decimal": decimal_of(figures) or "."}
    ways = [dict(zip(("out", "in"), way, strict=True)) for way in (pair, pair[::-1])]
    first, second = (_fitting_pairs(table, {**facts, **way}) for way in ways)
    return {} if first == second else ways[first < second]


def _texts_of(sheet: Sheet, found: Mapping[str, Any]) -> list[int]:
    """Returns the columns whose names mean a description of the payment. If there is no such
    column, or if the column names are not known, also returns columns that contain words.
    """
    taken = {found[role] for role in ROLES if role in found}
    free = [place for place in range(len(sheet.names)) if place not in taken]
    named = [place for place in free if may_mean(sheet.names[place], "text")]
    if named and sheet.is_known:
        return named
    return [place for place in free if place in named or _is_text(sheet, place)]


def _is_text(sheet: Sheet, place: int) -> bool:
    """Returns whether the column contains words. If the column names are known, there are two more
    conditions. The name can be the name of a description, and the values are not all dates or all
    currencies.
    """
    values = sheet.column(place)
    if sheet.is_known and (
        not words_of(sheet.names[place]).isdisjoint(NO_TEXT)
        or may_mean(sheet.names[place], "side")
        or all(map(is_day, values))
        or all(map(is_currency_code, values))
    ):
        return False
    return any(letter.isalpha() for typed in values for letter in typed)


def completed(sheet: Sheet, mapping: Mapping[str, Any], currency: str = "") -> dict[str, Any]:
    """Returns a stored mapping with additional roles. If a role did not exist when the mapping was
    stored, guesses the column of this role.
    """
    found = guess(sheet, currency)
    if mapping.get("amount") is None:
        found.pop("side", None), found.pop("fee", None)
    return {role: found[role] for role in ROLES if role in found} | dict(mapping)
