"""What every model is built of: attention and layer norm, exact everywhere and fast on the machine at hand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
