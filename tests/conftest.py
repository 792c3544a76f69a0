"""Settings of the tests.

Hypothesis has two profiles: the same examples in every run, or new ones each night.
"""

import signal

from hypothesis import HealthCheck, settings

# A shell without job control lets its background jobs ignore Ctrl-C, and they hand that
# down to the runs that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are slow at times, which is no failure.
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("default", any_speed, derandomize=True, max_examples=60)
# For the night: `pytest --hypothesis-profile=random`. The blob repeats a failure.
settings.register_profile(
    "random",
    any_speed,
    derandomize=False,
    max_examples=500,
    print_blob=True,
)
settings.load_profile("default")
