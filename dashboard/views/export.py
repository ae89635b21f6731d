"""export."""

from dashboard import runs

run = runs.pick_run()
