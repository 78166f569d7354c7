"""LIN, spoken by the bridge as the master of a bus, or overheard by it.

1. ``frames`` knows what bytes mean, ``framer`` finds frames in a stream; both know no time.
2. ``master`` is the only file that sends; ``schedule`` says when, ``listening`` tells what was
   heard.
3. None of them knows a product.
"""
