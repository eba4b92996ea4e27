"""Each page once, as the first kind of reader to whom it answers."""

import re

import pytest

from tests.attacks.answers import Answer, ask
from tests.attacks.bank import attacked_bank
from tests.attacks.people import readers_of
from tests.attacks.reading import OK
from tests.attacks.walk import addresses
from tests.attacks.walks.checks import wrong_with
from tests.attacks.walks.site import hostile

pytestmark = pytest.mark.django_db
ONLY_POST, MOVED = 405, 302
# What answers none of these readers, by status.
NOBODYS = {
    400: {"transactions:search_csv", "transactions:search_json"},  # without words to search for
    401: {"socialaccount_login_error"},
    404: {
        "api:nothing_here",
        "explorer:saved",  # which only analysts have, and Eve is none
        "mfa_deactivate_totp",  # of an authenticator that she has not
        "openid_connect_callback",  # of a provider, and there is none
        "openid_connect_login",
        "prove_at_provider",
        "security_txt",  # of an address that the bank has not set
        "socialaccount_connections",
    },
}


def test_each_page_is_whole(no_lines_of_refused_requests: None) -> None:
    """All texts of the bank have markup, and all addresses are Eve's."""
    bank = attacked_bank(hostile)
    readers = readers_of(bank)
    each = {address.pattern.template: address for address in reversed(addresses(bank.eve))}
    wrong, unread = list[str](), dict[int, set[str]]()

    for address in each.values():
        statuses = set[int]()
        for reader in readers.values():
            answer = ask(reader, "GET", address.url)
            wrong.extend(f"{address.url}: {hole}" for hole in wrong_with(address.url, answer))
            statuses.add(answer.status)
            if answer.status == OK:
                wrong.extend(f"{address.url}: {part}" for part in missing_in(answer))
                break
        else:
            unread.setdefault(min(statuses), set()).add(address.name or address.pattern.route)

    assert wrong == []
    assert {status: unread[status] for status in unread.keys() - {ONLY_POST, MOVED}} == NOBODYS


def missing_in(answer: Answer) -> list[str]:
    """Returns which parts of every page this one lacks."""
    if not re.search("<body", answer.body):
        return []
    parts = {"a title": r"<title>\s*\S", "a main part": "<main"}
    return [part for part, pattern in parts.items() if not re.search(pattern, answer.body)]
