"""What threads share: wake-ups, a mailbox, timers, pauses between attempts and a fair lock.

Nothing here knows modules or hardware.
"""
