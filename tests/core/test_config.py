"""Where settings come from, and what a wrong one is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import kdist
from kdist.core import config

CLEAN = {
    k: v
    for k, v in os.environ.items()
    if k not in ("KDIST_BACKEND", "KERAS_BACKEND", "KDIST_HOME", "KERAS_HOME")
}
# Pretends that some packages are not installed.
HIDE = """
import sys, importlib.util
hidden = {hidden!r}
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Finder())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.split(".")[0] in hidden else found(name, package)
"""


def run(code, tmp_path, hidden=(), **env):
    result = subprocess.run(
        [sys.executable, "-c", HIDE.format(hidden=set(hidden)) + code],
        env={**CLEAN, "HOME": str(tmp_path), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return result.returncode, result.stdout.strip(), result.stderr


NAME = "from kdist.core import config; print(config.backend())"


def test_the_environment_comes_first(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "tensorflow"}')
    assert run(NAME, tmp_path, KDIST_BACKEND="torch", KERAS_BACKEND="jax")[1] == "torch"
    assert run(NAME, tmp_path, KERAS_BACKEND="torch")[1] == "torch"
    assert run(NAME, tmp_path)[1] == "tensorflow"


def test_kdist_s_own_file_comes_before_keras_s(tmp_path):
    for folder, name, backend in (
        (".keras", "keras.json", "tensorflow"),
        (".kdist", "kdist.json", "torch"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(f'{{"backend": "{backend}", "floatx": "float64"}}')
    assert run(NAME + "; print(config.floatx())", tmp_path)[1].split() == ["torch", "float64"]


def test_else_the_first_that_is_installed(tmp_path):
    assert run(NAME, tmp_path)[1] == "jax"
    assert run(NAME, tmp_path, hidden=["jax"])[1] == "torch"
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "tensorflow"}')
    assert run(NAME, tmp_path, hidden=["tensorflow"])[1] == "jax"


def test_none_installed(tmp_path):
    code, _, err = run(NAME, tmp_path, hidden=["jax", "torch", "tensorflow"])
    assert (
        code
        and "found none of its backends. Install one: "
        "`pip install 'kdist[jax]'`, `'kdist[torch]'` or `'kdist[tensorflow]'`"
        in err
    )


@pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"])
def test_the_chosen_one_is_missing(tmp_path, backend):
    code, _, err = run(
        "import kdist; kdist.layers.Dense", tmp_path, hidden=[backend], KDIST_BACKEND=backend
    )
    assert code
    assert f"The backend '{backend}' is selected, but importing {backend} failed" in err
    assert (
        f"Install it with `pip install 'kdist[{backend}]'`, or select another with KDIST_BACKEND"
        in err
    )


def test_an_unknown_one(tmp_path):
    code, _, err = run(NAME, tmp_path, KDIST_BACKEND="mxnet")
    assert (
        code
        and "KDIST_BACKEND='mxnet' is not known. Use one of 'jax', 'torch', 'tensorflow'" in err
    )


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / ".kdist").mkdir()
    path = tmp_path / ".kdist" / "kdist.json"
    path.write_text('{"floatx": ')
    code, _, err = run(NAME, tmp_path)
    assert code and f"The configuration file {path} is not a JSON object" in err


def test_choosing_before_and_after_the_first_use(tmp_path):
    code, out, _ = run(
        "import kdist; kdist.config.set_backend('torch'); print(kdist.config.backend())",
        tmp_path,
        KDIST_BACKEND="jax",
    )
    assert (code, out) == (0, "torch")
    used = kdist.backend.bound.name
    other = {"jax": "torch"}.get(used, "jax")
    with pytest.raises(
        RuntimeError,
        match=f"came too late: this process already uses '{used}'.*KDIST_BACKEND={other}",
    ):
        config.set_backend(other)
    config.set_backend(used)


@pytest.mark.parametrize(
    ("setter", "value"),
    [
        ("set_floatx", "float31"),
        ("set_image_data_format", "channels_middle"),
        ("set_backend", "mxnet"),
        ("standardize_data_format", "x"),
    ],
)
def test_settings_that_are_not_known(setter, value):
    with pytest.raises(ValueError, match=f"{value}.* is not known. Use one of"):
        getattr(config, setter)(value)


def test_settings_are_kept():
    before = config.image_data_format(), config.epsilon()
    try:
        config.set_image_data_format("channels_first")
        config.set_epsilon(1e-3)
        assert config.standardize_data_format(None) == "channels_first"
        assert config.epsilon() == 1e-3
    finally:
        config.set_image_data_format(before[0])
        config.set_epsilon(before[1])


def test_flags_that_can_be_switched():
    assert not config.is_nnx_enabled()
    before = config.is_flash_attention_enabled()
    config.disable_flash_attention()
    assert config.resolve_flash_attention(None) is False
    assert config.resolve_flash_attention(True) is True
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() and config.resolve_flash_attention(None) is None
    config._settings["flash_attention"] = before


def test_limits_from_the_environment(tmp_path):
    assert (
        run(
            "from kdist import config; print(config.is_traceback_filtering_enabled())",
            tmp_path,
            KDIST_TRACEBACK_FILTERING="",
        )[1]
        == "True"
    )
    code = "from kdist.core import config; print(config.max_epochs(), config.max_steps_per_epoch())"
    assert run(code, tmp_path, KERAS_MAX_EPOCHS="2")[1] == "2 None"
    assert "is not a whole number" in run(code, tmp_path, KDIST_MAX_EPOCHS="two")[2]
