"""Who imports what: the package itself nothing heavy, a backend no other one, and kdist never keras."""

from __future__ import annotations

import ast
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "kdist"
FRAMEWORKS = {
    "jax": ("jax", "jaxlib", "flax", "optax"),
    "torch": ("torch",),
    "tensorflow": ("tensorflow",),
}
ALL = {name for names in FRAMEWORKS.values() for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def modules_after(code: str, **env: str) -> set[str]:
    """The top-level modules that a fresh process holds after running `code`."""
    clean = {
        k: v
        for k, v in os.environ.items()
        if k not in ("KDIST_BACKEND", "KERAS_BACKEND", "PYTHONPATH")
    }
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            code
            + "\nimport sys; print('MODULES', *sorted({m.split('.')[0] for m in sys.modules}))",
        ],
        cwd=ROOT,
        env={**clean, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split("MODULES", 1)[1].split())


def test_importing_kdist_loads_no_framework():
    loaded = modules_after(
        "import kdist, kdist.distribution, kdist.launch, kdist.data, kdist.config",
        KDIST_BACKEND="torch",
    )
    assert not loaded & (ALL | {"keras"})
    assert not loaded & {"ray", "tensorstore", "orbax", "pandas"}


TRAIN = """
import numpy as np, kdist
model = kdist.Sequential([kdist.Input((3,)), kdist.layers.Dense(2)])
model.compile("adam", "mse", metrics=["mae"])
model.fit(np.zeros((4, 3), "float32"), np.zeros((4, 2), "float32"), verbose=0)
model.predict(np.zeros((4, 3), "float32"), verbose=0)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_training_on_one_backend_loads_no_other(backend):
    loaded = modules_after(TRAIN, KDIST_BACKEND=backend)
    others = {name for other, names in FRAMEWORKS.items() if other != backend for name in names}
    assert backend in loaded
    assert not loaded & (others | {"keras"})


REFUSE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in ("jax", "jaxlib", "torch"):
            raise ModuleNotFoundError(f"{name} is refused", name=name)
sys.meta_path.insert(0, Refuse())
"""


def test_training_on_tensorflow_needs_no_other():
    # TensorFlow itself looks for jax, and brings keras, which looks for torch; so they are taken away.
    assert "tensorflow" in modules_after(
        REFUSE + TRAIN, KDIST_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3"
    )


def imports(path: pathlib.Path) -> list[tuple[str, int, bool]]:
    """(module, line, inside a function) of every import in a file, those for type checkers left out."""
    found: list[tuple[str, int, bool]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, node.lineno, inside) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), node.lineno, inside))
        for child in ast.iter_child_nodes(node):
            visit(
                child,
                inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda),
            )

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


EVERY = [(path.relative_to(PACKAGE), *each) for path in FILES for each in imports(path)]


def test_there_are_imports_to_look_at():
    assert len(FILES) > 100 and len(EVERY) > 500


def test_kdist_never_imports_keras():
    assert not [e for e in EVERY if e[1].split(".")[0] in ("keras", "tf_keras")]


def test_frameworks_are_imported_by_their_backend_alone():
    wrong = []
    for path, module, line, _ in EVERY:
        top = module.split(".")[0]
        if top in ALL:
            backend = next(b for b, names in FRAMEWORKS.items() if top in names)
            if path.parts[:2] != ("backend", backend):
                wrong.append(f"{path}:{line} imports {module}")
    assert not wrong


def test_first_party_imports_stand_at_the_top():
    assert not [
        f"{path}:{line} imports {module}"
        for path, module, line, inside in EVERY
        if inside and module.split(".")[0] == "kdist"
    ]


def test_imports_are_absolute():
    assert not [f"{path}:{line}" for path, module, line, _ in EVERY if module.startswith(".")]


@pytest.mark.parametrize(
    ("library", "folders"),
    [("ray", {"launch"}), ("tensorstore", {"checkpoint"}), ("orbax", set()), ("typer", {"cli"})],
)
def test_heavy_libraries_stay_where_they_belong(library, folders):
    wrong = [
        f"{path}:{line}"
        for path, module, line, _ in EVERY
        if module.split(".")[0] == library and path.parts[0] not in folders
    ]
    assert not wrong
