"""Faults that the clauses of arithmetic must catch."""
