"""What a Cohort or a model knows: baselines, probes and scores, always split by person; and how real a Cohort looks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
