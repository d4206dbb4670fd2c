/* The command: finds the verb, reads the environment once, reports errors. */
#include "cli/cli.h"

#include "cli/json.h"

#include <errno.h>
#include <galen/log.h>
#include <galen/version.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_verb *const verb_table[] = {
    &cli_predict, &cli_eval,  &cli_compare, &cli_info,   &cli_profile, &cli_bench, &cli_convert,    &cli_phantom,
    &cli_train,   &cli_audit, &cli_guard,   &cli_report, &cli_doctor,  &cli_help,  &cli_completion, &cli_man,
};

enum { N_VERBS = sizeof verb_table / sizeof *verb_table };

const cli_verb *const *cli_verbs(size_t *count) {
    *count = N_VERBS;
    return verb_table;
}

const cli_verb *cli_verb_find(const char *name) {
    for (size_t i = 0; i < N_VERBS; i++)
        if (!strcmp(verb_table[i]->name, name)) return verb_table[i];
    return NULL;
}

void cli_put_text(FILE *to, const char *text) {
    for (; *text; text++) fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, to);
}

cli_exit cli_exit_of(galen_status status) {
    switch (status) {
    case GALEN_OK: return CLI_DONE;
    case GALEN_ERR_ARGUMENT: return CLI_USAGE;
    case GALEN_ERR_MEMORY:
    case GALEN_ERR_SPACE: return CLI_RESOURCES;
    default: return CLI_INPUT;
    }
}

static cli_exit report(const cli_args *args, cli_exit code, const char *message) {
    fflush(stdout);
    fprintf(stderr, "galen%s%s: ", args->verb ? " " : "", args->verb ? args->verb->name : "");
    cli_put_text(stderr, message);
    fputc('\n', stderr);
    if (args->json) {
        cli_json json = json_start(stdout);
        json_open(&json, NULL, '{');
        json_open(&json, "error", '{');
        json_text(&json, "message", message);
        json_int(&json, "exit", code);
        json_close(&json, '}');
        json_close(&json, '}');
    }
    return code;
}

cli_exit cli_fail(const cli_args *args, cli_exit code, const char *format, ...) {
    char message[GALEN_ERROR_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    return report(args, code, message);
}

cli_exit cli_fail_error(const cli_args *args, const galen_error *err) {
    return report(args, cli_exit_of(err->status), err->message);
}

/* `user` points to the lowest level to print. */
static void print_log(void *user, galen_log_level level, const char *line) {
    if (level < *(const galen_log_level *)user) return;
    fputs(level == GALEN_LOG_WARNING ? "galen: warning: " : "galen: ", stderr);
    cli_put_text(stderr, line);
    fputc('\n', stderr);
}

/* Sets what GALEN_VERBOSE asks for; false for a word it does not know. */
static bool set_verbosity(const char *word) {
    static galen_log_level lowest;
    lowest = GALEN_LOG_WARNING;
    if (word && strcmp(word, "info") == 0) lowest = GALEN_LOG_INFO;
    if (word && strcmp(word, "dispatch") == 0) lowest = GALEN_LOG_DEBUG;
    galen_log_set(print_log, &lowest);
    return !word || !*word || lowest != GALEN_LOG_WARNING;
}

/* GALEN_CPU, GALEN_VERBOSE and NO_COLOR; nothing else of the environment is read anywhere. */
static cli_exit read_environment(cli_args *args) {
    const char *verbose = getenv("GALEN_VERBOSE"), *no_colour = getenv("NO_COLOR");
    galen_error err;
    args->progress = isatty(STDERR_FILENO);
    args->colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
    if (!set_verbosity(verbose))
        return cli_fail(args, CLI_USAGE, "GALEN_VERBOSE: '%s' is not info or dispatch", verbose);
    args->isa = gal_isa_detect();
    args->isa_asked = getenv("GALEN_CPU");
    if (args->isa_asked && *args->isa_asked && gal_isa_parse(args->isa_asked, &args->isa, &err) != GALEN_OK)
        return cli_fail(args, CLI_USAGE, "GALEN_CPU: %s", err.message);
    return CLI_DONE;
}

static cli_exit unknown_verb(const cli_args *args, const char *word) {
    const char *names[N_VERBS + 1];
    for (size_t i = 0; i < N_VERBS; i++) names[i] = verb_table[i]->name;
    names[N_VERBS] = NULL;
    const char *near = cli_nearest(word, names);
    if (near) return cli_fail(args, CLI_USAGE, "there is no verb '%s'; did you mean 'galen %s'?", word, near);
    return cli_fail(args, CLI_USAGE, "there is no verb '%s'; 'galen help' lists them", word);
}

/* A result that did not reach its file is no result. */
static cli_exit flush(const cli_args *args, cli_exit code) {
    if (!fflush(stdout) && !ferror(stdout)) return code;
    int error = errno;
    cli_args plain = *args;
    plain.json = false; /* stdout is what failed */
    return cli_fail(&plain, CLI_RESOURCES, "cannot write the result: %s", strerror(error));
}

static cli_exit run_verb(const cli_verb *verb, int argc, char **argv, cli_args *args) {
    cli_exit code = cli_parse(verb, argc, argv, args);
    if (code != CLI_DONE) return code;
    if (args->help) {
        cli_print_help(stdout, verb);
        return CLI_DONE;
    }
    code = read_environment(args);
    return code == CLI_DONE ? verb->run(args) : code;
}

int cli_main(int argc, char **argv) {
    cli_args args = {0};
    if (argc < 2) {
        cli_print_overview(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        cli_print_overview(stdout);
    } else if (!strcmp(argv[1], "--version")) {
        printf("galen %s\n", galen_version());
    } else {
        const cli_verb *verb = cli_verb_find(argv[1]);
        if (!verb) return unknown_verb(&args, argv[1]);
        return flush(&args, run_verb(verb, argc - 2, argv + 2, &args));
    }
    return flush(&args, CLI_DONE);
}
