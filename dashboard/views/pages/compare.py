"""Compare: two runs and more, their settings, and what each makes of the same samples."""

from dashboard.views.home import compare
from dashboard.views.parts.bar import open_run

run, _ = open_run("Compare", "How two runs were made, and what each makes of the same samples.")
compare.show(run)
