"""Currencies and their decimals: the minor units of ISO 4217, and of what a bank adds.

The table `currencies` says in which of them accounts can be opened. Those of ISO 4217 stand here
too, so that pages format amounts without a query; others are looked up once.
"""

import re
from collections.abc import Callable
from decimal import Decimal

# Source: ISO 4217:2015, list one (national currencies; funds and metals left out).
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND".split()
TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS "
    "KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG"
).split()

_minor_units: dict[str, int] = {
    **dict.fromkeys(TWO_DECIMALS, 2),
    **dict.fromkeys(NO_DECIMALS, 0),
    **dict.fromkeys(THREE_DECIMALS, 3),
}
ISO_CURRENCIES: tuple[str, ...] = tuple(sorted(_minor_units))
_CODE = re.compile("[A-Z]{3}")

# The largest amount that numeric(19,4) holds.
LARGEST_AMOUNT = Decimal("999999999999999.9999")
# An amount as programs write it.
PLAIN_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


_look_ups: list[Callable[[str], int | None]] = []


def look_up_by(look_up: Callable[[str], int | None]) -> None:
    """Sets the function that finds the minor units of a code outside ISO 4217, None for no such
    currency. `accounts` sets one that reads the table.
    """
    _look_ups[:] = [look_up]


def is_currency(code: str) -> bool:
    """Whether the code is in ISO 4217 or in the bank's table of currencies."""
    return _units(code) is not None


def minor_units(currency: str) -> int:
    """Decimal places of a currency: JPY 0, USD 2, KWD 3. KeyError for an unknown code."""
    units = _units(currency)
    if units is None:
        raise KeyError(currency)
    return units


def _units(code: str) -> int | None:
    """The minor units, remembered once found: those of a currency with accounts never change."""
    units = _minor_units.get(code)
    if units is None and _CODE.fullmatch(code):
        units = next((look_up(code) for look_up in _look_ups), None)
        if units is not None:
            _minor_units[code] = units
    return units


def decimals_of(amount: Decimal) -> int:
    """Decimal places that a finite amount really has: 1.50 has 1, 100 and 1E+2 have 0.

    Counted digit by digit, because `normalize` would first round to the context's 28 digits.
    """
    _, digits, exponent = amount.as_tuple()
    places = -exponent if isinstance(exponent, int) and amount else 0
    for digit in reversed(digits):
        if digit or places <= 0:
            break
        places -= 1
    return max(places, 0)


def fits(amount: Decimal, places: int) -> bool:
    """Whether a finite amount has at most so many decimal places."""
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and (-exponent <= places or decimals_of(amount) <= places)
