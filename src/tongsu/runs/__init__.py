"""Training records (训练记录): the folder of a run, the index over many, and how anything reaches disk."""
