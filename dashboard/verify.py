"""Whether an export of labels agrees with its run: the command `python -m dashboard.verify`."""

import sys

from dashboard.export.verify import main

if __name__ == "__main__":
    sys.exit(main())
