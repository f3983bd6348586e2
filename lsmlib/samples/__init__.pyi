from .actigraphy import write_actigraphy as write_actigraphy
