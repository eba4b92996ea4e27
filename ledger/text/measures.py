"""Formats durations, sizes and percentages as short texts for tables."""

MINUTE, HOUR, DAY = 60, 3600, 86_400
SIZES = ("B", "kB", "MB", "GB", "TB")


def span(seconds: float) -> str:
    """Formats a duration in seconds: "0.4 s", "12 s", "17 min", "3 h 20 min" or "5 days"."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < 2 * DAY:
        hours, rest = divmod(seconds, HOUR)
        minutes = rest // MINUTE
        return f"{hours:.0f} h {minutes:.0f} min" if minutes and hours < 10 else f"{hours:.0f} h"
    return f"{seconds // DAY:,.0f} days"


def milliseconds(number: float) -> str:
    """Formats milliseconds: "0.042 ms", "4.2 ms" or "420 ms". From one second on, `span` formats
    the number.
    """
    if number >= 1000:
        return span(number / 1000)
    if number >= 99.5:
        return f"{number:.0f} ms"
    return f"{number:.1f} ms" if number >= 0.95 else f"{number:.3f} ms"


def size(number: float) -> str:
    """Formats a number of bytes: "812 B", "4.2 kB" or "420 MB". A kB is 1,024 bytes, and an MB is
    1,024 kB.
    """
    unit = 0
    while number >= 1023.5 and unit < len(SIZES) - 1:
        number, unit = number / 1024, unit + 1
    return (
        f"{number:.1f} {SIZES[unit]}" if unit and number < 9.95 else f"{number:,.0f} {SIZES[unit]}"
    )


def percent(share: float) -> str:
    """Formats a fraction as a percentage: "0.4 %", "12 %" or "1,200 %". The fraction 1 is 100 %."""
    number = share * 100
    if 0 < number < 0.05:
        return "under 0.1 %"
    return f"{number:.1f} %" if 0 < number < 9.95 else f"{number:,.0f} %"
