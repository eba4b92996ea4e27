"""Reads SQL as Postgres does: words, names, strings and signs, without comments.

A string after AS, DO or EXECUTE is code of its own: the body of a function, or a statement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<body>(?P<tag>\$(?:[A-Za-z_]\w*)?\$)(?P<inside>.*?)(?P=tag))
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*'|(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<word>[A-Za-z_\u0080-\uffff][\w$]*)
    | (?P<sign>:=|::|[^\w\s])
    | (?P<other>\w+)
    """,
    re.DOTALL | re.VERBOSE,
)
ENDS_OF_COMMENT = re.compile(r"/\*|\*/")
BEFORE_CODE = {"AS", "DO", "EXECUTE", "FORMAT", "PLPGSQL", "SQL"}
# What a statement may stand behind, in a body of PL/pgSQL.
BEFORE_STATEMENT = {"BEGIN", "THEN", "ELSE", "LOOP", "DECLARE"}
# Stands for each part of an executed text that is known only when it runs.
UNKNOWN = "put_together"
PLACE_IN_FORMAT = re.compile(r"%(\d+\$)?-?\d*[sIL]")


@dataclass(frozen=True)
class Token:
    """`text` is in capital letters for words, as it stands for names in quotes (without them), and
    what is inside for strings.
    """

    kind: str
    text: str

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text in words

    @property
    def name(self) -> str:
        """What Postgres calls it as the name of something."""
        return self.text.lower() if self.kind == "word" else self.text


def tokens_of(text: str) -> list[Token]:
    """All tokens of a text of SQL."""
    found, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        assert match, f"unreadable SQL: {text[position : position + 40]!r}"
        if match["comment"]:
            position = _end_of_comment(text, match.end())
            continue
        position = match.end()
        if match["body"]:
            found.append(Token("string", match["inside"]))
        elif match["string"]:
            found.append(Token("string", match["string"].partition("'")[2][:-1].replace("''", "'")))
        elif match["name"]:
            found.append(Token("name", match["name"][1:-1].replace('""', '"')))
        elif match["word"]:
            found.append(Token("word", match["word"].upper()))
        elif not match["space"]:
            found.append(Token("sign", match[0]))
    return found


def _end_of_comment(text: str, position: int) -> int:
    """Comments may stand in comments."""
    depth = 1
    while depth:
        end = ENDS_OF_COMMENT.search(text, position)
        if end is None:
            return len(text)
        depth += 1 if end[0] == "/*" else -1
        position = end.end()
    return position


def codes(tokens: list[Token]) -> Iterator[list[Token]]:
    """These tokens, and those of each piece of code that stands in them as a string."""
    yield tokens
    before = ""
    for token in tokens:
        if token.kind == "string" and before in BEFORE_CODE:
            yield from codes(tokens_of(token.text))
        if token.text != "(":  # as in EXECUTE format('...')
            before = token.text


def statements(tokens: list[Token]) -> Iterator[list[Token]]:
    """Each statement of these tokens; in PL/pgSQL what begins after THEN, ELSE or the like too."""
    current: list[Token] = []
    for token in [*tokens, Token("sign", ";")]:
        if token.text == ";" or token.is_word(*BEFORE_STATEMENT):
            if current:
                yield current
            current = []
        else:
            current.append(token)


def executed(tokens: list[Token]) -> Iterator[list[Token]]:
    """Each statement that runs with these tokens: also those in the body of DO, and what that body
    runs by EXECUTE, with UNKNOWN for what is not written there. The body of a function does not
    run.
    """
    for statement in statements(tokens):
        yield statement
        if begins(statement, "DO"):
            for token in statement:
                if token.kind == "string":
                    yield from _executed_in_body(tokens_of(token.text))


def _executed_in_body(body: list[Token]) -> Iterator[list[Token]]:
    yield from executed(body)
    for statement in statements(body):
        for place, token in enumerate(statement):
            if token.is_word("EXECUTE"):
                yield from executed(tokens_of(_text_run(statement[place + 1 :])))


def _text_run(expression: list[Token]) -> str:
    """The text that EXECUTE makes of an expression, as far as it can be read."""
    if begins(expression, "FORMAT"):
        expression = next(split(in_brackets(expression)), [])
    found = ""
    for token in expression:
        if token.is_word("USING", "INTO"):
            break
        if token.kind == "string":
            found += token.text
        elif token.kind != "sign" and not found.endswith(UNKNOWN):
            found += UNKNOWN
    return PLACE_IN_FORMAT.sub(UNKNOWN, found)


def split(tokens: list[Token], sign: str = ",") -> Iterator[list[Token]]:
    """The parts between these signs, such as those of a list; those in brackets do not count."""
    depth = 0
    current: list[Token] = []
    for token in tokens:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0) if _is_sign(token) else 0
        if depth == 0 and _is_sign(token) and token.text == sign:
            yield current
            current = []
        else:
            current.append(token)
    if current:
        yield current


def in_brackets(tokens: list[Token], start: int = 0) -> list[Token]:
    """What stands between the first bracket from here on and its end."""
    depth, found = 0, []
    for token in tokens[start:]:
        if _is_sign(token) and token.text == ")":
            depth -= 1
            if depth == 0:
                break
        if depth:
            found.append(token)
        if _is_sign(token) and token.text == "(":
            depth += 1
    return found


def begins(tokens: list[Token], *words: str) -> bool:
    """Whether these words stand at its begin."""
    return len(tokens) >= len(words) and all(
        token.is_word(word) for token, word in zip(tokens, words, strict=False)
    )


def where(tokens: list[Token], *words: str) -> int:
    """The place of these words in a row; -1 for none."""
    places = (i for i in range(len(tokens)) if begins(tokens[i:], *words))
    return next(places, -1)


def has(tokens: list[Token], *words: str) -> bool:
    return where(tokens, *words) >= 0


def _is_sign(token: Token) -> bool:
    return token.kind == "sign"
