/* Starting the command and collecting its output. */
#include "support/command.h"

#include "support/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 64, NOBODY = 65534, MAX_SECONDS = 60 };

/* The command lies in the top of the build folder, the test program somewhere below it. */
const char *test_galen(void) {
    static char path[PATH_MAX];
    char folder[PATH_MAX - 8];
    if (path[0]) return path;
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (n < 0) fail_msg("/proc/self/exe: %s", strerror(errno));
    folder[n] = 0;
    for (char *slash; (slash = strrchr(folder, '/'));) {
        *slash = 0;
        snprintf(path, sizeof path, "%s/galen", folder);
        if (access(path, X_OK) == 0) return path;
    }
    fail_msg("build/galen is not there; build it first");
    return NULL;
}

static void become(const test_run_options *o, int out, int err) {
    if (o && o->memory) {
        struct rlimit limit = {o->memory, o->memory};
        setrlimit(RLIMIT_AS, &limit);
    }
    if (o && o->file) {
        struct rlimit limit = {o->file, o->file};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (o && o->as_nobody && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) _exit(126);
    if (o && o->environment) putenv((char *)(uintptr_t)o->environment);
    if (o && o->out_path) out = open(o->out_path, O_WRONLY);
    int in = open("/dev/null", O_RDONLY);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
}

static char *read_all(int fd, size_t *size) {
    char *text = NULL;
    off_t n = lseek(fd, 0, SEEK_END);
    lseek(fd, 0, SEEK_SET);
    text = malloc((size_t)n + 1);
    if (!text || read(fd, text, (size_t)n) != n) fail_msg("cannot read back what the command said");
    text[n] = 0;
    *size = (size_t)n;
    return text;
}

static int temporary(void) {
    FILE *f = tmpfile();
    int fd = f ? dup(fileno(f)) : -1;
    if (fd < 0) fail_msg("no temporary file: %s", strerror(errno));
    fclose(f);
    return fd;
}

void test_run(const char *const *argument, const test_run_options *options, test_output *output) {
    const char *argv[MAX_ARGUMENTS + 2] = {test_galen()};
    int status, out = temporary(), err = temporary();
    for (int i = 0; i < MAX_ARGUMENTS && argument[i]; i++) argv[i + 1] = argument[i];
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become(options, out, err);
        alarm(MAX_SECONDS); /* a command that hangs ends with SIGALRM */
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) fail_msg("cannot run %s: %s", argv[0], strerror(errno));
    output->exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    output->out = read_all(out, &output->out_size);
    output->err = read_all(err, &output->err_size);
    close(out);
    close(err);
}

void test_run_line(const char *line, const char *file, const char *dir, const test_run_options *options,
                   test_output *output) {
    char text[PATH_MAX * 4];
    const char *argument[MAX_ARGUMENTS + 1] = {NULL};
    size_t n = 0, count = 0;
    while (*line && n + PATH_MAX < sizeof text) {
        const char *put = !strncmp(line, "{file}", 6) ? file : !strncmp(line, "{dir}", 5) ? dir : NULL;
        if (put) {
            n += (size_t)snprintf(text + n, PATH_MAX, "%s", put);
            line = strchr(line, '}') + 1;
        } else {
            text[n++] = *line++;
        }
    }
    text[n] = 0;
    for (char *at = text; count < MAX_ARGUMENTS;) {
        at += strspn(at, " ");
        if (!*at) break;
        argument[count++] = at;
        at += strcspn(at, " ");
        if (*at) *at++ = 0;
    }
    test_run(argument, options, output);
}

void test_output_free(test_output *output) {
    free(output->out);
    free(output->err);
    *output = (test_output){0};
}
