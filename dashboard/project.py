"""Maps of a run's features: the command `python -m dashboard.project`."""

import sys

from dashboard.jobs.project import main

if __name__ == "__main__":
    sys.exit(main())
