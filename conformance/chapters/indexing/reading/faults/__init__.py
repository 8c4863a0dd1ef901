"""Faults that the clauses of indexing.reading must catch."""
