"""A folder for each chapter of the specification: its properties, their cases, and faults that they must catch."""
