"""How much may be sent: Reno, CUBIC and friends behind one small interface."""
