"""The practice bank: a small bank in a schema of its own, in which recipes and the lab run."""
