"""What running this costs: what is asked of Azure, measured, and what Azure bills for it; see `month` and `run`."""
