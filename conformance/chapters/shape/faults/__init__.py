"""Faults that the clauses of shape must catch."""
