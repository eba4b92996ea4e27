"""The practice bank: a small bank in its own schema, in which recipes and the lab run."""
