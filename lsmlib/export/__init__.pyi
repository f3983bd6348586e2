from .encoder import ExportReport as ExportReport
from .encoder import export_encoder as export_encoder
