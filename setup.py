"""Build of the compiled core; everything else is in pyproject.toml."""

import os
from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup

FLAGS = ["-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-pthread"]
SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]

sanitizers = SANITIZERS if os.environ.get("AIWAVE_SANITIZE") else []

native = Pybind11Extension(
    "aiwave._native",
    sorted(str(path) for path in Path("src/native").glob("*.cpp")),
    depends=sorted(str(path) for path in Path("src/native").glob("*.hpp")),
    cxx_std=17,
    extra_compile_args=[*FLAGS, *sanitizers],
    extra_link_args=["-pthread", *sanitizers],
    optional=not sanitizers,  # without a compiler the PyTorch reference codes
)

setup(ext_modules=[native])
