"""The parts of NFC readers: their field, the card on it, and how cards are set up."""
