/* What galen train shows on a terminal, and what Ctrl-C does before there is a step to finish. */
#include "support/command.h"
#include "support/shared.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = 1024, SHOWN = 1 << 20 };

static char table[PATH]; /* truth.csv of the phantoms */

static int draw(void **state) {
    (void)state;
    test_output out;
    test_run_line("phantom --count 24 --size 64 --seed 3 --out {dir}/pictures", "", test_tmp(), NULL, &out);
    int bad = out.exit;
    test_output_free(&out);
    snprintf(table, sizeof table, "%s/pictures/truth.csv", test_tmp());
    return bad;
}

static const char *path_of(const char *folder) {
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", test_tmp(), folder);
    return path;
}

/* A training whose stderr is a terminal of so many columns; *master reads what is shown. */
static pid_t start(const char *folder, const char *model, int columns, int *master) {
    const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0);
    int terminal = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_int_equal(ioctl(*master, TIOCSWINSZ, &size), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL || dup2(terminal, STDERR_FILENO) < 0) _exit(9);
        execl(test_galen(), "galen", "train", table, "--model", model, "--batch", "4", "--epochs", "2", "--val", "0.25",
              "--out", path_of(folder), (char *)NULL);
        _exit(9);
    }
    close(terminal);
    return child;
}

/* Reads until `what` is shown, or the end (NULL). Ends at the latest when the training does. */
static bool read_until(int master, const char *what, char *shown, size_t *n) {
    while (*n < SHOWN - 1) {
        ssize_t got = read(master, shown + *n, SHOWN - 1 - *n); /* EIO when nobody writes any more */
        if (got <= 0) break;
        *n += (size_t)got;
        shown[*n] = '\0';
        if (what != NULL && strstr(shown, what) != NULL) return true;
    }
    return what == NULL;
}

/* Every line that is drawn over fits; returns how many there were. */
static int check_bars(const char *shown, int columns) {
    static const char over[] = "\r\033[K";
    int bars = 0;
    for (const char *at = shown; (at = strstr(at, over)) != NULL;) {
        at += sizeof over - 1;
        size_t length = strcspn(at, "\r\n");
        bool drawn_over = strncmp(at + length, over, sizeof over - 1) == 0;
        if (!drawn_over || length == 0) continue;
        if (length >= (size_t)columns) fail_msg("%d columns: '%.*s'", columns, (int)length, at);
        bars += strncmp(at, "epoch ", 6) == 0;
        assert_true(strncmp(at, "epoch ", 6) != 0 || strstr(at, "loss ") != NULL);
    }
    return bars;
}

static void the_bar_fits_the_terminal(void **state) {
    (void)state;
    static const int widths[] = {200, 80, 60, 40};
    char *shown = malloc(SHOWN);
    assert_non_null(shown);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        char folder[16];
        size_t n = 0;
        int master, status;
        snprintf(folder, sizeof folder, "run%zu", i);
        pid_t child = start(folder, "zoo:cxr-resnet10", widths[i], &master);
        shown[0] = '\0';
        read_until(master, NULL, shown, &n);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(check_bars(shown, widths[i]) >= 4);
        if (widths[i] >= 80) assert_non_null(strstr(shown, "images/s, best "));
        if (widths[i] >= 80) assert_non_null(strstr(shown, "[###"));
        assert_non_null(strstr(shown, " left"));
        close(master);
    }
    free(shown);
}

/* There is nothing to finish yet: the first Ctrl-C ends it, and leaves no folder behind. A network of this size is not
 * put together faster than the signal comes. */
static void before_the_first_step_it_ends_at_once(void **state) {
    (void)state;
    char *shown = malloc(SHOWN);
    size_t n = 0;
    int master, status;
    struct stat st;
    assert_non_null(shown);
    shown[0] = '\0';
    pid_t child = start("early", "zoo:resnet50", 80, &master);
    assert_true(read_until(master, "val: ", shown, &n));
    kill(child, SIGINT);
    read_until(master, NULL, shown, &n);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) fail_msg("it went on: %s", shown);
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_non_null(strstr(shown, "stopped before the first step"));
    assert_int_not_equal(stat(path_of("early"), &st), 0);
    close(master);
    free(shown);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_bar_fits_the_terminal),
                                       cmocka_unit_test(before_the_first_step_it_ends_at_once)};
    return cmocka_run_group_tests(tests, draw, NULL);
}
