"""The smallest size that tests of everything around a model need."""

from lsmlib.models.sizes import Size
from lsmlib.nn.transformer import Stack

SMALL = Size(Stack(1, 16, 2, 32), Stack(1, 16, 2, 32))
