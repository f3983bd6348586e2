"""``python -m lsmlib.pretrain``, and nothing else: ``lsmlib.pretrain`` is a function, and must stay one."""

from lsmlib.command import main

if __name__ == "__main__":
    main()
elif __name__ != "__mp_main__":  # what a process started by the command imports it as
    raise ImportError(
        "lsmlib.pretrain is a function: `import lsmlib`, then lsmlib.pretrain(model, …). As a command it is run, not "
        "imported: python -m lsmlib.pretrain --help. Its code is in lsmlib.command"
    )
