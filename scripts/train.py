"""Front end of `aiwave train` for those who prefer a script."""

import sys

from aiwave.cli import main

sys.exit(main(["train", *sys.argv[1:]]))
