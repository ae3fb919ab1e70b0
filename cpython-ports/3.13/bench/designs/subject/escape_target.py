"""What is imported: the name is read in every way that escapes.py knows."""
