"""Front end of `aiwave data` for those who prefer a script."""

import sys

from aiwave.cli import main

sys.exit(main(["data", *sys.argv[1:]]))
