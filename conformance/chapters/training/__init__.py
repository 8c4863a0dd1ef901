"""Chapter training: its properties and their cases."""
