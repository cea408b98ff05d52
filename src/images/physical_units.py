"""Units of length and time, as headers of image files spell them."""

import math

LENGTHS = {
    "pm": 1e-9,
    "å": 1e-7,
    "angstrom": 1e-7,
    "nm": 1e-6,
    "nanometer": 1e-6,
    "nanometre": 1e-6,
    "um": 1e-3,
    "micron": 1e-3,
    "micrometer": 1e-3,
    "micrometre": 1e-3,
    "mm": 1.0,
    "millimeter": 1.0,
    "millimetre": 1.0,
    "cm": 10.0,
    "centimeter": 10.0,
    "centimetre": 10.0,
    "dm": 100.0,
    "m": 1e3,
    "meter": 1e3,
    "metre": 1e3,
    "in": 25.4,
    "inch": 25.4,
    "inche": 25.4,
}
TIMES = {
    "ns": 1e-9,
    "nsec": 1e-9,
    "nanosecond": 1e-9,
    "us": 1e-6,
    "usec": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}


def millimetres(unit: object) -> float | None:
    """Length of `unit` in mm, None if it is unknown or no length, such as "pixel"."""
    return _find(LENGTHS, unit)


def seconds(unit: object) -> float | None:
    """Duration of `unit` in s, None if it is unknown or no time."""
    return _find(TIMES, unit)


def number(value: object) -> float | None:
    """`value` as a finite number, None if it is not one."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _find(table: dict[str, float], unit: object) -> float | None:
    """The entry for `unit`, spelt in singular or plural, with either Unicode letter for micro, "u", or ImageJ's escape.

    Windows programs store µ as one byte, which readers of UTF-8 replace.
    """
    name = str(unit).strip().strip('"').lower()
    for micro in ("\\u00b5", "\\u03bc", "µ", "μ", "\ufffd"):
        name = name.replace(micro, "u")
    name = name.replace("\\u00c5", "å").replace("\\u00e5", "å")
    return table.get(name, table.get(name.removesuffix("s")))
