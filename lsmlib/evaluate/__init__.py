"""What a Cohort or a model knows: baselines, probes and scores, always split by person."""

from lsmlib.evaluate.features import hand_features as hand_features
from lsmlib.evaluate.learnability import label_table as label_table
