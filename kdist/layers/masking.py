"""How masks travel through a call: from the inputs to the arguments, and from the layer to its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.core import masks, tree
from kdist.layers.calling import CallSignature


def take_masks(signature: CallSignature, args: tuple, kwargs: dict) -> Any:
    """Fill the mask arguments that `call` has and the caller left out from the masks of the inputs.

    That is `mask` where one argument is a tensor (or a structure of them), and `NAME_mask` beside each argument NAME
    where several are. `kwargs` is changed.

    Returns: the mask before the layer, for its `compute_mask`: `mask` as given, else the first input's; or None.
    """
    arguments = signature.tensor_arguments(args, kwargs)
    if len(arguments) == 1:
        wanted = {} if "mask" in arguments else {"mask": next(iter(arguments.values()))}
    else:
        wanted = {f"{name}_mask": value for name, value in arguments.items()}
    for name, value in wanted.items():
        if name in signature.names and kwargs.get(name) is None:
            mask = _masks_of(value)
            if mask is not None:
                kwargs[name] = mask
    if kwargs.get("mask") is not None:
        return kwargs["mask"]
    return _masks_of(next(iter(arguments.values()), None))


def _masks_of(tensors: Any) -> Any:
    """The masks in the structure of the tensors; None if there are none."""
    if tensors is None:
        return None
    found = tree.map_structure(masks.get_keras_mask, tensors)
    return found if any(m is not None for m in tree.flatten(found)) else None


def lacks_mask(outputs: Any) -> bool:
    """Whether an output has no mask yet: a layer inside may have attached one."""
    return any(masks.get_keras_mask(x) is None for x in tree.flatten(outputs))


def attach_masks(outputs: Any, computed: Any) -> None:
    """Attach the masks that `compute_mask` gave to the outputs that have none."""
    if computed is None:
        return
    for tensor, mask in zip(tree.flatten(outputs), tree.flatten(computed), strict=False):
        if mask is not None and masks.get_keras_mask(tensor) is None:
            masks.set_keras_mask(tensor, mask)


def hands_on(compute_mask: Callable) -> Callable:
    """Mark a `compute_mask` that gives no mask where the inputs have none, so that its layer need not be asked then."""
    compute_mask.hands_on = True  # type: ignore[attr-defined]
    return compute_mask


def hands_on_masks(compute_mask: Callable) -> bool:
    """Whether `hands_on` marked it. One that overrides it is unmarked."""
    return getattr(compute_mask, "hands_on", False)
