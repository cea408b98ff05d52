"""Front end of `aiwave evaluate` for those who prefer a script."""

import sys

from aiwave.cli import main

sys.exit(main(["evaluate", *sys.argv[1:]]))
