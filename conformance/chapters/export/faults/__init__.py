"""Faults that the clauses of export must catch."""
