"""Faults that the clauses of autograd.functions must catch."""
