summary Debuggers and tracers: they start and look into programs, which therefore share their wall
program gdb gdbserver lldb lldb-[0-9]* strace ltrace valgrind rr perf cgdb
include builder
allow ptrace
allow read=?~/.gdbinit
allow read=?${CONFIG}/gdb
allow read=?${CACHE}/debuginfod_client
