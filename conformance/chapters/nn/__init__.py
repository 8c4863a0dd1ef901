"""Chapter nn: its properties and their cases."""
