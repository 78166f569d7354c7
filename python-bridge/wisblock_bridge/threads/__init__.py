"""What threads need between them: wake-up events, a mailbox, timers, a fair lock, back-offs.

It knows nothing of modules or clients, and imports errors and the clock only.
"""
