"""Encoders as files that other runtimes load: SavedModel, LiteRT and ONNX, gaps handled inside."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
