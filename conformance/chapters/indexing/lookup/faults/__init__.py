"""Faults that the clauses of indexing.lookup must catch."""
