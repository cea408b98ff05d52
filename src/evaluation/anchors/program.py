"""External programs: located, run and timed, and the anchors that use them."""

import os
import re
import shlex
import shutil
import subprocess
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ...child_processes import OWN_GROUP, end_group
from ...errors import AiwaveError
from ...system import user_path
from .anchor import Anchor, Availability, CodedVolume, cropped, padded

PROBE_S = 20  # time to print a version

LOG = "program.log"


def find_program(names: Sequence[str], folder: str | None, variable: str) -> Path:
    """The first of `names` found in `folder`, else in the folder named by the environment variable, else on PATH.

    Raises:
        AiwaveError: If there is none; says where it was searched for and how to set the folder.
    """
    given = folder or os.environ.get(variable)
    place = user_path(given).resolve() if given else None
    for name in names:
        found = shutil.which(name, path=str(place)) if place else shutil.which(name)
        if found:
            return Path(found)
    where = str(place) if place else "PATH"
    raise AiwaveError(f"{names[0]} is not in {where}: set {variable} to the folder that holds it.")


def run_program(command: Sequence[str], folder: Path, timeout: float) -> float:
    """Run `command` in `folder` and return its duration in seconds.

    Raises:
        AiwaveError: If it cannot be started, takes longer than `timeout` seconds or fails; quotes its last line.
    """
    started = time.perf_counter()
    status, output = _run(command, folder, timeout)
    name = Path(command[0]).name
    if status != 0:
        raise AiwaveError(f"{name} ended with status {status}: {last_line(output)}")
    return time.perf_counter() - started


def written(path: Path, command: Sequence[str]) -> int:
    """The size of the file that `command` should have written. Raises AiwaveError if it is missing or empty."""
    size = path.stat().st_size if path.is_file() else 0
    if size == 0:
        raise AiwaveError(f"{Path(command[0]).name} wrote no {path.name}: {_log(path.parent)}")
    return size


@cache
def printed(command: tuple[str, ...]) -> str:
    """The output of a program, whatever its exit status; empty if it cannot be run or hangs."""
    try:
        return _run(command, Path.cwd(), PROBE_S, log=False)[1]
    except AiwaveError:
        return ""


def version_of(command: Sequence[str], pattern: str) -> str:
    """The first group of `pattern` in the output of `command`; empty if there is no match."""
    found = re.search(pattern, printed(tuple(command)))
    return found[1] if found else ""


def last_line(output: str) -> str:
    """The last non-empty line, without control characters."""
    lines = [line.strip() for line in re.sub(r"[^\x20-\x7e\n]", " ", output).splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it printed nothing."


def _run(command: Sequence[str], folder: Path, timeout: float, log: bool = True) -> tuple[int, str]:
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **OWN_GROUP,
        )
    except OSError as error:
        raise AiwaveError(f"{command[0]} cannot be run: {error.strerror}.") from error
    try:
        output = process.communicate(timeout=timeout)[0].decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        said = (error.output or b"").decode(errors="replace")
        raise AiwaveError(f"{name} was stopped after {timeout:g} s: {last_line(said)}") from error
    finally:
        _stop(process)
    if log:
        (folder / LOG).write_text(output, encoding="utf-8")
    return process.returncode, output


