"""Front end of `aiwave prepare` for those who prefer a script."""

import sys

from aiwave.cli import main

sys.exit(main(["prepare", *sys.argv[1:]]))
