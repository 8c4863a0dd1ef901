"""Faults that the clauses of reductions must catch."""
