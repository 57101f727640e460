"""The rows of a set in no order, each under a transaction id of 36 characters: shuffle.py FROM TO

What was a duplicate stays one, an empty id stays empty, and so the truth is the same.
"""
import hashlib, pathlib, random, shutil, sys, uuid

source, target = (pathlib.Path(argument) for argument in sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
header, *lines = (source / "sales.csv").read_text().splitlines()
random.Random(7).shuffle(lines)


def long_key(line):
    key, _, rest = line.partition(",")
    return f"{uuid.UUID(bytes=hashlib.md5(key.encode()).digest())},{rest}" if key else line


with open(target / "sales.csv", "w") as out:
    out.write(header + "\n")
    out.writelines(long_key(line) + "\n" for line in lines)
for name in ("products.json", "customers.json"):
    shutil.copyfile(source / name, target / name)
shutil.copyfile(source / "truth.json", target / "truth.json")
