"""Backward, leaves, modes and what is saved."""
