"""Build of the native coder; everything else is in pyproject.toml."""

from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup

FLAGS = ["-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-pthread"]

native = Pybind11Extension(
    "aiwave._native",
    sorted(str(path) for path in Path("src/native").glob("*.cpp")),
    depends=sorted(str(path) for path in Path("src/native").glob("*.hpp")),
    cxx_std=17,
    extra_compile_args=FLAGS,
    extra_link_args=["-pthread"],
    optional=True,  # without a compiler the PyTorch reference codes
)

setup(ext_modules=[native])
