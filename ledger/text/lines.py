"""Functions for names, descriptions and other one-line texts that people type."""

import re
import unicodedata
from collections.abc import Iterator

QUOTED = 40  # maximum number of characters that a message quotes from a typed text
# Joiners that some scripts need (Persian and Hindi words, emoji), and white space.
HARMLESS = "\u200c\u200d\t\n\r"
# Unassigned characters that Unicode reserves for future invisible characters. Systems already
# display nothing for them. Source: Default_Ignorable_Code_Point in DerivedCoreProperties.txt,
# without Cf.
RESERVED_AS_INVISIBLE = re.compile(
    "[\u2065\ufff0-\ufff8\U000e0000\U000e0002-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff]"
)


# Longer texts are not composed, because this takes quadratic time. No stored line is longer.
LONGEST_COMPOSED = 1_000


def odd_characters(text: str) -> set[str]:
    """Returns the invisible characters in a text that can change how people read the text.

    These are control and format characters, and characters that Unicode reserves for such purposes.
    For example, U+202E reverses the text after it and could hide the recipient of a payment.
    """
    if text.isprintable():  # most texts contain no odd characters, which are never printable
        return set()
    odd = {c for c in set(text) if unicodedata.category(c) in ("Cc", "Cf") and c not in HARMLESS}
    return odd.union(RESERVED_AS_INVISIBLE.findall(text))


def visible(text: str) -> str:
    """Returns the text, with each invisible character replaced by its number, such as
    "[U+202E]".
    """
    return text.translate({ord(c): f"[U+{ord(c):04X}]" for c in odd_characters(text)})


# Invisible characters that are not control characters.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159"


def is_readable(text: str) -> bool:
    """Returns whether the text has a visible letter or digit."""
    return any(c.isalnum() and c not in FILLERS for c in text)


# Alphabets with letters that look the same in several alphabets. The values are the first words of
# Unicode's letter names.
CONFUSABLE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "LISU", "COPTIC"})
# Scripts and characters that may appear in one word with these alphabets: East Asian scripts,
# apostrophes and ordinals.
COMPATIBLE = frozenset(
    "CJK HIRAGANA KATAKANA KATAKANA-HIRAGANA HALFWIDTH HANGUL BOPOMOFO MODIFIER FEMININE MASCULINE"
    .split()
)  # fmt: skip
# Cyrillic and Greek letters that look like Latin letters.
AS_LATIN = frozenset(
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u043e\u0440\u051b\u0455\u0445\u0443\u051d"
    "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u0423"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)


def alphabets_in(text: str) -> set[str]:
    """Returns the alphabets of the letters in a text. The name of an alphabet is the first word of
    Unicode's letter names, such as "LATIN".
    """
    return {unicodedata.name(c, " ").split(" ")[0] for c in text if c.isalpha()}


def mixed_word(text: str) -> str:
    """Returns the first word that mixes alphabets with similar letters, such as "Ana" with a
    Cyrillic "a". In a text with Latin letters, a word from another alphabet also counts if all its
    letters look like Latin letters. Returns "" if there is no such word.

    This is a simple form of mixed-script detection (Unicode standard UTS 39).
    """
    if text.isascii():
        return ""
    is_latin = "LATIN" in alphabets_in(text)
    for word in text.split():
        alphabets = alphabets_in(word)
        is_mixed = len(alphabets - COMPATIBLE) > 1 and not alphabets.isdisjoint(CONFUSABLE)
        letters = {c for c in word if c.isalpha()}
        if is_mixed or (is_latin and letters and letters <= AS_LATIN):
            return word
    return ""


# Unicode decompositions of letters and digits that have another font, size or position.
FONTS = ("<font>", "<wide>", "<circle>", "<super>", "<sub>", "<square>")
ORDINALS = "\u00aa\u00ba"  # used in Spanish and Portuguese abbreviations
MAX_MARKS = 4  # maximum on one letter: Vietnamese has two, pointed Hebrew three


def posing_character(text: str) -> str:
    """Returns the first character that is invisible or looks like another character, or "".

    Such characters are letters in a special font, small capitals, invisible letters, marks after
    the first MAX_MARKS on one letter, and unassigned or private characters.
    """
    if text.isascii():
        return ""
    marks = 0
    for letter, c in _with_letter_before(text):
        marks = marks + 1 if _is_mark(c) else 0
        if marks > MAX_MARKS or c in FILLERS or _is_in_a_font(c) or _joins_nothing(letter, c):
            return c
        if _is_unassigned(c):
            return c
    return ""


def has_hidden_signs(text: str) -> bool:
    """Returns whether the text contains a character that is invisible or that reverses the text
    after it.
    """
    if odd_characters(text):
        return True
    pairs = () if text.isascii() else _with_letter_before(text)
    return any(c in FILLERS or _joins_nothing(letter, c) for letter, c in pairs)


