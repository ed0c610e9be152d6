"""packetdrill scripts in virtual time: grammar, syntax tree, system calls, runner, differences."""
