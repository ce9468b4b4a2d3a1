"""The cost of a cold start: CPU and wall milliseconds from a process's start to its first image or its first answer.

Run as ``python -m bench.coldstart``, with ops/build/locks/bench.txt installed. Every way is a new process on one
core with the function's environment and the doubles of bench.pipeline, without latency; CPU includes children. Lambda's
own work before that is not measured. In reading order: `ways` (the scripts), `lines` (the cost of log lines and
metrics), `__main__` (the command).
"""
