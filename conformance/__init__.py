"""Asks torch: the pytest plugin, the properties of each chapter, the command line and the fault library."""
