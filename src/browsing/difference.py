"""Differences between two runs."""

from collections.abc import Iterator
from typing import Any

from omegaconf import OmegaConf

from ..report import read_rd_csv
from ..report.mean_curves import mean_curves
from ..training.run_folder import RunFolder

LABELS = ("run_dir", "runs_dir", "again", "resume", "launcher", "also")
FACTS = ("git", "packages", "machine", "data", "aiwave")


def differences(a: RunFolder, b: RunFolder) -> list[str]:
    """Lines `key: in a -> in b` for configuration, origin and mean results. Raises AiwaveError if one is not a run."""
    one, two = (dict(_flat(OmegaConf.to_container(run.read_config()))) for run in (a, b))
    lines = [*_changed("", one, two, LABELS), *origin(a, b)]
    first, second = (_means(run) for run in (a, b))
    return [*lines, *_changed("result ", first, second, ())]


def origin(a: RunFolder, b: RunFolder) -> list[str]:
    """Lines for differences in code, packages, machine and data. Raises AiwaveError for damaged folders."""
    one, two = ({key: run.provenance().get(key) for key in FACTS} for run in (a, b))
    return list(_changed("", dict(_flat(one)), dict(_flat(two)), ()))


def _changed(label: str, a: dict[str, Any], b: dict[str, Any], ignored: tuple[str, ...]) -> Iterator[str]:
    for key in dict.fromkeys([*a, *b]):
        one, two = a.get(key, "absent"), b.get(key, "absent")
        if one != two and key.split(".")[0] not in ignored:
            yield f"{label}{key}: {one} -> {two}"


def _flat(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted key."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, f"{path}.{key}".lstrip("."))
    else:
        yield path, node


def _means(run: RunFolder) -> dict[str, str]:
    if not (run.path / "rd.csv").is_file():
        return {}
    return {
        f"{dataset} {codec} {point.quality:g}": f"{point.bpp:.4f} bpp, {point.psnr_db:.3f} dB"
        for (dataset, codec), points in mean_curves(read_rd_csv(run.path / "rd.csv")).items()
        for point in points
    }
