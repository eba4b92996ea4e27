"""The permissions of groups to use the explorer, and to see other people's queries."""

from accounts.groups import ANALYSTS, AUDITOR, let
from accounts.models.number_rights import mask_numbers

let(ANALYSTS, do=["explorer.use_explorer"])
let(AUDITOR, do=["explorer.view_queryrun"])
# An auditor sees what colleagues wrote into queries.
mask_numbers("explorer", except_for=["explorer.view_queryrun"])
