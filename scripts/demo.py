"""What `make demo` shows: the example shop, one rule's page, and a real public application."""

import subprocess
import sys
from pathlib import Path

from archives import ArchiveError, bring

ROOT = Path(__file__).parent.parent
PERFWRIGHT = Path(sys.executable).with_name("perfwright")
PUBLIC = "wagtail"
NO_ANSWER = 2


def show(title: str, *arguments: str, folder: Path = ROOT) -> None:
    """Run perfwright where it can be seen; findings are what a demo wants, no answer is a failure."""
    command = ["perfwright", *arguments]
    print(f"\n--- {title}\n$ cd {folder.relative_to(ROOT)} && {' '.join(command)}\n", flush=True)
    status = subprocess.run([PERFWRIGHT, *arguments], cwd=folder, check=False).returncode
    if status >= NO_ANSWER:
        sys.exit(f"perfwright gave no answer (exit {status}).")


def main() -> None:
    # Exit 1 means findings, but also a broken installation: tell them apart before the first check.
    subprocess.run([PERFWRIGHT, "--version"], check=True, stdout=subprocess.DEVNULL)
    show("A small shop, written the way assistants write", "check", ".", folder=ROOT / "examples" / "shop")
    show("The page of one rule", "explain", "n-plus-one-query")
    try:
        public = bring(PUBLIC)
    except ArchiveError as error:
        sys.exit(f"The shop was checked; the public application was not: {error}")
    show(
        "A public application nobody here wrote, its five costliest findings", "check", ".", "--top", "5", folder=public
    )


if __name__ == "__main__":
    main()
