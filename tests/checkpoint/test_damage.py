"""What is stored and then lost or changed is noticed, and the file is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kdist.checkpoint import Checkpointer, CheckpointError, engine, writer
from kdist.core.leaf import whole_leaf

ARRAY = np.random.default_rng(0).standard_normal((64, 64)).astype("float32")


@pytest.fixture
def step(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK_BYTES", 4096)
    Checkpointer(tmp_path).save(1, {("layer", "kernel"): whole_leaf(ARRAY, True)})
    return tmp_path / "1"


def chunk_file(step: Path, chunk: str) -> tuple[Path, int, int]:
    base = {"driver": "file", "path": f"{step}/state/"}
    name, start, length = engine.locate_keys(base, "layer.kernel/")[f"layer.kernel/{chunk}"]
    return step / "state" / name, start, length


def read(step: Path, index=None) -> np.ndarray:
    with Checkpointer(step.parent).open() as reader:
        return reader.read(("layer", "kernel"), index)


def test_a_flipped_bit_is_named_and_only_where_it_is_read(step):
    file, start, _ = chunk_file(step, "2.0")
    data = bytearray(file.read_bytes())
    data[start + 100] ^= 1
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match="checksum") as caught:
        read(step)
    assert str(file) in str(caught.value)
    assert "layer/kernel" in str(caught.value)
    assert "(2, 0)" in str(caught.value)
    # Rows 0 to 31 lie in other chunks.
    np.testing.assert_array_equal(read(step, (slice(0, 32), slice(None))), ARRAY[:32])
    with pytest.raises(CheckpointError, match="checksum"):
        read(step, (slice(40, 41), slice(0, 1)))


def test_a_missing_data_file_is_named(step):
    file, _, _ = chunk_file(step, "0.0")
    file.unlink()
    with pytest.raises(CheckpointError, match="is missing") as caught:
        read(step)
    assert str(file) in str(caught.value)


def test_a_truncated_data_file_is_named(step):
    files = {chunk_file(step, f"{i}.0")[0] for i in range(4)}
    for file in files:
        file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cut short") as caught:
        read(step)
    assert any(str(file) in str(caught.value) for file in files)


def test_corrupt_compressed_data_is_named(tmp_path):
    checkpoints = Checkpointer(tmp_path, compression="zstd")
    checkpoints.save(1, {("layer", "kernel"): whole_leaf(ARRAY, True)})
    file, start, length = chunk_file(tmp_path / "1", "0.0")
    data = bytearray(file.read_bytes())
    data[start : start + length] = bytes(length)
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match="layer/kernel") as caught:
        read(tmp_path / "1")
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
@pytest.mark.parametrize("which", ["manifest.ocdbt", "d"])
def test_a_damaged_index_is_named(step, which, damage):
    file = step / "state" / which
    if which == "d":
        (file,) = file.iterdir()
    data = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[:40])
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    with pytest.raises(CheckpointError, match="layer/kernel.*cannot be opened") as caught:
        read(step)
    assert str(step / "state") in str(caught.value)


@pytest.mark.parametrize("name", ["kdist.json", "state/_METADATA"])
def test_damaged_metadata_is_named(step, name):
    file = step / name
    file.write_text(file.read_text()[:-20])
    with pytest.raises(CheckpointError, match="damaged") as caught:
        read(step)
    assert str(file) in str(caught.value)


def test_missing_tree_metadata_is_named(step):
    (step / "state" / "_METADATA").unlink()
    with pytest.raises(CheckpointError, match="state/_METADATA is missing"):
        read(step)


def test_a_leaf_that_left_the_tree_is_noticed(step):
    file = step / "state" / "_METADATA"
    body = json.loads(file.read_text())
    body["tree_metadata"] = {}
    file.write_text(json.dumps(body))
    with pytest.raises(CheckpointError, match="different leaves"):
        read(step)


def test_an_edited_state_is_noticed(step):
    file = step / "kdist.json"
    file.write_text(file.read_text().replace('"step": 1', '"step": 2'))
    with pytest.raises(CheckpointError, match="checksum"):
        read(step)


def test_a_later_format_is_refused_with_its_version(step):
    from kdist.checkpoint import layout

    body = layout.unseal((step / "kdist.json").read_bytes(), "kdist.json")
    (step / "kdist.json").write_text(layout.seal({**body, "format_version": 99}))
    with pytest.raises(CheckpointError, match="version 99"):
        read(step)


def test_keys_are_found_below_an_index_of_several_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(
        engine, "OCDBT_CONFIG", {**engine.OCDBT_CONFIG, "max_decoded_node_bytes": 500}
    )
    leaves = {("block", f"w{i:03d}"): whole_leaf(ARRAY + i, True) for i in range(40)}
    Checkpointer(tmp_path).save(1, leaves)
    base = {"driver": "file", "path": f"{tmp_path}/1/state/"}
    found = engine.locate_keys(base, "block.w017/")
    assert set(found) == {"block.w017/.zarray", "block.w017/0.0"}
    name, start, length = found["block.w017/0.0"]
    assert (tmp_path / "1/state" / name).stat().st_size >= start + length
