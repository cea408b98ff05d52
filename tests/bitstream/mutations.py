"""Mutations of model files whose hashes are made to fit: of the description, the arrays and the header itself."""

import hashlib
import json
import struct

import numpy as np
import safetensors.numpy

SEAL = "0" * 64
DEEP = "[" * 3000 + "]" * 3000
VALUES = (
    *(None, True, False, -1, 0, 1, 2, 3, 5, 8, 64, 1024, 2**31, 2**53, 2**64, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, 3.0, 1e-300, 1e6, 1e300, float("inf"), float("nan")),
    *("", "x", "none", "zeros", "circular", "cdf53", "laplace", "logistic", "a" * 101, "\ud800", "\x1b[31m\n", "3"),
    *([], {}, [1.0], [0.5, 0.25], [[]], {"kind": "context"}, {"a": {"a": {}}}),
)
TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint64", "float16", "float32", "float64", "bool")


def assembled(text, arrays):
    """A file with the description `text`, sealed, made by the library alone."""
    data = safetensors.numpy.save(arrays, {"aiwave": text})
    return data.replace(SEAL.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def mutated(described, arrays, rng):
    """A model file with one to three mutations, and their names."""
    described, arrays = json.loads(json.dumps({"seal": SEAL, "version": 1, **described})), dict(arrays)
    done = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        kind = str(rng.choice(["value", "value", "key", "array", "array", "array", "content", "content", "name"]))
        done.append(kind)
        CHANGES[kind](described, arrays, rng)
    text = json.dumps(described)
    if rng.random() < 0.05:
        done.append("deep")
        text = text.replace("null", DEEP, 1) if "null" in text else text[:-1] + f', "x": {DEEP}}}'
    if rng.random() < 0.05:
        done.append("twice")
        text = "{" + text[1:-1] + ", " + text[1:]
    data = assembled(text, {name: np.array(array, order="C") for name, array in arrays.items()})
    return (_shared(data, rng), [*done, "shared"]) if "deep" not in done and rng.random() < 0.05 else (data, done)


def _places(node, found=None):
    """Every container and key of a JSON value."""
    found = [] if found is None else found
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found.append((node, key))
        _places(value, found)
    return found


def _any(places, rng):
    return places[int(rng.integers(len(places)))]


def _value(described, arrays, rng):
    node, key = _any([place for place in _places(described) if place[1] not in ("seal", "version")], rng)
    old, new = node[key], VALUES[int(rng.integers(len(VALUES)))]
    if isinstance(old, int | float) and not isinstance(old, bool) and rng.random() < 0.5:
        new = [old + 1, old - 1, float(min(old, 1e300)), old * 2, -old, old * 1000, str(old)][int(rng.integers(7))]
    node[key] = new


def _key(described, arrays, rng):
    node, key = _any([place for place in _places(described) if place[1] not in ("seal", "version")], rng)
    if isinstance(node, dict):
        value = node.pop(key)
        if rng.random() < 0.5:
            node[f"{key}x"] = value
    elif rng.random() < 0.5:
        node.insert(key, node[int(rng.integers(len(node)))])
    else:
        del node[key]


def _array(described, arrays, rng):
    name = _any(sorted(arrays), rng)
    array = arrays[name]
    change = int(rng.integers(8))
    if change == 0:
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(str(rng.choice(TYPES)))
    elif change == 1:
        arrays[name] = array.ravel()[: int(rng.integers(array.size + 1))]
    elif change == 2:
        arrays[name] = array.T
    elif change == 3:
        arrays[name] = array[None] if rng.random() < 0.5 else array[..., None]
    elif change == 4:
        arrays[name] = np.zeros(tuple(int(n) for n in rng.integers(0, 4, int(rng.integers(5)))), array.dtype)
    elif change == 5:
        arrays[name] = np.concatenate([array, array]) if array.ndim else array
    elif change == 6:
        arrays[name] = array[:-1] if array.ndim else array
    else:
        arrays[name] = arrays[_any(sorted(arrays), rng)]


def _content(described, arrays, rng):
    name = _any(sorted(arrays), rng)
    array = np.array(arrays[name])
    if array.dtype.kind == "f":
        pool = [0.0, -0.0, np.nan, np.inf, -1.0, 1e-38, np.finfo(array.dtype).max, -np.finfo(array.dtype).max, 1e-45]
    elif array.dtype.kind in "iu":
        pool = [0, 1, -1, 63, 64, np.iinfo(array.dtype).max, np.iinfo(array.dtype).min, 40, 7]
    else:
        return
    with np.errstate(all="ignore"):
        value = np.array(pool[int(rng.integers(len(pool)))]).astype(array.dtype)
    if rng.random() < 0.5 or not array.size:
        array[...] = value
    else:
        array.reshape(-1)[int(rng.integers(array.size))] = value
    arrays[name] = array


def _name(described, arrays, rng):
    name = _any(sorted(arrays), rng)
    array = arrays.pop(name)
    others = ["x", f"{name}x", f"entropy.{name}", "entropy.cross", "entropy.second_head", "entropy.levels", ""]
    if rng.random() < 0.7:
        arrays[others[int(rng.integers(len(others)))]] = array


CHANGES = {"value": _value, "key": _key, "array": _array, "content": _content, "name": _name}


def _shared(data, rng):
    """The file with a name that a second entry repeats, or entries for bytes that others have."""
    length = struct.unpack("<Q", data[:8])[0]
    header = data[8 : 8 + length].decode().rstrip()
    first = header.index('"entropy') if '"entropy' in header else header.index("{", 1)
    entry = header[first : header.index("}", first) + 1]
    again = entry if rng.random() < 0.5 else entry.replace('"', '"z', 1)
    text = f"{header[:-1]},{','.join([again] * int(rng.integers(1, 50)))}}}".encode()
    whole = struct.pack("<Q", len(text)) + text + data[8 + length :]
    seal = json.loads(json.loads(header)["__metadata__"]["aiwave"])["seal"].encode()
    plain = whole.replace(seal, SEAL.encode(), 1)
    return plain.replace(SEAL.encode(), hashlib.sha256(plain).hexdigest().encode(), 1)
