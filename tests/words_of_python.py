"""What Python prints for a value that nobody meant to show, such as None, on a page for people."""

import re
from html import escape
from urllib.parse import unquote_plus

# Code is shown as it is.
NOT_FOR_PEOPLE = re.compile(r"<(script|style|pre|code|textarea)\b.*?</\1>|<!--.*?-->", re.DOTALL)
SOME = re.compile(r"None|True|False|\[\]|{}|Decimal\(|datetime\.|object at|&lt;")
# "None." and "None of these" are English, at the beginning of a sentence.
WORDS = re.compile(
    r">\s*(?:None|True|False|\[\]|{})\s*<"
    r"|=[\"']None[\"']"
    r"|>[^<]*(?:[\w,:;(](?:\s|&nbsp;)+|[(/=\[\w;])None\b[^<]*|>\s*None [A-Z]{3}\b"
    r"|>[^<]*(?:\bDecimal\(|\bdatetime\.\w+\(|&lt;[\w.]+ object at |&lt;\w+: )[^<]*"
)


def words_of_python(page: str, query: str = "") -> list[str]:
    """Returns the parts of a page, in HTML, that show such a value; none if its address, with this
    query, has such words, because pages repeat what was typed.
    """
    if not SOME.search(page) or SOME.search(escape(unquote_plus(query))):
        return []
    return [found[0].strip() for found in WORDS.finditer(NOT_FOR_PEOPLE.sub("", page))]
