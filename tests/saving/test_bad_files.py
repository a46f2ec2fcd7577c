"""Files that are damaged, of another kind or do not fit: what is said, and that nothing is lost."""

from __future__ import annotations

import json
import resource
import zipfile

import h5py
import numpy as np
import pytest

import kdist
from kdist.saving import archive


def small(units=2, name="out"):
    return kdist.Sequential([kdist.Input((3,)), kdist.layers.Dense(units, name=name)])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.keras"
    small().save(path)
    return path


def rewrite(path, **members):
    """Replace members of an archive; None removes one."""
    with zipfile.ZipFile(path) as old:
        kept = {i.filename: old.read(i) for i in old.infolist()}
    kept.update({name.replace("__", "."): data for name, data in members.items()})
    with zipfile.ZipFile(path, "w") as new:
        for name, data in kept.items():
            if data is not None:
                new.writestr(name, data)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_truncated(saved, part):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ValueError, match=r"model\.keras.*truncated"):
        kdist.saving.load_model(saved)
    with pytest.raises(ValueError, match=r"model\.keras.*truncated"):
        kdist.saving.load_weights(small(), saved)


def test_flipped_byte(saved):
    data = bytearray(saved.read_bytes())
    at = data.find(b"\x89HDF") + 3000
    data[at] ^= 0xFF
    saved.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"model\.keras.*damaged.*CRC"):
        kdist.saving.load_model(saved)


def test_truncated_weights(tmp_path):
    path = tmp_path / "m.weights.h5"
    model = small()
    model.save_weights(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"m\.weights\.h5.*truncated"):
        model.load_weights(path)


def test_missing_and_invalid_parts(saved):
    rewrite(saved, config__json=b"{not json")
    with pytest.raises(ValueError, match=r"config\.json is no JSON"):
        kdist.saving.load_model(saved)
    rewrite(saved, config__json=b"[]")
    with pytest.raises(ValueError, match="names no class"):
        kdist.saving.load_model(saved)
    rewrite(saved, config__json=None)
    with pytest.raises(ValueError, match=r"no config\.json"):
        kdist.saving.load_model(saved)


def test_missing_weights(saved):
    rewrite(saved, **{"model.weights__h5": None})
    with pytest.raises(ValueError, match=r"no model\.weights\.h5"):
        kdist.saving.load_model(saved)


def test_names(tmp_path):
    model = small()
    with pytest.raises(ValueError, match=r"must end in '\.keras'"):
        model.save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"'model\.keras'"):
        model.save("model.h5")
    with pytest.raises(ValueError, match=r"zipped=False"):
        model.save(tmp_path / "model.keras", zipped=False)
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "model.h5")
    with pytest.raises(ValueError, match=r"\.weights\.json"):
        model.save_weights(tmp_path / "model.weights.h5", max_shard_size=1)
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.load_weights(tmp_path / "model.npz")
    with pytest.raises(ValueError, match="older HDF5 format"):
        kdist.saving.load_model(tmp_path / "model.h5")
    with pytest.raises(FileNotFoundError, match="absent"):
        kdist.saving.load_model(tmp_path / "absent.keras")
    with pytest.raises(FileNotFoundError, match="no folder"):
        model.save(tmp_path / "absent" / "model.keras")
    with pytest.raises(ValueError, match="save_format"):
        model.save(tmp_path / "model.keras", save_format="h5")


def test_existing_file_is_kept_without_overwrite(saved):
    before = saved.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        small().save(saved, overwrite=False)
    assert saved.read_bytes() == before


def test_shapes_that_do_not_fit(tmp_path):
    path = tmp_path / "m.weights.h5"
    small(2).save_weights(path)
    other = kdist.Sequential(
        [kdist.Input((3,)), kdist.layers.Dense(4, name="wide"), kdist.layers.Dense(2)]
    )
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"(?s)'wide'.*\(3, 4\).*\(3, 2\).*the file 0"):
        other.load_weights(path)
    for v, w in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)
    three = kdist.Sequential(
        [kdist.Input((3,)), kdist.layers.Dense(2), kdist.layers.Dense(5, name="new")]
    )
    with pytest.warns(UserWarning, match="'new'"):
        three.load_weights(path, skip_mismatch=True)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(
            three.layers[0].kernel.numpy(), file["layers/dense/vars/0"][()]
        )


