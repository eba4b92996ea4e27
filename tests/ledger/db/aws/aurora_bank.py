"""A bank in what AWS's driver takes for a cluster of Aurora."""

import os

from tests.ledger.db.aws.cluster import Cluster
from tests.ledger.own_bank import OwnBank


class AuroraBank(OwnBank):
    """A bank in a cluster, reached by AWS's driver at the endpoint of the first writer."""

    def __init__(self, data_dir: os.PathLike[str]) -> None:
        super().__init__(data_dir)  # type: ignore[arg-type]
        self.cluster = Cluster(self.data_dir)
        self.cluster.start()
        self.reached_by = {**self.cluster.settings, "LEDGER_URL": "http://localhost"}
        self.settings |= self.reached_by
