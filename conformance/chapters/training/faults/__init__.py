"""Faults that the clauses of training must catch."""
