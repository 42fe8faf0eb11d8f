"""Runs the agent's tests, a module in a process of its own each: they wait for services more than they work."""

import concurrent.futures
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent


def run(module):
    done = subprocess.run([sys.executable, "-m", "unittest", module], cwd=FOLDER, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    return module, done.returncode, done.stdout + done.stderr


def main():
    modules = sorted(path.stem for path in FOLDER.glob("test_*.py"))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(run, modules))
    ran = 0
    for module, status, output in results:
        count = re.search(r"^Ran (\d+) test", output, re.MULTILINE)
        ran += int(count[1]) if count else 0
        print(output if status else f"{module}: {output.strip().splitlines()[-1]}, {count[0] if count else 'nothing'}")
    failed = [module for module, status, _ in results if status]
    print(f"Agent: {ran} tests ran, {'all is well' if not failed else 'failures in ' + ', '.join(failed)}")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
