"""Corrected labels as a file: the command `python -m dashboard.labels`."""

import sys

from dashboard.export.labels import main

if __name__ == "__main__":
    sys.exit(main())
