"""Recipes about stored vectors, configurations and words of a full-text search."""

from typing import Any

from django.contrib.postgres.operations import UnaccentExtension
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorField
from django.db import models
from django.db.migrations import CreateModel, RunSQL
from django.db.migrations.state import ProjectState
from django.db.models import Count, QuerySet

from cookbook.recipes.fulltext import GROUP
from cookbook.recipes.migrations import migrate
from cookbook.runner.steps import step
from transactions.models import Transaction

KEY = ("id", models.BigAutoField(primary_key=True))
TRIGGER = """
    CREATE FUNCTION words_of_book() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.by_trigger := to_tsvector('english', concat_ws(' ', NEW.title, (
            SELECT name FROM shop_author WHERE id = NEW.author_id
        )));
        RETURN NEW;
    END $$;
    CREATE TRIGGER words_of_book BEFORE INSERT OR UPDATE ON shop_book
        FOR EACH ROW EXECUTE FUNCTION words_of_book()
"""


@GROUP.recipe(
    "SearchVectorField: by trigger or generated",
    asks="Should a trigger or a generated column keep the search vector?",
    shows=(
        "SearchVectorField",
        "trigger",
        "CREATE TRIGGER",
        "tsvector column",
        "GeneratedField",
        "tsvector_update_trigger",
    ),
    notice="The database writes both columns, also for bulk_create() and COPY. The generated "
    "column has only words of the same row. The trigger is a function that may read other tables: "
    "a search for the author finds the book only there.",
    pitfall="A trigger runs only for its table: when the author gets another name, the book "
    "keeps the old words until its next UPDATE. That needs a second trigger on the authors. "
    "Prefer a generated column if the words are in one row, and choose the weights and the "
    "configuration in one place. Postgres's tsvector_update_trigger() knows columns of the row "
    "only, and no weights.",
    own_database=True,
    created_by=TRIGGER,
)
def books_by_search_vector_field() -> list[dict[str, Any]]:
    """Stores the words of a book in two columns, and searches both before and after a change."""
    words = SearchVector("title", config="english")
    generated = models.GeneratedField(
        expression=words, output_field=SearchVectorField(), db_persist=True
    )
    with step("The tables and the trigger"):
        state = migrate(
            ProjectState(),
            CreateModel("Author", [KEY, ("name", models.CharField(max_length=40))]),
            CreateModel(
                "Book",
                [
                    KEY,
                    ("title", models.CharField(max_length=80)),
                    ("author", models.ForeignKey("shop.Author", models.CASCADE)),
                    ("by_trigger", SearchVectorField(null=True)),
                    ("generated", generated),
                ],
            ),
            RunSQL(TRIGGER),
        )
    author, book = (state.apps.get_model("shop", name) for name in ("Author", "Book"))

    def found(word: str) -> dict[str, Any]:
        query = SearchQuery(word, config="english")
        columns = ("by_trigger", "generated")
        return {"word": word} | {
            name: book.objects.filter(**{name: query}).count() for name in columns
        }

    with step("INSERT"):
        baker = author.objects.create(name="Ada Baker")
        book.objects.create(title="Breads of the North", author=baker)
    before = [found("bread"), found("Baker")]
    with step("The author's name changes"):
        author.objects.update(name="Ada Miller")
    return [*before, found("Miller")]


CONFIGURATION = """
    CREATE TEXT SEARCH CONFIGURATION english_unaccent (COPY = english);
    ALTER TEXT SEARCH CONFIGURATION english_unaccent
        ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem
"""


@GROUP.recipe(
    "Custom text search configuration: unaccent",
    asks="How do I make full-text search ignore accents (CREATE TEXT SEARCH CONFIGURATION)?",
    shows=(
        "custom configuration",
        "CREATE TEXT SEARCH CONFIGURATION",
        "text search configuration",
        "ALTER MAPPING",
        "unaccent",
        "dictionary",
        "config",
    ),
    notice="The configuration is a copy of english. For words with letters that are not ASCII, it "
    "asks the dictionary unaccent first, which removes the accents and passes the word on to "
    "english_stem. So Cafés and cafe are the same lexeme, and the search without accents finds "
    "the place.",
    pitfall="The vector and the query need the same configuration, and each word of an existing "
    "column or index must be computed again after a change of the mapping: Postgres does not "
    "notice it. The configuration belongs to a schema, and a dump contains it, but not the "
    "server's dictionary files. Create it in a migration after UnaccentExtension().",
    own_database=True,
    created_by=CONFIGURATION,
)
def places_by_custom_configuration() -> list[dict[str, Any]]:
    """Creates a configuration, and searches a place without accents by three configurations."""
    with step("The configuration"):
        state = migrate(
            ProjectState(),
            UnaccentExtension(),
            RunSQL(CONFIGURATION),
            CreateModel("Place", [KEY, ("name", models.CharField(max_length=80))]),
        )
    place: Any = state.apps.get_model("shop", "Place")
    place.objects.create(name="The Cafés of São Jorge")
    results = []
    for config in ("simple", "english", "english_unaccent"):
        with step(config):
            vectors = place.objects.annotate(words=SearchVector("name", config=config))
            found = vectors.filter(words=SearchQuery("cafe sao", config=config)).count()
            words = vectors.values_list("words", flat=True).get()
        results.append({"config": config, "found": found, "words": words})
    return results


@GROUP.recipe(
    "Lexeme: typed words as a query (Django 6.0)",
    asks="How do I build a tsquery from words that people type, with prefixes and NOT?",
    shows=("Lexeme", "newer Django", "Django 6.0", "SearchQuery", "prefix", "weight", "tsquery"),
    notice="A Lexeme is one word of a query. prefix=True adds :*, weight adds a letter, ~ negates "
    "it, and & and | join several. The text of a Lexeme is quoted, so that no character in it is "
    "an operator of tsquery.",
    pitfall='A SearchQuery with search_type="raw" reads operators, so a typed bracket is a syntax '
    "error: use a Lexeme for each typed word. Split the text into words first, because a Lexeme "
    "of two words is a phrase.",
    django=(6, 0),
)
def descriptions_by_lexeme(beginning: str = "lott") -> QuerySet[Transaction, Any]:
    """Returns the descriptions with a word that begins with these letters, but without half."""
    from django.contrib.postgres.search import Lexeme

    words = Lexeme(beginning, prefix=True) & ~Lexeme("half")
    return (
        Transaction.objects.filter(search=SearchQuery(words, config="simple"))
        .values("description")
        .annotate(times=Count("id"))
        .order_by("-times", "description")[:8]
    )
