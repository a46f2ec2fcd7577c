"""Prints, as JSON, the arrays that stock Orbax restores from a step: a process of its own, with jax."""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
import orbax.checkpoint as ocp

restored = ocp.StandardCheckpointer().restore(sys.argv[1])
flat, _ = jax.tree_util.tree_flatten_with_path(restored)
print(
    json.dumps(
        {
            "/".join(str(k.key) for k in path): [
                list(np.shape(v)),
                float(np.asarray(v, "float64").sum()),
            ]
            for path, v in flat
        }
    )
)
