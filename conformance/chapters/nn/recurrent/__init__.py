"""Recurrent networks and packed sequences."""
