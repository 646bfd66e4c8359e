"""The report that people read: one self-contained page of HTML, from plain values."""
