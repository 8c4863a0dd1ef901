"""Faults that the clauses of matmul must catch."""
