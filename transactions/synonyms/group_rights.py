"""The permissions of groups to read and change synonyms."""

from accounts.groups import AUDITOR, MANAGER, OPERATIONS, let
from accounts.models.number_rights import mask_numbers

let(AUDITOR, OPERATIONS, MANAGER, do=["synonyms.view_synonym"])
let(OPERATIONS, MANAGER, do=[f"synonyms.{do}_synonym" for do in ("add", "change", "delete")])
mask_numbers("synonyms")
