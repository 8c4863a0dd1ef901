"""Faults that the clauses of autograd.derivatives must catch."""
