"""Faults that the clauses of data must catch."""