def test_objects_to_skip(tmp_path):
    path = tmp_path / "m.weights.h5"
    small().save_weights(path)
    model = small()
    before = model.layers[0].kernel.numpy()
    model.load_weights(path, objects_to_skip=[model.layers[0]])
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), before)


def test_unbuilt(tmp_path):
    model = kdist.Sequential([kdist.layers.Dense(2)])
    with pytest.raises(ValueError, match="before it is built"):
        model.save_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning, match="before it is built"):
        model.save(tmp_path / "m.keras")
    assert not kdist.saving.load_model(tmp_path / "m.keras").built


def test_a_full_disk_leaves_the_old_file(saved):
    before = saved.read_bytes()
    large = kdist.Sequential([kdist.Input((300,)), kdist.layers.Dense(300)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="large"):
            large.save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["model.keras"]


def test_an_interrupted_save_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def interrupted(target, *rest):
        target.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "write_zip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small().save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["model.keras"]


def test_links_out_of_the_file_are_refused(tmp_path):
    path = tmp_path / "m.weights.h5"
    model = small()
    model.save_weights(path)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((3, 2), "float32")
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("secret.h5", "kernel")
    with pytest.raises(ValueError, match=r"refused.*link"):
        model.load_weights(path)


def test_assets_cannot_leave_their_folder(saved, tmp_path):
    rewrite(saved, **{"assets/../../../escaped": b"x"})
    with pytest.raises(ValueError, match="leads out"):
        kdist.saving.load_model(saved)
    assert not (tmp_path.parent / "escaped").exists()


def test_a_bomb_is_refused(saved, monkeypatch):
    monkeypatch.setattr(archive, "_LARGE", 1 << 20)
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("assets/zeros", b"\0" * (1 << 22))
    with pytest.raises(ValueError, match=r"refused.*claims"):
        kdist.saving.load_model(saved)


@pytest.mark.parametrize(
    "name", [("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("shutil", "rmtree")]
)
def test_foreign_names_are_refused(saved, name):
    module, thing = name
    layer = {
        "module": module,
        "class_name": thing,
        "config": {"name": "x"},
        "registered_name": None,
    }
    function = {
        "module": module,
        "class_name": "function",
        "config": thing,
        "registered_name": thing,
    }
    with zipfile.ZipFile(saved) as file:
        config = json.loads(file.read("config.json"))
    config["config"]["layers"][1]["config"]["activation"] = function
    rewrite(saved, config__json=json.dumps(config).encode())
    with pytest.raises((TypeError, ValueError), match=thing):
        kdist.saving.load_model(saved)
    config["config"]["layers"][1] = layer
    rewrite(saved, config__json=json.dumps(config).encode())
    with pytest.raises((TypeError, ValueError), match=thing):
        kdist.saving.load_model(saved)


def test_remote_and_file_objects(tmp_path):
    model = small()
    model.save("memory://models/model.keras")
    model.save_weights("memory://models/m.weights.h5")
    model.save_weights("memory://models/s.weights.json", max_shard_size=1)
    for source in ("m.weights.h5", "s.weights.json", "model.keras"):
        other = small()
        other.load_weights(f"memory://models/{source}")
        np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    loaded = kdist.saving.load_model("memory://models/model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    with pytest.raises(FileNotFoundError, match="memory://"):
        kdist.saving.load_model("memory://models/absent.keras")
    with open(tmp_path / "held", "wb") as file:
        model.save(file)
    with open(tmp_path / "held", "rb") as file:
        loaded = kdist.saving.load_model(file)
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_archive_through_temporary_files(saved, tmp_path, monkeypatch):
    """What large models take: the weights go through a file instead of memory."""
    monkeypatch.setattr(archive, "_IN_MEMORY", 0)
    model = small()
    model.save(tmp_path / "large.keras")
    loaded = kdist.saving.load_model(tmp_path / "large.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.keras", "model.keras"]
