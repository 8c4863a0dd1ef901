"""Faults that the clauses of functions must catch."""
