"""Faults: ways of breaking torch on purpose, one module per chapter."""
