"""`kdist plan`: where a model would lie on a mesh, and what a step would cost."""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kdist.core import config, tree
from kdist.core.graph import KerasTensor
from kdist.core.lazy import LazyModule
from kdist.distribution import Parallelism, abstract_scope

# It loads the backend, which the options choose first.
policies = LazyModule("kdist.dtype_policies")

_AXES = ("data", "fsdp", "tensor")
_WIDTH = 140


def plan(
    model: Annotated[
        str,
        typer.Argument(help="module:function or file.py:function; it returns the model."),
    ],
    mesh: Annotated[
        str, typer.Option(help="Sizes of the mesh axes, e.g. data=64,fsdp=8,tensor=4.")
    ],
    batch_size: Annotated[
        int | None,
        typer.Option(help="Rows of the global batch; with it, activations are counted too."),
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(help="Without the batch, e.g. 224,224,3, where the model does not say it."),
    ] = None,
    seq_len: Annotated[
        int | None, typer.Option(help="What unknown sizes of the model's inputs are taken to be.")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="By default the one the model is compiled with.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="A dtype policy, e.g. bfloat16 or mixed_bfloat16.")
    ] = None,
    level: Annotated[
        str, typer.Option(help="What fsdp shards: parameters, or optimizer (its state alone).")
    ] = "parameters",
    sequence: Annotated[
        bool, typer.Option("--sequence", help="Also cut activations in time over tensor.")
    ] = False,
    devices_per_host: Annotated[
        int | None, typer.Option(help="Tell links within a host from those between hosts.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="jax, torch or tensorflow; by default the configured one.")
    ] = None,
) -> None:
    """Print where the variables of a model would lie on a mesh, what one device would hold, and what it would send.

    The model is built without its values: neither the devices nor the memory for it are needed.
    """
    try:
        if backend is not None:
            config.set_backend(backend)
        text = _plan(
            model, mesh, batch_size, input_shape, seq_len, optimizer, dtype, level, sequence,
            devices_per_host,
        )  # fmt: skip
    except (ValueError, ImportError, FileNotFoundError) as error:
        print(f"kdist: {error}", file=sys.stderr, flush=True)
        raise typer.Exit(2) from None
    typer.echo(text)


def _plan(
    target: str,
    mesh: str,
    batch_size: int | None,
    input_shape: str | None,
    seq_len: int | None,
    optimizer: str | None,
    dtype: str | None,
    level: str,
    sequence: bool,
    devices_per_host: int | None,
) -> str:
    sizes = parse_mesh(mesh)
    devices = [f"device:{i}" for i in range(math.prod(sizes.values()))]
    strategy = Parallelism(**sizes, devices=devices, level=level, sequence=sequence)  # type: ignore[arg-type]
    make = load_function(target)
    if dtype is not None:
        policies.set_dtype_policy(dtype)
    shape = None if input_shape is None else parse_shape(input_shape)
    with abstract_scope():
        model = make()
        if not model.built:
            _build(model, shape)
        if optimizer is not None:
            model.compile(optimizer, loss=model.loss)
    details: dict[str, Any] = {}
    if batch_size is not None:
        given = shape if shape is not None else _sized(model, seq_len)
        details = {"input_shape": given}
    planned = strategy.plan(model, batch_size, **details)
    counted = sum(math.prod(v.shape) for v in planned.variables)
    head = f"{model.name}: {counted:,} values on {strategy.device_mesh.size:,} devices\n"
    return head + planned.text(devices_per_host, _WIDTH)


def parse_mesh(text: str) -> dict[str, int]:
    """The sizes in "data=64,fsdp=8,tensor=4". Raises ValueError for other axes or what is no number."""
    sizes: dict[str, int] = {}
    for part in text.split(","):
        axis, equals, number = part.strip().partition("=")
        if axis not in _AXES or not equals or not number.isdigit() or axis in sizes:
            raise ValueError(
                f"--mesh {text!r} must name sizes of {', '.join(_AXES)}, each at most once, e.g. "
                "data=64,fsdp=8,tensor=4."
            )
        sizes[axis] = int(number)
    return sizes


def parse_shape(text: str) -> tuple[int, ...]:
    """The sizes in "224,224,3"."""
    try:
        return tuple(int(n) for n in text.split(","))
    except ValueError:
        raise ValueError(
            f"--input-shape {text!r} must be whole numbers separated by commas, without the batch."
        ) from None


def load_function(target: str) -> Callable[[], Any]:
    """The function that "module:function" or "file.py:function" names.

    Raises: ValueError if there is none, ImportError or FileNotFoundError without the module.
    """
    name, colon, function = target.rpartition(":")
    if not colon or not function:
        raise ValueError(f"{target!r} must be module:function or file.py:function.")
    if name.endswith(".py"):
        module = _from_file(Path(name))
    else:
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        module = importlib.import_module(name)
    found = getattr(module, function, None)
    if not callable(found):
        raise ValueError(f"{name} has no function {function!r}.")
    return found


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _build(model: Any, shape: tuple[int, ...] | None) -> None:
    if shape is None:
        raise ValueError(
            f"The model {model.name!r} is not built, and does not say what its inputs are. Pass --input-shape."
        )
    model(KerasTensor((None, *shape), model.input_dtype))


def _sized(model: Any, size: int | None) -> Any:
    """The inputs of a model with `size` in place of unknown sizes; None where the model says them itself."""
    structure = getattr(model, "_graph", None)
    if size is None or structure is None:
        return None
    fill = lambda x: KerasTensor((None, *(size if n is None else n for n in x.shape[1:])), x.dtype)
    return tree.map_structure(fill, structure.inputs)
