"""Executes an SQL statement in a PL/pgSQL block that catches its error.

Note [Trapped errors]: an error message can repeat values of any length, such as a balance that a
query casts to a date. If the error is not caught, Postgres writes the whole message into its log
and sends it to the web process. If the error is caught, the block returns only the first characters
of the message as a row; hints of Postgres are short. Before this, the text has been parsed with the
extended protocol, as one SQL statement and as a subquery (Note [The wall]), and again with the
values instead of its parameters. So EXECUTE cannot get any other kind of statement. A parse error
contains only values that the user has entered.

Some messages contain the first bytes of a text, and the last of these bytes may be an incomplete
character. Postgres sends the bytes unchanged, so they are decoded with a replacement character.

The block is anonymous, because queries could call a function. The inner block always ends with an
error, which undoes the statement's settings before the rows are sent.
"""

from collections.abc import Sequence
from typing import Any

from psycopg.adapt import Loader

from explorer.running.session import QueryConnection

LONGEST_MESSAGE = 2_000  # characters of an error
# The SQLSTATE codes of the two usual ends: all rows were read, or the rows are too large. They must
# not end with 000, which stands for a class of errors.
DONE, TOO_LARGE = "EX001", "EX002"
INPUT = b"DECLARE given CURSOR FOR SELECT $1::text, $2::text[], $3::bigint"
# The block raises an error again if another server must run the query.
BLOCK = f"""
DO $block$
DECLARE
  given refcursor := 'given';
  explored refcursor := 'explored';
  statement text;
  typed text[];
  most bigint;
  size bigint := 0;
  line text;
  lines text[] := '{{}}';
  message text;
  hint text;
BEGIN
  FETCH given INTO statement, typed, most;
  BEGIN
    FOR line IN EXECUTE statement USING typed LOOP
      size := size + coalesce(octet_length(line), most + 1);
      IF size > most THEN RAISE SQLSTATE '{TOO_LARGE}'; END IF;
      lines := lines || line;
    END LOOP;
    RAISE SQLSTATE '{DONE}';
  EXCEPTION
    WHEN SQLSTATE '{DONE}' THEN
      OPEN explored FOR SELECT NULL, NULL, NULL, kept FROM unnest(lines) AS kept;
    WHEN OTHERS THEN
      IF SQLSTATE ~ '^(08|40|57P)' THEN RAISE; END IF;
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
      message := left(message, {LONGEST_MESSAGE + 1});
      OPEN explored FOR SELECT SQLSTATE, message, hint, NULL;
  END;
END
$block$
"""  # noqa: S608


class TrappedError(Exception):
    """An error of an SQL statement: its SQLSTATE, the beginning of its message, and its hint."""

    def __init__(self, state: str, message: str, hint: str) -> None:
        super().__init__(state, message, hint)
        self.state, self.message, self.hint = state, message, hint


class _TextLoader(Loader):
    """A loader for text whose last bytes may be an incomplete character."""

    def load(self, data: Any) -> str:
        return bytes(data).decode(errors="replace")


def lines_of(
    connection: QueryConnection, statement: str, values: Sequence[str], most: int
) -> list[str]:
    """Returns the text in the only column of each row. The SQL statement reads its values from the
    array $1. `most` is the maximum size of all texts together, in bytes.

    Raises: TrappedError with the SQLSTATE TOO_LARGE if the texts are larger, or with another
    SQLSTATE if the statement has an error; psycopg's Error if the statement was stopped.
    """
    connection.execute(INPUT, [statement, list(values), most])
    connection.limit_next()
    connection.execute(BLOCK.encode())
    cursor = connection.cursor()
    cursor.adapters.register_loader("text", _TextLoader)
    found = cursor.execute(b"FETCH ALL FROM explored").fetchall()
    connection.execute(b"CLOSE ALL")
    if found and found[0][0] is not None:
        state, message, hint, _line = found[0]
        raise TrappedError(state, message, hint)
    return [line for (_state, _message, _hint, line) in found]
