"""Random numbers and their seeds. The names and signatures are those of `keras.random`."""

from __future__ import annotations

from kdist.core import registry
from kdist.random.draws import beta as beta
from kdist.random.draws import binomial as binomial
from kdist.random.draws import categorical as categorical
from kdist.random.draws import dropout as dropout
from kdist.random.draws import gamma as gamma
from kdist.random.draws import normal as normal
from kdist.random.draws import randint as randint
from kdist.random.draws import shuffle as shuffle
from kdist.random.draws import truncated_normal as truncated_normal
from kdist.random.draws import uniform as uniform
from kdist.random.seed_generator import SeedGenerator as SeedGenerator
from kdist.random.seed_generator import draw_seed as draw_seed
from kdist.random.seed_generator import global_seed_generator as global_seed_generator
from kdist.random.seed_generator import make_default_seed as make_default_seed
from kdist.random.set_seed import set_random_seed as set_random_seed

registry.publish("keras.random", {"SeedGenerator": SeedGenerator})
