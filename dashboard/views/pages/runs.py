"""Runs: what there is, and what to do with it."""

from dashboard.views.home import overview

overview.show()
