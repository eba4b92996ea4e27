"""The views of the explorer in the database: what they show, to whom, and how they get there."""
