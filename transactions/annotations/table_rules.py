"""Describes the rules that the database enforces in the tables of annotations and own categories.
docs/schema.md lists these descriptions.
"""

from ledger.db.table_rules import TableRule, register

register(
    "annotations",
    TableRule(
        "`annotation_tags_valid`, `annotation_moments_differ`, `annotation_time_finite`; triggers"
        " `annotation_of_own_side`, `annotation_stays`, `annotations_stay`",
        "more than 20 tags; a tag that is not a single word in lower case, or longer than 30"
        " characters; two notes of one person about one transaction with the same time; infinite"
        " times; a note by a person who owns neither side; changing or deleting a note",
    ),
)
register(
    "own_categories",
    TableRule("`own_category_named`", "a category without a name"),
)
