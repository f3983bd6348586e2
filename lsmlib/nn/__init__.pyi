from .attention import choose_kernel as choose_kernel
from .memory import keep_freed_memory as keep_freed_memory
from .norm import LayerNorm as LayerNorm
from .positions import sincos_positions as sincos_positions
