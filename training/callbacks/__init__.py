"""The logger for other trainers (Lightning, Hugging Face), one file each.

One process only: a second one would see other samples, and its rows would be missing.
"""
