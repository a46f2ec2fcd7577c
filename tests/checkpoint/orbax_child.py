"""Run by test_orbax.py in a process of its own: stock Orbax and jax, and nothing of kdist."""

from __future__ import annotations

import os
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp
import orbax.checkpoint.experimental.v1 as ocp_v1
from jax.sharding import NamedSharding, PartitionSpec


def state() -> dict:
    """The tree that both sides agree on."""
    return {
        "params": {
            "kernel": np.arange(48, dtype=np.float32).reshape(8, 6),
            "half": np.arange(8, dtype=ml_dtypes.bfloat16),
        },
        "seed": np.array([7, 11], dtype=np.uint32),
        "step": np.array(42, dtype=np.int64),
    }


def check(found: dict, what: str) -> None:
    flat, tree = jax.tree.flatten(state())
    found_flat, found_tree = jax.tree.flatten(found)
    assert found_tree == tree, (what, found_tree)
    for expected, value in zip(flat, found_flat, strict=True):
        np.testing.assert_array_equal(np.asarray(value), expected, err_msg=what)
        assert np.asarray(value).dtype == expected.dtype, what
    print("OK", what)


def restore(root: str, step: str) -> None:
    path = f"{root}/{step}"
    mesh = jax.make_mesh((4,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    jax.config.update("jax_enable_x64", True)

    def target(x: np.ndarray) -> jax.ShapeDtypeStruct:
        cut = x.ndim and x.shape[0] % 4 == 0
        spec = PartitionSpec("d") if cut else PartitionSpec()
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=NamedSharding(mesh, spec))

    sharded = jax.tree.map(target, state())
    with ocp.StandardCheckpointer() as c:
        check(c.restore(f"{path}/state"), "StandardCheckpointer")
        found = c.restore(f"{path}/state", sharded)
        check(found, "StandardCheckpointer, sharded")
        assert len(found["params"]["kernel"].addressable_shards) == 4
    with ocp.CheckpointManager(root) as m:
        assert m.all_steps() == [int(step)], m.all_steps()
        args = ocp.args.Composite(state=ocp.args.StandardRestore(sharded))
        check(m.restore(int(step), args=args)["state"], "CheckpointManager")
    check(ocp_v1.load(path, sharded), "v1.load")
    check(ocp_v1.load(path), "v1.load without a target")


def save(root: str) -> None:
    jax.config.update("jax_enable_x64", True)
    mesh = jax.make_mesh((4,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    tree = jax.tree.map(jnp.asarray, state())
    tree["params"]["kernel"] = jax.device_put(
        tree["params"]["kernel"], NamedSharding(mesh, PartitionSpec("d"))
    )
    with ocp.CheckpointManager(root) as m:
        m.save(3, args=ocp.args.StandardSave(tree))
    with ocp.StandardCheckpointer() as c:
        c.save(f"{root}/4", tree)
    ocp_v1.save(f"{root}/5", tree)
    plain = ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_ocdbt=False))
    plain.save(f"{root}/6", args=ocp.args.PyTreeSave(tree))
    zarr3 = ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_zarr3=True))
    zarr3.save(
        f"{root}/7", args=ocp.args.PyTreeSave({"list": [tree["seed"], None], "n": 5, **tree})
    )
    print("OK saved")


if __name__ == "__main__":
    {"restore": restore, "save": save}[sys.argv[1]](*sys.argv[2:])
