"""Settings for REST framework and drf-spectacular, which are the same for every bank."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.sign_in.ByToken", "api.sign_in.BySession"],
    "DEFAULT_PERMISSION_CLASSES": ["api.sign_in.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["api.rate.CallRate"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.renderers.Negotiation",
    "DEFAULT_PARSER_CLASSES": ["api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.ViewSchema",
    "EXCEPTION_HANDLER": "api.problems.handled",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Ledger",
    "DESCRIPTION": (
        "A bank's books. Amounts are strings with the decimals of their currency, times are RFC"
        " 3339, ids are UUIDs. Errors are problem details (RFC 9457)."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["api.schema.only_the_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.add_shared_parts",
        "api.schema.add_picked_rows",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "EntryDirectionEnum": [("debit", "out"), ("credit", "in")],
        "AccountStatusEnum": "accounts.models.Account.Status",
        "StandingOrderStatusEnum": "banking.standing_orders.models.StandingOrder.Status",
        "TransactionStatusEnum": "transactions.models.Transaction.Status",
        "TransactionTypeEnum": "transactions.models.Transaction.Type",
    },
}
