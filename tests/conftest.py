"""Profiles of Hypothesis: the same examples in every run, or new ones each night."""

from hypothesis import HealthCheck, settings

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
