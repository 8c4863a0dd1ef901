"""Chapter optim: its properties and their cases."""
