"""Creates the text search configuration `words`, and the functions that split texts and queries
into words: see Note [Words] in ledger.db.queries.words.
"""

from django.db import migrations

# First `unaccent` removes accents, and then `simple` converts the words to lower case.
CONFIGURATION = """
CREATE TEXT SEARCH CONFIGURATION public.words (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION public.words
    ALTER MAPPING FOR word, numword WITH extensions.unaccent, simple;
COMMENT ON TEXT SEARCH CONFIGURATION public.words IS 'Lower case, without accents';
"""
# translate replaces the final sigma, and removes the characters of INVISIBLE in
# ledger.db.queries.words.
TEXT = r"""
CREATE FUNCTION search_text(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(
    CASE WHEN octet_length(value) = char_length(value) THEN value
         ELSE translate(
             normalize(value, NFC),
             U&'\03C2\00AD\200B\200C\200D\200E\200F\202A\202B\202C\202D\202E\2060'
                 '\2066\2067\2068\2069\E000\E001\FE0F\FEFF',
             U&'\03C3'
         )
    END,
    '[-+./@&<~_]', ' ', 'g'
);
COMMENT ON FUNCTION search_text IS 'A text whose words are separated by spaces';
"""
WORDS = r"""
CREATE FUNCTION search_words(value text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('public.words'::regconfig, search_text(value));
COMMENT ON FUNCTION search_words(text) IS 'The words of a text';

CREATE FUNCTION search_words(value jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_words(
    regexp_replace(
        jsonb_path_query_array(
            value, 'strict $.** ? (@.type() == "string" || @.type() == "number")'
        )::text,
        '\\(u[0-9a-f]{4}|.)', ' ', 'g'
    )
);
COMMENT ON FUNCTION search_words(jsonb) IS 'The words of all strings and numbers, without keys';
"""
QUERIES = r"""
CREATE FUNCTION search_phrase(typed text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    nullif(phraseto_tsquery('public.words'::regconfig, search_text(typed))::text, ''), '''@'''
)::tsquery;
COMMENT ON FUNCTION search_phrase IS 'Finds these words in this order; nothing without a word';

CREATE FUNCTION search_prefix(typed text, weights text DEFAULT '') RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    nullif(phraseto_tsquery('public.words'::regconfig, search_text(typed))::text, '')
        || ':*' || weights,
    '''@'''
)::tsquery;
COMMENT ON FUNCTION search_prefix IS 'Like search_phrase; the last word may go on';
"""


class Migration(migrations.Migration):
    dependencies = [("ledger_db", "0003_writer_mark")]

    operations = [
        migrations.RunSQL(CONFIGURATION, "DROP TEXT SEARCH CONFIGURATION public.words"),
        migrations.RunSQL(TEXT, "DROP FUNCTION search_text"),
        migrations.RunSQL(WORDS, "DROP FUNCTION search_words(jsonb), search_words(text)"),
        migrations.RunSQL(QUERIES, "DROP FUNCTION search_prefix, search_phrase"),
    ]
