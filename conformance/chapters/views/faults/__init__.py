"""Faults that the clauses of views must catch."""
