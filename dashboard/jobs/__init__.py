"""Processes beside the dashboard: trainings and maps."""
