"""Advisory locks with names, short locks on whole tables, and row locks in several transactions."""
