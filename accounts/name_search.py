"""Finds people and accounts by words of names, for the lists and the search of the admin.

Note [Ranked names]: results are sorted by how they match. First come names that begin with the
typed text, then names with words that begin with the typed words, then email addresses. Last come
misspelt words, which trigrams find (extension `pg_trgm`). Results that match in the same way are
sorted by similarity to the typed text.

Words use the indexes `users_search` and `accounts_search`, and trigrams use `users_similar_search`.
Trigrams are compared only with names of people. Many accounts have the same name, such as
"Everyday", so a misspelt name of an account would find a large part of the bank.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.search import SearchVectorExact, TrigramStrictWordSimilarity
from django.db.models import Case, F, FloatField, Q, Value, When
from django.db.models.functions import Greatest

from accounts.models import ACCOUNT_WORDS, NAME_TEXT, PERSON_WORDS, User
from ledger.db.queries.conditions import NO_ROWS, one_of
from ledger.db.queries.lookups import TrigramStrictWordSimilar
from ledger.db.queries.words import WordQuery, words_as_text, words_of

MAX_WORDS = 8  # maximum number of words by which people and accounts are searched
CUT = f"People and accounts are searched by the first {MAX_WORDS} words."
LONGEST_WORD = 200
# The ranks of Note [Ranked names]. The similarity, from 0 to 1, is added to the rank.
BEGINS_NAME, BEGINS_WORDS, IN_ADDRESS, MISSPELT = 3.0, 2.0, 1.0, 0.0
UNRANKED: Any = Value(0.0, FloatField())


def no_number(_word: str) -> Q:
    """Returns a condition that no account meets. This is the default of `NameSearch.numbers`, for
    searches that do not include account numbers.
    """
    return NO_ROWS


@dataclass(frozen=True)
class NameSearch:
    """A search for people and accounts by typed words. A row matches if it contains all words of at
    least one group. A typed word also matches longer words that begin with it.

    `typed` contains the groups. If `addresses` is true, words also find email addresses. `numbers`
    converts a word to the condition for accounts with this number.
    """

    typed: Sequence[Sequence[str]]
    addresses: bool
    numbers: Callable[[str], Q] = no_number

    @cached_property
    def groups(self) -> list[list[str]]:
        """The words of each group, at most MAX_WORDS, without texts that contain no letter or
        digit.
        """
        groups = [[word[:LONGEST_WORD] for word in group if _is_word(word)] for group in self.typed]
        return [group[:MAX_WORDS] for group in groups if group]

    @property
    def is_cut(self) -> bool:
        """Whether a group has more words than MAX_WORDS."""
        return any(sum(map(_is_word, group)) > MAX_WORDS for group in self.typed)

    def people(self, *, misspelt: bool = False) -> Q:
        """Returns the condition for people. With `misspelt`, similar words also match."""
        if not misspelt:
            return _any(self._in(PERSON_WORDS, *words) for words in self.groups)
        return _any(reduce(and_, map(self._person_like, words)) for words in self.groups)

    def accounts(self, *, misspelt: bool = False, most: int | None = None) -> Q:
        """Returns the condition for accounts. Each word must be in the name of the account or of
        its holder. With `misspelt`, words that are similar to the holder's name also match.

        `most` limits the number of holders whose accounts match. For each word, and for all words
        of a group together, only the accounts of the newest `most` holders with these words match.
        """

        def has_word(word: str) -> Q:
            holder = self._person_like(word) if misspelt else self._in(PERSON_WORDS, word)
            account = self._in(ACCOUNT_WORDS, word)
            return account | _of_holders(holder, most) | self.numbers(word)

        found = _any(reduce(and_, map(has_word, words)) for words in self.groups)
        if most is not None:
            together = (self._in(PERSON_WORDS, *words) for words in self.groups)
            found |= _any(_of_holders(holder, most) for holder in together)
        return found

    def person_rank(self) -> Any:
        """Returns the rank of a person. The best match has the highest rank."""
        addresses = PERSON_WORDS if self.addresses else None
        return self._rank(("name",), words_of(name="A"), addresses)

    def account_rank(self) -> Any:
        """Returns the rank of an account. The best match has the highest rank. The name of the
        account and the name of its holder have the same weight.
        """
        names = ("name", "user__name")
        words = words_of(**dict.fromkeys(names, "A"))
        with_address = words_of(**dict.fromkeys(names, "A"), user__email="B")
        return self._rank(names, words, with_address if self.addresses else None)

    def _rank(self, names: Sequence[str], words: Any, with_address: Any) -> Any:
        if not self.groups:
            return UNRANKED
        texts = [" ".join(group) for group in self.groups]
        begins = [Q(**{f"{name}__unaccent__istartswith": text}) for name in names for text in texts]
        ranks = [
            When(_any(begins), then=BEGINS_NAME),
            When(_any(self._in(words, *group) for group in self.groups), then=BEGINS_WORDS),
        ]
        if with_address is not None:
            found = _any(self._in(with_address, *group) for group in self.groups)
            ranks.append(When(found, then=IN_ADDRESS))
        rank = Case(*ranks, default=MISSPELT, output_field=FloatField())
        similarities = [_similarity(text, name) for name in names for text in texts]
        return rank + Greatest(*similarities, 0.0)  # ignores NULL

    def _in(self, words: Any, *typed: str) -> Q:
        """Returns the condition that the tsvector `words` contains all typed words. Without
        `addresses`, only words with the weight of names match: see PERSON_WORDS.
        """
        weight = "" if self.addresses else "A"
        query = reduce(and_, (WordQuery.prefix(word, weight) for word in typed))
        return Q(SearchVectorExact(words, query))

    def _person_like(self, word: str) -> Q:
        """Returns the condition for people who have this word, or whose name contains a similar
        word. A phrase must match exactly.
        """
        found = self._in(PERSON_WORDS, word)
        if " " in word:
            return found
        return found | Q(TrigramStrictWordSimilar(NAME_TEXT, words_as_text(Value(word))))


def _similarity(typed: str, name: str) -> Any:
    """Returns the similarity of a text and the words of a column, from 0 to 1."""
    return TrigramStrictWordSimilarity(
        words_as_text(Value(typed)),  # type: ignore[arg-type]
        words_as_text(F(name)),
    )


def _of_holders(condition: Q, most: int | None) -> Q:
    """Returns the condition for accounts whose holder meets `condition`. With `most`, only the
    newest `most` holders are included. See Note [One of].
    """
    people = User.objects.filter(condition)
    newest = people.order_by("-pk")[:most] if most else people.order_by()
    return one_of(newest.values("pk"), "user")


def _is_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, NO_ROWS)
