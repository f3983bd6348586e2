from . import datasets as datasets
from . import evaluate as evaluate
from . import nn as nn
from . import plots as plots
from . import plots_generative as plots_generative
from . import plots_models as plots_models
