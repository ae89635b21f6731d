"""Grids of trainings: planned, run in processes, stopped and resumed."""
