"""`Layer`: state and computation, from which all layers and models are made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kdist import constraints, dtype_policies, initializers, regularizers
from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core import dtypes, masks, scopes, tree
from kdist.core.graph import KerasTensor, Node, any_symbolic
from kdist.core.tracebacks import shorten
from kdist.layers.calling import CallSignature, context
from kdist.layers.convert import convert_input
from kdist.layers.input_spec import assert_input_compatibility
from kdist.layers.masking import attach_masks, hands_on_masks, lacks_mask, take_masks
from kdist.layers.penalties import Penalties
from kdist.layers.remat import RematMode, enroll
from kdist.layers.shapes import fit_shapes, is_shape, shapes_of
from kdist.layers.state import LayerState
from kdist.layers.stateless import Stateless
from kdist.layers.symbolic import Symbolic
from kdist.ops.operation import Operation

_CHECKED_LIMIT = 64  # distinct input shapes remembered as compatible


def _build_once(build: Callable) -> Callable:
    """A `build` that runs in the layer's name scope, records its shapes, and marks the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        outermost = not self._building
        self._building = True
        try:
            with scopes.name_scope(self.name, caller=self):
                if outermost:
                    self._path = scopes.current_path()
                    self._remember_shapes(build, args, kwargs)
                build(self, *args, **kwargs)
        finally:
            if outermost:
                self._building = False
        if outermost:
            self.built = True

    wrapper._is_build = True  # type: ignore[attr-defined]
    return wrapper


