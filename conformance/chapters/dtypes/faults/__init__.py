"""Faults that the clauses of dtypes must catch."""
