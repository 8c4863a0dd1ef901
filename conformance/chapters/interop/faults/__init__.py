"""Faults that the clauses of interop must catch."""
