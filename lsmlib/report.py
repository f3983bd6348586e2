"""``python -m lsmlib.report``, and nothing else: ``lsmlib.report`` is a function, and must stay one."""

from lsmlib.reporting.command import main

if __name__ == "__main__":
    main()
elif __name__ != "__mp_main__":  # what a process started by the command imports it as
    raise ImportError(
        "lsmlib.report is a function: `import lsmlib`, then lsmlib.report(cohort, folder). As a command it is run, not "
        "imported: python -m lsmlib.report --help. Its code is in lsmlib.reporting"
    )
