"""Faults that the clauses of creation must catch."""
