/* The command's entry point. */
#include "cli/cli.h"

#include <signal.h>

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a write past the limit of a file's size fails and is reported like any other */
    return cli_main(argc, argv);
}
