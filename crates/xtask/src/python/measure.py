"""Runs one command and says what it took, as one JSON object: measure.py COMMAND ARGUMENT…

seconds is wall time, cpu_seconds user and system together, rss_mib the peak of resident memory.
"""
import json, os, subprocess, sys, tempfile, time

RSS_UNITS_A_MIB = 1024 * 1024 if sys.platform == "darwin" else 1024

with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
    os.sync()  # what earlier runs left to write is not this one's to pay for
    started = time.monotonic()
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    text = lambda file: (file.seek(0), file.read().decode("utf-8", "replace"))[1]
    print(json.dumps({
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "rss_mib": used.ru_maxrss / RSS_UNITS_A_MIB,
        "code": os.waitstatus_to_exitcode(status),
        "stdout": text(out),
        "stderr": text(err)[-3000:],
    }))
