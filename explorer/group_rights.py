"""The permissions of groups to use the explorer, and to see other people's queries."""

from accounts.groups import ANALYSTS, AUDITOR, let

let(ANALYSTS, do=["explorer.use_explorer"])
let(AUDITOR, do=["explorer.view_queryrun"])
