"""Custom functions, hooks, functional derivatives and their checks."""