class Layer(LayerState, Penalties, Symbolic, Stateless, backend.LayerBase, Operation):
    """A computation with state: `call` computes, `build` creates the variables once the input's shape is known.

    The story of a call is told here, from `__call__` on. Beside it: what a layer holds (`LayerState`), what it adds to
    the loss (`Penalties`), what it gives for symbolic tensors (`Symbolic`), and as a pure function (`Stateless`).

    Arguments:
        activity_regularizer: a regularizer of the output, added to `losses`.
        trainable: whether its variables are trained.
        dtype: a dtype or policy: what it computes in and what its variables are stored in.
        autocast: cast float inputs to the compute dtype.
        name: unique within a model; made up from the class if absent.

    Example:
        class Scale(Layer):
            def build(self, input_shape):
                self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
            def call(self, inputs):
                return inputs * self.factor
    """

    # Properties that files look for state in, besides the attributes.
    _saved_parts: tuple[str, ...] = ()
    # What the `RematScope` in which the layer was made says; None outside of any.
    remat_mode: RematMode | None = None
    _only_connects = False  # a model, which computes nothing beside its layers

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__ and not getattr(cls.__dict__["build"], "_is_build", False):
            cls.build = _build_once(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        input_shape = kwargs.pop("input_shape", None)
        input_dim = kwargs.pop("input_dim", None)
        if kwargs:
            raise ValueError(
                f"{type(self).__name__} does not know the argument(s) {sorted(kwargs)}."
            )
        LayerState.__init__(self)
        backend.LayerBase.__init__(self)
        Operation.__init__(self, name)
        # Read by Sequential.
        self.input_shape_argument = (input_dim,) if input_dim is not None else input_shape
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = dtype
        self.autocast = autocast
        self._trainable = bool(trainable)
        self.built = False
        self._building = False
        self._called = False
        self._settled = False  # called before, and with nothing to do around a call
        self._path: str | None = None
        self._build_shapes: dict | None = None
        self.input_spec: Any = None
        compute_mask = type(self).compute_mask
        self.supports_masking = compute_mask is not Layer.compute_mask
        self._makes_mask = self.supports_masking and not hands_on_masks(compute_mask)
        self._convert_input_args = True
        self._call_signature = CallSignature(self.call)
        self._checked_shapes: set = set()
        enroll(self)

    # ---- what a subclass gives
    def build(self, input_shape: Any) -> None:
        """Create the variables, for inputs of `input_shape` (with the batch, None where unknown).

        By default: nothing, or what running `call` on a symbolic input creates in sublayers.
        """
        self._building = True
        try:
            if (
                any(not layer.built for layer in self._layers)
                and type(self).call is not Layer.call
                and is_shape(input_shape)
            ):
                with scopes.name_scope(self.name, caller=self):
                    self.compute_output_spec(KerasTensor(input_shape, self.compute_dtype))
        finally:
            self._building = False
        if self._build_shapes is None:
            self._build_shapes = {"input_shape": input_shape}
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} (layer {self.name!r}) does not define call()."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The output's mask, for `inputs` that have `previous_mask`.

        Overriding it declares that the layer supports masks.
        """
        return previous_mask

    # ---- dtype
    @property
    def dtype_policy(self) -> Any:
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        self._dtype_policy = dtype_policies.get(policy)
        compute_dtype = self._dtype_policy.compute_dtype
        self._mixed = compute_dtype != self._dtype_policy.variable_dtype
        self._float_dtype = compute_dtype if dtypes.is_float(compute_dtype) else None
        self._settled = self._called = False

    @property
    def compute_dtype(self) -> str:
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self._dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        return self.variable_dtype

    @property
    def input_dtype(self) -> str:
        return self.compute_dtype

    # ---- variables
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Create a variable of this layer.

        Arguments:
            shape: tuple of int; () if absent.
            initializer: name or object; default: Glorot uniform for floats, zeros otherwise.
            dtype: its name; default: the dtype policy's for variables.
            trainable: whether optimizers update it.
            autocast: whether `call` reads a float value in the compute dtype.
            regularizer: penalises the value, in `losses`.
            constraint: projects the value after each update.
            aggregation: how differing values of replicas combine.
            overwrite_with_gradient: whether an optimizer sets it to its gradient.
            name: default: "variable".
        """
        shape = () if shape is None else tuple(shape)
        dtype = dtypes.standardize_dtype(dtype) if dtype is not None else self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with scopes.name_scope(self.name, caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape,
                dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._track(name or variable.name, variable)
        return variable

    # ---- calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if context.entry is not None:
            if self._settled and args and not kwargs and self._is_ordinary(args):
                training = context.training
                if training is None or not self._call_signature.has_training:
                    return self._run(*args)
                return self._run(*args, training=training)
            return self._call_carefully(args, kwargs)
        try:
            return self._call_carefully(args, kwargs)
        except Exception as error:
            shorten(error)
            raise

    def _is_ordinary(self, args: tuple) -> bool:
        """Whether a call inside another one's has nothing to do but run.

        That is: tensors, or lists of them, of the right dtype, the first of a shape that was checked
        before, and no masks anywhere. Eager training spends its time between layers otherwise.
        """
        if masks._in_use or scopes.local.autocast is not None:
            return False
        for arg in args:
            for x in arg if type(arg) is list else (arg,):
                if not backend.is_tensor(x):
                    return False
                given = backend.dtype_of(x)
                if given != self._dtype_policy.compute_dtype and given in dtypes.FLOATS:
                    return False
        if self.input_spec is None:
            return True
        return type(args[0]) is not list and tuple(args[0].shape) in self._checked_shapes

    def _call_carefully(self, args: tuple, kwargs: dict) -> Any:
        """Any call: convert the inputs, check them, build, run in the context of the calls around, record the node."""
        symbolic = any_symbolic(args) or (bool(kwargs) and any_symbolic(kwargs.values()))
        # The node holds the caller's own arguments: no casts, no default of training=.
        given = (args, dict(kwargs)) if symbolic else None
        if self._convert_input_args:
            dtype = self._float_dtype if self.autocast else None
            args = tuple(convert_input(a, dtype) for a in args)
            if kwargs:
                kwargs = {
                    k: v if k == "training" else convert_input(v, dtype) for k, v in kwargs.items()
                }
        signature = self._call_signature
        if self.input_spec is not None:
            self._check(args[0] if args else kwargs.get(signature.first))
        if not self.built:
            self._build_for(args, kwargs)

        outermost = context.entry is None
        inherited = context.training
        training = kwargs.get("training")
        if training is None:
            training = inherited if inherited is not None else signature.training_default
        if signature.has_training:
            if training is not None:
                kwargs["training"] = training
        elif "training" in kwargs and not signature.takes_any:
            del kwargs["training"]
        previous_mask = take_masks(signature, args, kwargs) if masks._in_use else None

        if outermost:
            context.entry, context.token = self, object()
            object.__setattr__(self, "_root_token", context.token)
        context.training = training
        try:
            if not self._called or self._mixed or scopes.local.autocast is not None:
                outputs = self._call_in_scopes(args, kwargs, symbolic)
            elif symbolic:
                outputs = self.compute_output_spec(*args, **kwargs)
            else:
                outputs = self._run(*args, **kwargs)
            if self.activity_regularizer is not None and not symbolic:
                self._add_activity_loss(outputs)
            if (
                (previous_mask is not None or self._makes_mask)
                and self.supports_masking
                and lacks_mask(outputs)
            ):
                first = args[0] if args else kwargs.get(signature.first)
                attach_masks(outputs, self.compute_mask(first, previous_mask))
        finally:
            context.training = inherited
            if outermost:
                context.entry = None
        if given is not None:
            Node(self, *given, outputs)
        return outputs

    def _call_in_scopes(self, args: tuple, kwargs: dict, symbolic: bool) -> Any:
        """The first call, in whose name scope sublayers build themselves, and calls that cast variables."""
        autocast = self._float_dtype if self.autocast and self._mixed else None
        with scopes.name_scope(self.name, caller=self), scopes.autocast_scope(autocast):
            if self._path is None:
                self._path = scopes.current_path()
            if symbolic:
                outputs = self.compute_output_spec(*args, **kwargs)
            else:
                outputs = self._run(*args, **kwargs)
        self._called = True
        self._settled = not (
            self._mixed
            or (self._makes_mask and self.supports_masking)
            or self.activity_regularizer is not None
            or self._call_signature.training_default is not None
        )
        return outputs

    def _check(self, inputs: Any) -> None:
        shape = getattr(inputs, "shape", None)
        if shape is not None:
            shape = tuple(shape)
            if shape in self._checked_shapes:
                return
        assert_input_compatibility(self.input_spec, inputs, self.name)
        if shape is not None and tree.flatten(self.input_spec)[0].dtype is None:
            if len(self._checked_shapes) >= _CHECKED_LIMIT:
                self._checked_shapes.clear()
            self._checked_shapes.add(shape)

    def _build_for(self, args: tuple, kwargs: dict) -> None:
        """Build for the shapes of a call's arguments."""
        shapes = shapes_of(self._call_signature.tensor_arguments(args, kwargs))
        if type(self).build is not Layer.build:
            self.build(**fit_shapes(self.build, shapes, self.name))
            return
        # Sublayers without shapes of their own build themselves when the first call reaches them.
        if len(shapes) == 1:
            shapes = {"input_shape": next(iter(shapes.values()))}
        self._build_shapes = shapes
        self.built = True

    # ---- config
    def get_config(self) -> dict:
        """The arguments of `__init__`, as plain data; enough for `from_config` to make an equal layer."""
        config = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            config = {**self._init_config(), **config}
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """A layer from `config`, what `get_config` returned."""
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = dtype_policies.get(config["dtype"])
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
