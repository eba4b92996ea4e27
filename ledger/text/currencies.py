"""The currencies of ISO 4217 and of the bank, with their number of decimals (minor units).

The table `currencies` contains the currencies in which accounts can be opened. The currencies of
ISO 4217 are also in this module, so that pages can format amounts without a query. Other currencies
are read from the table once.
"""

import re
from collections.abc import Callable
from decimal import Decimal

# Source: ISO 4217:2015, list one (national currencies, without funds and metals).
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

# The largest amount of the type numeric(19,4).
LARGEST_AMOUNT = Decimal("999999999999999.9999")
# An amount in the format that programs use.
PLAIN_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


_look_ups: list[Callable[[str], int | None]] = []


def look_up_by(look_up: Callable[[str], int | None]) -> None:
    """Sets the function that returns the minor units of a currency outside ISO 4217. The function
    returns None if there is no such currency. `accounts` sets a function that reads the table.
    """
    _look_ups[:] = [look_up]


def is_currency(code: str) -> bool:
    """Returns whether the code is a currency of ISO 4217 or of the bank."""
    return _units(code) is not None


def minor_units(currency: str) -> int:
    """Returns the number of decimals of a currency: 0 for JPY, 2 for USD, 3 for KWD. Raises
    KeyError for an unknown code.
    """
    units = _units(currency)
    if units is None:
        raise KeyError(currency)
    return units


def _units(code: str) -> int | None:
    """Returns the minor units of a currency, or None for an unknown code. Caches the minor units,
    because they never change for a currency with accounts.
    """
    units = _minor_units.get(code)
    if units is None and _CODE.fullmatch(code):
        units = next((look_up(code) for look_up in _look_ups), None)
        if units is not None:
            _minor_units[code] = units
    return units


def decimals_of(amount: Decimal) -> int:
    """Returns the number of decimals of a finite amount without trailing zeros: 1 for 1.50, and 0
    for 100 and 1E+2.

    Does not use `normalize`, which would round the amount to 28 digits.
    """
    _, digits, exponent = amount.as_tuple()
    places = -exponent if isinstance(exponent, int) and amount else 0
    for digit in reversed(digits):
        if digit or places <= 0:
            break
        places -= 1
    return max(places, 0)


def fits(amount: Decimal, places: int) -> bool:
    """Returns whether a finite amount has at most `places` decimals."""
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and (-exponent <= places or decimals_of(amount) <= places)
