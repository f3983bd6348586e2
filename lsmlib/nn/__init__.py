"""What every model is built of: attention and layer norm, exact everywhere and fast on the machine at hand.

``attention`` itself is imported from ``lsmlib.nn.attention``, the module whose name it shares.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
