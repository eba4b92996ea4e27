"""Currencies and their decimals: the minor units of ISO 4217.

The list is also a CHECK constraint (`account_currency_valid`), so a new currency needs a line here
and a migration.
"""

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

MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(TWO_DECIMALS, 2),
    **dict.fromkeys(NO_DECIMALS, 0),
    **dict.fromkeys(THREE_DECIMALS, 3),
}
CURRENCIES: tuple[str, ...] = tuple(sorted(MINOR_UNITS))

# The largest amount that numeric(19,4) holds.
LARGEST_AMOUNT = Decimal("999999999999999.9999")


def minor_units(currency: str) -> int:
    """Decimal places of a currency: JPY 0, USD 2, KWD 3. KeyError for an unknown code."""
    return MINOR_UNITS[currency]


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


def fits(amount: Decimal, currency: str) -> bool:
    """Whether a finite amount has no more decimal places than its currency."""
    places = MINOR_UNITS[currency]
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and (-exponent <= places or decimals_of(amount) <= places)
