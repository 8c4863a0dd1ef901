"""Modules, parameters, containers, hooks and state."""
