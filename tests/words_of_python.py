"""Finds values on a page that only Python prints, such as None."""

import re
from html import escape
from urllib.parse import unquote_plus

# Code is shown unchanged.
NOT_FOR_PEOPLE = re.compile(r"<(script|style|pre|code|textarea)\b.*?</\1>|<!--.*?-->", re.DOTALL)
SOME = re.compile(r"None|True|False|\[\]|{}|Decimal\(|datetime\.|object at|&lt;")
# "None." and "None of these" are English at the beginning of a sentence.
WORDS = re.compile(
    r">\s*(?:None|True|False|\[\]|{})\s*<"
    r"|=[\"']None[\"']"
    r"|>[^<]*(?:[\w,:;(](?:\s|&nbsp;)+|[(/=\[\w;])None\b[^<]*|>\s*None [A-Z]{3}\b"
    r"|>[^<]*(?:\bDecimal\(|\bdatetime\.\w+\(|&lt;[\w.]+ object at |&lt;\w+: )[^<]*"
)


def words_of_python(page: str, query: str = "") -> list[str]:
    """Returns the parts of an HTML page that show such a value. Returns nothing if the query of the
    address contains such words, because pages repeat typed words.
    """
    if not SOME.search(page) or SOME.search(escape(unquote_plus(query))):
        return []
    return [found[0].strip() for found in WORDS.finditer(NOT_FOR_PEOPLE.sub("", page))]
