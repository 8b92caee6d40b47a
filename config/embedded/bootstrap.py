"""Makes .venv, installs the packages of requirements.lock, then runs Python in it: bootstrap.py -m MODULE …

Uses only the standard library and the syntax of Python 3.6, so that an old Python can still say that it is too old.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

try:
    import ensurepip  # noqa: F401  Debian packages it apart from Python, and venv needs it
    import venv
except ImportError:
    venv = None  # type: ignore[assignment]

BASE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(BASE, ".venv")
LOCK = os.path.join(BASE, "requirements.lock")
STAMP = os.path.join(VENV, "installed")
UV_FOLDER = os.path.join(VENV, "uv")  # apart from the packages, so that installing them never removes it
UV = "uv==0.13.8"
OLDEST = (3, 11)
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main(args):
    if sys.version_info < OLDEST:
        run_with_newer_python()
    os.makedirs(VENV, exist_ok=True)
    with open(os.path.join(VENV, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # if make runs twice at once, the second run waits and finds everything done
        python = os.path.join(VENV, "bin", "python")
        wanted = stamp()
        if read(STAMP) != wanted or not os.access(python, os.X_OK):
            make_venv(python)
            install(python)
            with open(STAMP, "w") as file:
                file.write(wanted)
    os.chdir(BASE)
    if args:
        os.execv(python, [python] + args)


def run_with_newer_python():
    for minor in (11, 12, 13, 14):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer] + sys.argv)
    sys.exit(
        f"Tocsin needs Python 3.11 or newer, and {sys.executable} is Python {VERSION}: install a newer one, "
        "or name it with `make PYTHON=…`."
    )


def stamp():
    with open(LOCK, "rb") as file:
        return f"{hashlib.sha256(file.read()).hexdigest()} {VERSION}"


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def make_venv(python):
    if os.access(python, os.X_OK) and read(STAMP).endswith(f" {VERSION}"):
        return
    if venv is None:
        sys.exit(
            f"Tocsin needs Python's venv module, which {sys.executable} lacks: install it "
            "(on Debian and Ubuntu: `apt-get install python3-venv`)."
        )
    say("Making .venv")
    venv.create(VENV, clear=False, symlinks=True, with_pip=True, upgrade_deps=False)


def install(python):
    say("Installing the packages of requirements.lock (once, and again when it changes)")
    uv = shutil.which("uv") or own_uv(python)
    trust = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the machine's certificates, as pip does; the old name too
    command = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK]
    if uv and not subprocess.call(command, env={**trust, **os.environ}):
        return
    say("Installing with pip, which takes longer")
    if pip(python, "install", "--require-hashes", "-r", LOCK):
        sys.exit("The packages could not be installed: pip's message above says why.")


def own_uv(python):
    """The path of uv, installed if necessary; None if it cannot be installed."""
    uv = os.path.join(UV_FOLDER, "bin", "uv")
    if not os.access(uv, os.X_OK):
        pip(python, "install", "--no-deps", "--target", UV_FOLDER, UV)
    return uv if os.access(uv, os.X_OK) else None


def pip(python, *args):
    return subprocess.call([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *args])


def say(text):
    print(f"tocsin: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
