"""Faults that the clauses of joining must catch."""
