"""Faults that the clauses of optim must catch."""
