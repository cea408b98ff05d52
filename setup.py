"""Build of the compiled core; everything else is in pyproject.toml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

FLAGS = ["-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-pthread"]
SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
CLANG_CL = ["/O2", "/clang:-O3", "/clang:-ffp-contract=off"]

sanitizers = SANITIZERS if os.environ.get("AIWAVE_SANITIZE") else []


class BuildCore(build_ext):
    """Builds with clang-cl on Windows: Microsoft's own compiler has no vectors of a chosen size."""

    def build_extension(self, ext: Extension) -> None:
        """Choose the compiler, then build.

        Raises CompileError, which leaves the core out, if there is none, and at once if Python's headers are missing.
        """
        folders = [*self.include_dirs, *os.environ.get("CPATH", "").split(os.pathsep)]
        if not any(Path(folder, "Python.h").is_file() for folder in folders if folder):
            raise CompileError("the compiled core needs Python.h: on Debian and Ubuntu, apt install python3-dev")
        if self.compiler.compiler_type == "msvc":
            clang = shutil.which("clang-cl")
            if clang is None:
                raise CompileError("the compiled core needs clang-cl, a part of LLVM, on PATH")
            self.compiler.initialize()
            self.compiler.cc = clang
            command = [clang, "/clang:-print-resource-dir"]
            resources = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            # it tells which instructions the processor has, and Microsoft's linker does not look for it
            ext.extra_link_args.append(str(Path(resources, "lib/windows/clang_rt.builtins-x86_64.lib")))
        super().build_extension(ext)


native = Pybind11Extension(
    "aiwave._native",
    sorted(str(path) for path in Path("src/native").glob("*.cpp")),
    depends=sorted(str(path) for path in Path("src/native").glob("*.hpp")),
    cxx_std=17,
    extra_compile_args=CLANG_CL if sys.platform == "win32" else [*FLAGS, *sanitizers],
    extra_link_args=[] if sys.platform == "win32" else ["-pthread", *sanitizers],
    optional=not sanitizers,  # without a compiler or Python's headers the PyTorch reference codes
)

setup(ext_modules=[native], cmdclass={"build_ext": BuildCore})
