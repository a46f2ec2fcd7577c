"""The state of a model's objects, to a weights file and back."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from kdist.backend.variable import Variable
from kdist.layers.layer import Layer
from kdist.layers.state import LayerState
from kdist.optimizers import Optimizer
from kdist.random import SeedGenerator
from kdist.saving.h5 import as_array
from kdist.saving.walk import stateful_objects

_SHOWN = 5  # objects that do not fit that an error lists


def save_state(model: Any, writer: Any, assets: Path | None = None, skip: Any = ()) -> None:
    """Store the state of `model` and everything in it.

    Arguments:
        writer: gives the entry (a mapping) of each path.
        assets: folder for what layers save as files; None: they are left out.
        skip: objects that are left out, with what is inside them.
    """
    live = getattr(model, "_live", None)
    if live is not None and live.program.apart:
        warnings.warn(
            f"Model {model.name!r} is saved within an epoch, while its statistics or sums of gradients "
            "are those of this process alone. Call model.settle_replicas() on all processes first, or "
            "use ModelCheckpoint(save_freq=...), which does.",
            stacklevel=3,
        )
    for path, found in stateful_objects(model, skip):
        if isinstance(found, SeedGenerator):
            # Keras saves no seeds and passes over these: with them a loaded model goes on drawing
            # where the saved one stood.
            writer.entry(path, None)["0"] = found.state
        elif hasattr(found, "save_own_variables"):
            found.save_own_variables(writer.entry(path, getattr(found, "name", None)))
        if assets is not None and hasattr(found, "save_assets"):
            folder = assets / path
            folder.mkdir(parents=True, exist_ok=True)
            found.save_assets(str(folder))


def gather_state(model: Any) -> None:
    """Read what saving reads, and keep none of it.

    Where the parts of a variable lie on several processes, reading it takes all of them: those that
    do not write call this while another one saves.
    """
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer is not None else ())]
    if any(v.layout is not None and not v.layout.is_replicated for v in variables):
        save_state(model, _Nowhere())


class _Nowhere:
    """A writer that reads what it is given, and forgets it."""

    def entry(self, path: str, name: str | None) -> _Forgetting:
        return _Forgetting()


class _Forgetting(dict):
    def __setitem__(self, key: str, value: Any) -> None:
        as_array(value)


def load_state(
    model: Any, reader: Any, assets: Path | None = None, skip: Any = (), skip_mismatch: bool = False
) -> None:
    """Set the state of `model` and everything in it.

    Nothing is changed if something does not fit, as far as that can be seen beforehand: not for
    objects with a `load_own_variables` of their own.

    Arguments:
        reader: gives the entry (a mapping) of each path.
        assets: folder with what layers saved as files.
        skip: objects that are left as they are, with what is inside them.
        skip_mismatch: leave what does not fit as it is, with a warning.

    Raises: ValueError naming the layers that do not fit, and both shapes.
    """
    problems: list[str] = []
    fitting: list[tuple[str, Any]] = []
    for path, found in stateful_objects(model, skip):
        problem = _problem(found, path, reader.entry(path))
        if problem is None:
            fitting.append((path, found))
        else:
            problems.append(problem)
    if problems and not skip_mismatch:
        raise ValueError(_message(problems))
    for path, found in fitting:
        try:
            _load(found, reader.entry(path), assets, path)
        except (ValueError, KeyError, IndexError, TypeError) as e:
            # What a load of one's own raises.
            if not skip_mismatch:
                e.add_note(f"while loading the state of {_called(found, path)}")
                raise
            problems.append(f"{_called(found, path)}: {e}")
    if problems:
        warnings.warn(_message(problems), stacklevel=4)


def _load(found: Any, entry: Any, assets: Path | None, path: str) -> None:
    if isinstance(found, SeedGenerator):
        if len(entry):
            found.state.assign(_as_seed(entry["0"], found.state.dtype))
    elif isinstance(found, Optimizer) and _saved_before_its_first_step(found, entry):
        for i, variable in enumerate(found._variables[: _own_before_building(found)]):
            variable.assign(entry[str(i)])
    elif hasattr(found, "load_own_variables"):
        found.load_own_variables(entry)
    if assets is not None and hasattr(found, "load_assets") and (assets / path).is_dir():
        found.load_assets(str(assets / path))


def _saved_before_its_first_step(optimizer: Optimizer, entry: Any) -> bool:
    """Whether the file holds the counter and the learning rate alone; the slots stay."""
    return optimizer.built and len(entry) == _size_before_building(optimizer)


def _size_before_building(optimizer: Optimizer) -> int:
    inner = getattr(optimizer, "inner_optimizer", None)
    held = 0 if inner is None else _size_before_building(inner)
    return _own_before_building(optimizer) + held


def _own_before_building(optimizer: Optimizer) -> int:
    return 1 + isinstance(optimizer._learning_rate, Variable)


def _as_seed(value: np.ndarray, dtype: str) -> np.ndarray:
    """Seeds are unsigned on some backends and signed on others; their low 32 bits count."""
    low = value.astype("int64") & 0xFFFFFFFF
    return low.astype("uint32").view("int32") if dtype == "int32" else low.astype(dtype)


def _problem(found: Any, path: str, entry: Any) -> str | None:
    """Why what is stored does not fit a layer that loads in the usual way; None if it does."""
    usual = isinstance(found, Layer) and (
        type(found).load_own_variables is LayerState.load_own_variables
    )
    if not usual:
        return None
    own = [*found._own_trainable, *found._own_non_trainable]
    if len(own) != len(entry):
        what = f"{_called(found, path)} has {len(own)} variables, and the file {len(entry)}"
        if not own:
            return f"{what}. It is not built yet: call the model, or build(input_shape), first"
        return what if len(entry) else f"{what}: was it saved from another architecture?"
    for i, variable in enumerate(own):
        if str(i) not in entry:
            return f"{_called(found, path)}: the file holds {sorted(entry)} for it, and no {i}"
        shape = entry.shape(str(i))
        if shape != variable.shape:
            return (
                f"{_called(found, path)}: its variable {variable.name!r} has shape "
                f"{variable.shape}, and the file holds {shape}"
            )
    return None


def _called(found: Any, path: str) -> str:
    name = getattr(found, "name", None) or type(found).__name__
    return f"{type(found).__name__} {name!r} ({path or 'the model itself'})"


def _message(problems: list[str]) -> str:
    shown = "\n".join(f"  - {p}" for p in problems[:_SHOWN])
    more = len(problems) - _SHOWN
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"The weights in the file do not fit the model:\n{shown}{rest}\n"
        "Load them into a model of the architecture they were saved from, or pass "
        "skip_mismatch=True to load those that fit."
    )


def arrays_size(model: Any) -> int:
    """Bytes of the arrays that `save_state` would store, about."""
    variables = list(model.variables) + list(getattr(model.optimizer, "variables", []))
    return sum(v.size * np.dtype(_numpy_name(v.dtype)).itemsize for v in variables)


def _numpy_name(dtype: str) -> str:
    return {"bfloat16": "uint16"}.get(dtype, "uint8" if dtype.startswith("float8") else dtype)
