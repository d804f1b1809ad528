"""python -m ganzoo.cli"""

from ganzoo.cli import main

if __name__ == "__main__":
    main()
