"""What every test shares: eight virtual devices on jax, one thread per process, warnings of other libraries that
are not ours to mend.
"""

from __future__ import annotations

import os

os.environ.setdefault("KDIST_BACKEND", "jax")
os.environ.setdefault("KERAS_BACKEND", os.environ["KDIST_BACKEND"])
os.environ.setdefault("KDIST_TRACEBACK_FILTERING", "0")  # a failed test shows all frames
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")
# Compiling takes most of a test's time on jax, and hardly any of it is for fast programs.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
