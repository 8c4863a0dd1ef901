"""Faults that the clauses of autograd.backward must catch."""
