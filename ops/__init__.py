"""The workshop: the tools people use on their own machine; never packaged, and nothing imports it."""
