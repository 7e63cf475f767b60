#!/usr/bin/python3
"""startup.py N COMMAND...: wall time and peak memory of a whole process, over N runs after two that do not count."""
import os
import subprocess
import sys
import time

n, command = int(sys.argv[1]), sys.argv[2:]
times, memory = [], []
for i in range(n + 2):
    start = time.perf_counter()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"startup.py: {command[0]} failed")
    if i >= 2:
        times.append(1e3 * (time.perf_counter() - start))
        memory.append(usage.ru_maxrss / 1024)
times.sort()
print(f"{' '.join(command)}: median {times[n // 2]:.1f} ms (from {times[0]:.1f} to {times[-1]:.1f}), {max(memory):.1f} MB")
