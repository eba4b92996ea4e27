"""Who may use the explorer, and who may see what others have run."""

from accounts.groups import ANALYSTS, AUDITOR, let

let(ANALYSTS, do=["explorer.use_explorer"])
let(AUDITOR, do=["explorer.view_queryrun"])
