"""The checker's rules, one file each."""
