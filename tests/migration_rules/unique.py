"""What SQL makes unique: a key that leads over the whole bank cannot be spread over machines."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.migration_rules.context import SPREAD_BY, Context
from tests.migration_rules.tokens import Token, begins, has, in_brackets, split, where

Columns = tuple[str, ...]
OF_TABLE = ("CONSTRAINT", "UNIQUE", "PRIMARY", "EXCLUDE", "CHECK", "FOREIGN")
OTHERS = ("IF", "NOT", "EXISTS", "ONLY")


@dataclass(frozen=True)
class Index:
    name: str
    table: str
    is_unique: bool
    is_concurrent: bool
    columns: Columns


def broken_by(statement: list[Token], context: Context) -> Iterator[tuple[str, str]]:
    """Whether the statement makes anything but an id unique in the whole bank."""
    for name, columns in _keys(statement, context):
        if not any(_is_of_account(column) for column in columns):
            yield "one-key", f"{name} is unique in the whole bank, not within one account"


def _is_of_account(column: str) -> bool:
    return column.removesuffix("_id") in SPREAD_BY


def _keys(statement: list[Token], context: Context) -> Iterator[tuple[str, Columns]]:
    if index := index_in(statement):
        if index.is_unique:
            context.unique_indexes[index.name] = index.columns
            yield index.name, index.columns
    elif table := table_made(statement):
        for part in split(in_brackets(statement)):
            if _copies_keys(part):
                yield f"a key that {table} copies, whose columns are not named,", ()
            yield from _key_of(table, part, context)
    elif begins(statement, "ALTER", "TABLE"):
        table, actions = altered(statement)
        for action in actions:
            if begins(action, "ADD"):
                yield from _key_of(table, action[1:], context)


def _key_of(table: str, part: list[Token], context: Context) -> Iterator[tuple[str, Columns]]:
    """The key that a column or constraint of a table is, if it is one beside the id."""
    if has(part, "USING", "INDEX"):
        named = _name_at(part, where(part, "USING", "INDEX") + 2)
        yield f"{named} of {table}", context.unique_indexes.get(named, ())
    elif not is_constraint(part):
        words = (token.name for token in part if not token.is_word("COLUMN", *OTHERS))
        column = next(words, "")
        if has(part, "UNIQUE"):
            yield f"{table}.{column}", (column,)
    elif is_unique(part):
        place = max(where(part, word) for word in ("UNIQUE", "PRIMARY", "EXCLUDE"))
        columns = _columns(in_brackets(part, place), is_exclusion=has(part, "EXCLUDE"))
        is_id = has(part, "PRIMARY", "KEY") and len(columns) == 1
        if not is_id:
            yield f"a key of {table}", columns


def _copies_keys(part: list[Token]) -> bool:
    """Whether it is LIKE with the keys of the other table. CHECK and NOT NULL are no keys."""
    is_taken = any(has(part, "INCLUDING", word) for word in ("INDEXES", "ALL"))
    return begins(part, "LIKE") and is_taken and not has(part, "EXCLUDING", "INDEXES")


def _columns(tokens: list[Token], *, is_exclusion: bool) -> Columns:
    """The columns that are compared for being equal; an expression is none."""
    found = []
    for part in filter(None, split(tokens)):
        is_equal = not is_exclusion or part[-2:] == [Token("word", "WITH"), Token("sign", "=")]
        is_column = part[0].kind in ("word", "name") and part[1:2] != [Token("sign", "(")]
        if is_equal and is_column:
            found.append(part[0].name)
    return tuple(found)


def is_constraint(part: list[Token]) -> bool:
    return bool(part) and part[0].is_word(*OF_TABLE)


def is_unique(part: list[Token]) -> bool:
    """Whether this constraint or column has an index."""
    if not is_constraint(part):
        return has(part, "UNIQUE") or has(part, "PRIMARY", "KEY")
    kinds = part[2:3] if begins(part, "CONSTRAINT") else part[:1]
    return any(kind.is_word("UNIQUE", "PRIMARY", "EXCLUDE") for kind in kinds)


def index_in(statement: list[Token]) -> Index | None:
    """The index that it creates; None for another statement."""
    is_index = begins(statement, "CREATE", "INDEX")
    if not is_index and not begins(statement, "CREATE", "UNIQUE", "INDEX"):
        return None
    on = where(statement, "ON")
    names = [token for token in statement[2 + (not is_index) : on]
             if not token.is_word("CONCURRENTLY", *OTHERS)]  # fmt: skip
    return Index(
        name=names[-1].name if names else "",
        table=_name_at(statement, on + 1) if on >= 0 else "",
        is_unique=not is_index,
        is_concurrent=has(statement, "CONCURRENTLY"),
        columns=_columns(in_brackets(statement, on), is_exclusion=False),
    )


def table_made(statement: list[Token]) -> str:
    """The table that it creates; "" for another statement."""
    place = where(statement[:4], "TABLE")
    is_made = begins(statement, "CREATE") and place > 0
    return _name_at(statement, place + 1) if is_made else ""


def altered(statement: list[Token]) -> tuple[str, list[list[Token]]]:
    """The table of an ALTER TABLE, and its actions."""
    place = _place_of_name(statement, 2)
    return _name_at(statement, place), list(split(statement[place + 1 :]))


def _name_at(statement: list[Token], place: int) -> str:
    """The name from here on, without its schema; "" where the text ends before."""
    found = statement[_place_of_name(statement, place) :]
    return found[0].name if found else ""


def _place_of_name(statement: list[Token], place: int) -> int:
    while statement[place : place + 1] and statement[place].is_word(*OTHERS):
        place += 1
    has_schema = statement[place + 1 : place + 2] == [Token("sign", ".")]
    return place + 2 if has_schema else place
