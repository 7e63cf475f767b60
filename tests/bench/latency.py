#!/usr/bin/python3
"""latency.py ROWS MODEL TABLE: milliseconds from a line's write to a log to its score on standard output.

The rows of the table are written one by one, each after the last one was answered and a pause, to a log that
`tail -F` and `tail -n +1 -f` follow into vae-score; then the same through a pipe, which is vae-score's own part.
"""
import subprocess
import sys
import time

n, model, table = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(table) as f:
    header, *rows = f.read().splitlines(keepends=True)
score = ["vae-score", "-q", "-m", model]


def measure(name, write, answers):
    answers.readline(), answers.readline()  # the header, and the row that was there at first
    took = []
    for i in range(n):
        time.sleep(0.05)
        start = time.perf_counter()
        write(rows[(i + 1) % len(rows)])
        if not answers.readline():
            sys.exit(f"latency.py: {name}: no answer")
        took.append(1e3 * (time.perf_counter() - start))
    took.sort()
    print(f"{name}: median {took[n // 2]:.2f} ms, 99 % within {took[n * 99 // 100]:.2f}, all within {took[-1]:.2f}")


for options in ["-n +1 -F", "-n +1 -f"]:
    with open("latency.log", "w", buffering=1) as log:
        log.write(header + rows[0])
        tail = subprocess.Popen(["tail", *options.split(), "latency.log"], stdout=subprocess.PIPE)
        p = subprocess.Popen(score, stdin=tail.stdout, stdout=subprocess.PIPE, text=True)
        measure(f"tail {options}", log.write, p.stdout)
        tail.kill()
        tail.wait()
        p.wait()
p = subprocess.Popen(score, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
p.stdin.write(header + rows[0])
measure("a pipe", p.stdin.write, p.stdout)
p.stdin.close()
p.wait()
