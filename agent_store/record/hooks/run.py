"""Where a hook's process begins: python -I -S run.py PROGRAM, with the event on standard input.

Whatever happens, it ends with 0 and says nothing but an answer: no hook disturbs the session.
"""

import os
import sys


def start() -> None:
    """Run the program from the package that this file lies in. What that package offers its users is not loaded."""
    package = os.path.realpath(__file__).rsplit(os.sep, 3)[0]
    front = type(sys)("agent_store")
    front.__path__ = [package]
    sys.modules["agent_store"] = front
    from agent_store.record.hooks import program

    program.main(sys.argv[1:])


if __name__ == "__main__":
    try:
        start()
    except BaseException:
        pass
    os._exit(0)
