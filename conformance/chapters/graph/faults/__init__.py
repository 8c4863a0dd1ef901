"""Faults that the clauses of graph must catch."""
