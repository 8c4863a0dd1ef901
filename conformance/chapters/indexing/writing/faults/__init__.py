"""Faults that the clauses of indexing.writing must catch."""
