"""Faults that the clauses of inplace must catch."""
