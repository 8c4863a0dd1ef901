"""Torch broken on purpose: the registry of faults, the forms that they have, and their runner."""
