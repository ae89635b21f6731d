"""The run log from other trainers, one file each; each needs its library, which nothing else does.

One process only: a second one would see other samples, and its rows would be missing.
"""
