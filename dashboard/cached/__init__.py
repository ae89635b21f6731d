"""Cached reads of runs, valid until the files change; nobody may change what they return."""
