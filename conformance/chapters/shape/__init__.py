"""Chapter shape: its properties and their cases."""