def _log(folder: Path) -> str:
    log = folder / LOG
    return last_line(log.read_text(encoding="utf-8") if log.is_file() else "")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program that is still running, with its child processes."""
    if process.poll() is None:
        end_group(process)
        process.communicate()


Shape = tuple[int, int, int]


class ExternalAnchor(Anchor):
    """An encoder and a decoder program, run in a temporary folder. The size is that of the encoded file.

    `settings.encode` and `settings.decode` are their command lines, with $names as placeholders: $encoder, $decoder,
    and those that `side_files` returns. `programs` gives their location (`folder`, else the environment variable
    `variable`, else PATH), their possible names (`encoder`, `decoder`), how to query their `version` (`arguments`,
    `pattern`, and the `wanted` prefix of it), and the `timeout` in seconds. Times are those of the whole programs.
    """

    stream: str  # the encoded file; then the decoded one, and constraints on the sizes that the codec accepts
    decoded: str
    multiple: Shape = (1, 1, 1)
    least: Shape = (1, 1, 1)

    def __init__(self, programs: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.programs = dict(programs)

    def code(self, voxels: np.ndarray, quality: float) -> CodedVolume:
        """See `Anchor.code`. Volumes of sizes that the codec does not accept are padded, and cropped after decoding."""
        encoder, decoder = self.find(self.encoder_key(voxels)), self.find(self.decoder_key(voxels))
        volume = padded(voxels, self.multiple, self.least)
        with TemporaryDirectory(prefix="aiwave_") as name:
            folder = Path(name)
            values = {"encoder": encoder, "decoder": decoder, **self.side_files(volume, quality, folder, encoder)}
            times = [self._step(step, values, folder) for step in ("encode", "decode")]
            decoded = cropped(self.read(folder, volume), voxels.shape)
            return CodedVolume((folder / self.stream).stat().st_size, decoded, *times)

    def availability(self) -> Availability:
        """See `Anchor.availability`."""
        try:
            encoder = self.find("encoder")
            self.find("decoder")
        except AiwaveError as error:
            return Availability(False, "", f"{str(error).rstrip('.')} ({self.about['source']})")
        return Availability(True, self._version(encoder) or "unknown version", str(encoder.parent))

    def find(self, key: str) -> Path:
        """The program that `programs` lists under `key`. Raises AiwaveError if missing or of the wrong version."""
        path = find_program(self.programs[key], self.programs["folder"], self.programs["variable"])
        wanted = self.programs["version"]["wanted"]
        if key.startswith("encoder") and wanted and not (version := self._version(path)).startswith(wanted):
            told = f"is {version}" if version else "does not report a version"
            raise AiwaveError(f"{self.name} needs version {wanted} of {path.name}, and {path} {told}.")
        return path

    def encoder_key(self, voxels: np.ndarray) -> str:
        """Key in `programs` of the encoder for these voxels."""
        return "encoder"

    def decoder_key(self, voxels: np.ndarray) -> str:
        """Key in `programs` of the decoder for these voxels."""
        return "decoder"

    @abstractmethod
    def side_files(self, volume: np.ndarray, quality: float, folder: Path, encoder: Path) -> dict[str, Any]:
        """Write the encoder's input files to `folder` and return the values of the command lines' placeholders.

        Raises AiwaveError for an unsupported quality or volume.
        """

    def read(self, folder: Path, volume: np.ndarray) -> np.ndarray:
        """The decoded voxels (raw, little-endian) in the shape and dtype of `volume`. Raises AiwaveError if not so."""
        path, kind = folder / self.decoded, volume.dtype.newbyteorder("<")
        size = path.stat().st_size
        if size != volume.nbytes:
            raise AiwaveError(f"{self.name} decoded to {size} bytes instead of {volume.nbytes}.")
        return np.fromfile(path, kind).reshape(volume.shape).astype(volume.dtype)

    def command(self, step: str, values: Mapping[str, Any]) -> list[str]:
        """The words of a command line. Raises AiwaveError for an unknown $name."""
        try:
            return [Template(word).substitute(values) for word in shlex.split(self.settings[step])]
        except (KeyError, ValueError) as error:
            raise AiwaveError(f"settings.{step} of {self.name} cannot be filled in: {error}.") from error

    def _step(self, step: str, values: Mapping[str, Any], folder: Path) -> float:
        command = self.command(step, values)
        seconds = run_program(command, folder, self.programs["timeout"])
        written(folder / (self.stream if step == "encode" else self.decoded), command)
        return seconds

    def _version(self, path: Path) -> str:
        how = self.programs["version"]
        return version_of([str(path), *shlex.split(how["arguments"])], how["pattern"])


def write_raw(volume: np.ndarray, path: Path) -> None:
    """Write raw voxels, little-endian, slice after slice."""
    volume.astype(volume.dtype.newbyteorder("<")).tofile(path)
