/* The command's entry point. */
#include "cli/cli.h"

#include <signal.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a write past the limit of a file's size fails and is reported like any other */
    /* DCMTK would read its dictionary of names, 10 ms and 80,000 allocations that reading pictures has no use for. */
    setenv("DCMDICTPATH", "/dev/null", 0);
    return cli_main(argc, argv);
}
