"""`python -m kdist.cli`: the `kdist` command where it is not installed as one."""

from kdist.cli.app import main

if __name__ == "__main__":
    main()
