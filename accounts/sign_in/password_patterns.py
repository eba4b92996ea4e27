"""Checks whether a password is easy to guess: common passwords and variants of them, repetitions,
sequences, known words.

Each check is about the whole password, because a long phrase may contain a common word.

Note [Not zxcvbn]: zxcvbn 4.5 gives its best score to 11 of the 30 passwords in
`tests/attacks/test_weak_passwords.py` that this module refuses, for example "Summer2026Winter2026",
and it needs 340 ms of CPU time for a password of 72 symbols.
"""

import unicodedata
from collections.abc import Collection
from functools import cache
from itertools import pairwise

from django.contrib.auth.password_validation import CommonPasswordValidator

MIN_DIFFERENT = 5
# The rows of a keyboard. Sequences of the alphabet and of digits are found without these lists.
KEYBOARD_ROWS = ("1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm")
KEYBOARD_COLUMNS = tuple("1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm".split())
MAX_COMMON_WORDS = 3  # a password with more common words is not easy to guess
SHORTEST_WORD, LONGEST_WORD = 3, 16
MAX_EXTRA_LETTERS = 2  # letters that may follow the words or repetitions
SHORTEST_PHRASE = 12
KNOWN_PHRASES = (
    "thequickbrownfoxjumpsoverthelazydog", "correcthorsebatterystaple", "maytheforcebewithyou",
    "tobeornottobethatisthequestion", "onceuponatimeinafarawayland", "opensesameopensesame",
)  # fmt: skip
# Characters that people write instead of letters.
SUBSTITUTES = str.maketrans("@4301!|5$7+", "aaeoiiisstt")
# The same without ! and |, for passwords in which these are not letters
SUBSTITUTES_WITHIN = str.maketrans("@4301$57", "aaeoisst")
SITE_WORDS = frozenset(
    "ledger bank banking account accounts money payment payments demo password passphrase pass"
    " word passwort secret login signin admin welcome letmein qwerty my the mine is"
    " to of in at for this our".split()
)


def counted_length(password: str) -> int:
    """Returns the number of code points of the password. If the password is a repeated text, counts
    the text only once. Up to two characters may follow the last repetition.
    """
    extra = range(MAX_EXTRA_LETTERS + 1)
    return min(len(_piece(password[: len(password) - more])) + more for more in extra)


def is_predictable(password: str) -> bool:
    """Returns whether the password has few different characters, or consists mostly of sequences
    such as 1234 or qwerty.
    """
    text = _piece(password.casefold())
    if len(set(text)) < MIN_DIFFERENT or 2 * _free_characters(text) <= len(text):
        return True
    halves = (text[::2], text[1::2])  # for example 1q2w3e4r: two sequences that alternate
    return all(2 * _free_characters(half) <= len(half) for half in halves)


def is_few_common_words(password: str) -> bool:
    """Returns whether the password is a well-known phrase, or consists of at most three common
    words. Digits and symbols are ignored if they are not more than half of the password.
    """
    plain = password.casefold()
    written = (plain, plain.translate(SUBSTITUTES), plain.translate(SUBSTITUTES_WITHIN))
    texts = {text for form in written if 2 * len(text := _letters(form)) >= len(password)}
    texts.add("".join(sign for sign in plain if sign.isalnum()))  # for example trustno1
    return any(_is_known_phrase(text) or _is_few_words(text) for text in texts)


def _is_known_phrase(text: str) -> bool:
    """Returns whether a well-known phrase begins with the first SHORTEST_PHRASE characters of the
    text.
    """
    return text[:SHORTEST_PHRASE] in {phrase[:SHORTEST_PHRASE] for phrase in KNOWN_PHRASES}


def _is_few_words(text: str) -> bool:
    """Returns whether the text consists of at most three common words and at most two further
    letters.
    """
    ends = {0}
    for _ in range(MAX_COMMON_WORDS):
        ends = {end for start in ends for end in _word_ends(text, start)}
    return len(text) - max(ends) <= MAX_EXTRA_LETTERS


def _word_ends(text: str, start: int) -> set[int]:
    """Returns `start`, and the end position of each common word that begins at `start`."""
    known = common_passwords()
    lengths = range(SHORTEST_WORD, LONGEST_WORD + 1)
    return {start} | {
        start + length
        for length in lengths
        if start + length <= len(text) and text[start : start + length] in known
    }


def is_common(password: str) -> bool:
    """Returns whether the password is a common password, perhaps with digits or symbols before or
    after, or with symbols instead of letters.
    """
    plain = password.casefold()
    known = common_passwords()
    return any(form in known for form in {plain, plain.strip(), *_bases(plain)})


def consists_of(password: str, words: Collection[str]) -> bool:
    """Returns whether the password consists only of `words`, digits and symbols, in any order.
    Upper and lower case do not matter.
    """
    pieces = {letters for word in words if len(letters := _letters(word)) > 1}
    plain = password.casefold()
    return any(
        bool(text) and _is_made_of(text, pieces)
        for text in {_letters(plain), _letters(plain.translate(SUBSTITUTES)), *_bases(plain)}
    )


@cache
def common_passwords() -> frozenset[str]:
    """Returns Django's list of 20,000 common passwords, in lowercase."""
    return frozenset(CommonPasswordValidator().passwords)


def _bases(plain: str) -> set[str]:
    """Returns variants of the password without the digits and symbols at both ends. In some
    variants, each symbol that looks like a letter is replaced by this letter.
    """
    found = set()
    for text in (plain, plain.translate(SUBSTITUTES)):
        start, end = 0, len(text)
        while start < end and not text[start].isalpha():
            start += 1
        while end > start and not text[end - 1].isalpha():
            end -= 1
        found.add(text[start:end])
    stripped = plain.strip("0123456789!?.,;:-_#*+@$%&/() ")
    found.add(stripped.translate(SUBSTITUTES))
    return found - {""}


def _letters(text: str) -> str:
    """Returns only the letters of the text, in lowercase and without accents."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parted if sign.isalpha())


def _is_made_of(text: str, pieces: Collection[str]) -> bool:
    reached = {0}  # positions at which a word ends, if only words precede
    for end in range(1, len(text) + 1):
        if any(end - len(piece) in reached and text.endswith(piece, 0, end) for piece in pieces):
            reached.add(end)
    return len(text) in reached


def _piece(text: str) -> str:
    """Returns the shortest piece whose repetition is the whole text. Returns the text if it has no
    such piece.
    """
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def _free_characters(text: str) -> int:
    """Returns the number of characters that are hard to predict. In a sequence such as 1234, 4321,
    aaaa or qwer, only the first two characters are counted.
    """
    steps = [_step(one, other) for one, other in pairwise(text)]
    continued = sum(step is not None and step == before for before, step in pairwise(steps))
    return len(text) - continued


def _step(one: str, other: str) -> tuple[str, int] | None:
    """Returns the kind and the direction of the step from one character to the other. Returns None
    if the characters are not neighbours. Neighbours are equal characters, and characters that are
    next to each other in the alphabet, among the digits, or in a row or column of the keyboard.
    """
    distance = ord(other) - ord(one)
    if abs(distance) <= 1:
        return "code", distance
    if (one, other) in {("9", "0"), ("0", "9")}:
        return "code", 1 if one == "9" else -1
    for row in KEYBOARD_ROWS + KEYBOARD_COLUMNS:
        if one in row and other in row and abs(row.index(other) - row.index(one)) == 1:
            return "row", row.index(other) - row.index(one)
    return None
