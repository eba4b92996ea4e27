"""Database rights: what each role may do, and which rows a reader may see."""
