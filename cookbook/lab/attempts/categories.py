"""Attempts to break the rules of account owners' categories, category rules and budgets."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

CATEGORY = ValidRow(
    "own_categories",
    "a category",
    {
        "id": "gen_random_uuid()",
        "transaction_id": "paid.id",
        "owner_id": "ana.user_id",
        "category": "'food'",
        "change": "gen_random_uuid()",
        "created_at": "clock_timestamp()",
    },
    ("ana", "paid"),
)
RULE = ValidRow(
    "category_rules",
    "a rule",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "position": "1",
        "name": "'Lunch'",
        "query": "'casa'",
        "category": "'food'",
        "seen": "'{}'",
        "created_at": "now()",
    },
    ("person",),
)
BUDGET = ValidRow(
    "budgets",
    "a budget",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "category": "'food'",
        "currency": "'USD'",
        "amount": "300",
        "created_at": "now()",
    },
    ("person",),
)
ROWS = (CATEGORY, RULE, BUDGET)
ATTEMPTS: list[Attempt] = [
    CATEGORY.attempt("own_category_named", "Insert a category without a name", category="''"),
    CATEGORY.but("twice").attempt(
        "own_categories_pkey",
        "Insert a category with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    CATEGORY.attempt(
        "own_categories_owner_id_5c461c2f_fk_users_id",
        "Insert a category of an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ),
    CATEGORY.attempt(
        "own_categories_transaction_id_405d0749_fk_transactions_id",
        "Insert a category of an unknown transaction",
        FOREIGN_KEY,
        transaction_id="gen_random_uuid()",
    ),
    *CATEGORY.left_out(),
    RULE.attempt("category_rule_complete", "Insert a rule without a search", query="''"),
    RULE.but("twice").attempt(
        "category_rules_pkey",
        "Insert a rule with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    RULE.attempt(
        "category_rules_owner_id_0b77fc1b_fk_users_id",
        "Insert a rule of an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ),
    *RULE.left_out(),
    BUDGET.attempt("budget_positive", "Insert a budget of nothing", amount="0"),
    BUDGET.attempt("budget_has_a_category", "Insert a budget without a category", category="''"),
    BUDGET.but("twice").attempt(
        "budgets_pkey",
        "Insert a budget with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    BUDGET.attempt(
        "budgets_owner_id_1cb75db7_fk_users_id",
        "Insert a budget of an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ),
    *BUDGET.left_out(),
]