def _with_letter_before(text: str) -> Iterator[tuple[str, str]]:
    """Yields a pair for each character of the text: the last earlier character that is not a mark,
    and the character itself. A blank comes before the first character.

    `unicodedata.normalize` is not used, because it sorts the marks on a letter in quadratic time
    and blocks all other threads.
    """
    letter = " "
    for c in text:
        yield letter, c
        if not _is_mark(c):
            letter = c


def _is_mark(c: str) -> bool:
    return unicodedata.category(c).startswith("M")


def _is_unassigned(c: str) -> bool:
    """Returns whether the character is private or unassigned. Returns False for the planes 2 and 3,
    where new versions of Unicode add Chinese characters for names that Python may not know yet.
    """
    return unicodedata.category(c) in ("Cn", "Co") and not "\U00020000" <= c < "\U00040000"


def _joins_nothing(letter: str, c: str) -> bool:
    """Returns whether `c` is a joiner or a variation selector without a visible effect. Such a
    character has no effect after a blank, or after a letter that has only one form.
    """
    is_unseen = c in "\u200c\u200d" or "VARIATION SELECTOR" in unicodedata.name(c, "")
    return is_unseen and (letter == " " or not alphabets_in(letter).isdisjoint(CONFUSABLE))


def _is_in_a_font(c: str) -> bool:
    if c in ORDINALS:
        return False
    is_plain = unicodedata.normalize("NFKC", c).isascii()
    is_number = unicodedata.category(c) == "Nl"  # such as a Roman numeral
    decomposes = unicodedata.decomposition(c).startswith(FONTS) or is_number
    return (is_plain and decomposes) or "SMALL CAPITAL" in unicodedata.name(c, "")


def unfit_name(name: str) -> str:
    """Returns the message that explains why a name is refused, or "" if the name is accepted.
    `name` is a result of `tidy_line`.
    """
    if not is_readable(name):
        return "Type a name with letters or digits."
    if word := mixed_word(name):
        return (
            f"“{shortened(word)}” has letters of two alphabets. Write it with the letters of "
            "one alphabet."
        )
    if c := posing_character(name):
        kind = unicodedata.name(c, "a character").lower()
        return (
            f"The name has a character that looks like another character ({kind}). Use plain "
            "letters."
        )
    return ""


def unseen_character(text: str) -> tuple[int, str]:
    """Returns the position and the name of the first invisible character, or (-1, ""). Combining
    marks and all spaces except the plain space also count as invisible.
    """
    for place, c in enumerate(text):
        if not c.isprintable() or c in FILLERS or unicodedata.category(c).startswith("M"):
            name = unicodedata.name(c, "control character").lower()
            return place, f"U+{ord(c):04X} ({name})"
    return -1, ""


def counted(count: int, what: str, many: str = "") -> str:
    """Formats a number with its noun: "1 payment", "1,240 payments". `many` is the plural of an
    irregular noun.
    """
    return f"{count:,} {what if count == 1 else many or f'{what}s'}"


def category_label(category: str | None) -> str:
    """Returns the label of a category, such as "Eating out" for "eating_out". Returns "" for None
    or "".
    """
    label = visible((category or "").replace("_", " ").strip())
    return label[:1].upper() + label[1:]


def shortened(text: str, most: int = QUOTED) -> str:
    """Returns the text for a quotation in a message. After `most` characters the text is cut and
    "…" is added.
    """
    return text if len(text) <= most else f"{text[:most]}\u2026"


def grouped_digits(number: int) -> str:
    """Formats a number with commas between thousands: "12,345"."""
    return f"{number:,}"


def cut(text: object, most: int) -> str:
    """Returns the text with at most `most` characters. A longer text is cut and ends with "…"."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[: most - 1]}\u2026"


def tidy_line(text: str) -> str:
    """Returns the text without odd characters (see `odd_characters`) and extra spaces. In a text of
    at most LONGEST_COMPOSED characters, a letter and its accent become one character (NFC).
    """
    odd = odd_characters(text)
    tidy = " ".join("".join(c for c in text if c not in odd).split())
    return composed(tidy) if len(tidy) <= LONGEST_COMPOSED else tidy


def composed(text: str) -> str:
    """Returns the text in the normal form NFC, or unchanged if NFC would be longer. Takes quadratic
    time for many accents on one letter.
    """
    if text.isascii():
        return text
    nfc = unicodedata.normalize("NFC", text)
    return nfc if len(nfc) <= len(text) else text


def tidy_reason(text: str) -> str:
    """Returns the text as `tidy_line` cleans it, or "" if it has no visible letter or digit."""
    tidied = tidy_line(text)
    return tidied if is_readable(tidied) else ""


def grouped(number: str) -> str:
    """Formats an account number in groups of four: "4821 0937 5549"."""
    plain = "".join(number.split())
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def encodes(text: str) -> bool:
    """Returns whether the text can be encoded as UTF-8. Returns False for a text with a lone
    surrogate.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
