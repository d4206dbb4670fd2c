/* Reads a command line by a verb's table. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const cli_value *cli_get(const cli_args *args, const char *option) {
    static const cli_value unset;
    cli_option row;
    for (size_t i = 0; i < args->verb->n_options && cli_option_at(args->verb, i, &row); i++)
        if (!strcmp(row.name, option)) return &args->value[i];
    return &unset;
}

long long cli_number(const cli_args *args, const char *option, long long otherwise) {
    const cli_value *value = cli_get(args, option);
    return value->set ? value->number : otherwise;
}

bool cli_join(const cli_value *value, char *out, size_t size) {
    size_t used = 0;
    *out = 0;
    for (int i = 0; i < value->n_list; i++) {
        size_t length = strlen(value->part[i]);
        if (length + 1 > size - used) return false; /* the comma before the next, or the end */
        memcpy(out + used, value->part[i], length);
        used += length + 1;
        out[used - 1] = i + 1 < value->n_list ? ',' : 0;
    }
    return true;
}

/* Levenshtein distance, for words shorter than the row. */
static size_t distance(const char *a, const char *b) {
    enum { MAX = 32 };
    size_t n = strlen(a), m = strlen(b), row[MAX + 1];
    if (n > MAX || m > MAX) return MAX;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *text, const char *const *words) {
    const char *best = NULL;
    size_t least = 3; /* two slips of the finger at most */
    for (; *words; words++) {
        size_t d = distance(text, *words);
        if (d < least && d < strlen(*words)) {
            least = d;
            best = *words;
        }
    }
    return best;
}

static bool find_long(const cli_verb *verb, const char *name, size_t length, cli_option *out, size_t *index) {
    for (*index = 0; cli_option_at(verb, *index, out); (*index)++)
        if (strlen(out->name) == length && !strncmp(out->name, name, length)) return true;
    return false;
}

static bool find_letter(const cli_verb *verb, char letter, cli_option *out, size_t *index) {
    for (*index = 0; cli_option_at(verb, *index, out); (*index)++)
        if (out->letter && out->letter == letter) return true;
    return false;
}

static cli_exit unknown(const cli_args *args, const char *word) {
    const char *names[CLI_MAX_OPTIONS + 3];
    size_t n = 0;
    for (cli_option option; n + 1 < sizeof names / sizeof *names && cli_option_at(args->verb, n, &option); n++)
        names[n] = option.name;
    names[n] = NULL;
    const char *near = word[0] == '-' && word[1] == '-' ? cli_nearest(word + 2, names) : NULL;
    if (near) return cli_fail(args, CLI_USAGE, "unknown option '%s'; did you mean '--%s'?", word, near);
    return cli_fail(args, CLI_USAGE, "unknown option '%s'; see 'galen %s --help'", word, args->verb->name);
}

/* One whole number at `text`, up to a comma or the end. */
static bool read_number(const char *text, const cli_option *option, long long *out, const char **end) {
    char *stop;
    if (*text != '-' && (*text < '0' || *text > '9')) return false;
    errno = 0;
    *out = strtoll(text, &stop, 10);
    *end = stop;
    return !errno && stop != text && *out >= option->low && *out <= option->high;
}

static cli_exit bad_number(const cli_args *args, const cli_option *option, const char *text) {
    return cli_fail(args, CLI_USAGE, "--%s wants %s from %lld to %lld, not '%s'", option->name,
                    option->type == CLI_INTS ? "up to 16 whole numbers, separated by commas, each" : "a whole number",
                    option->low, option->high, text);
}

static bool has_word(const char *words, const char *word) {
    size_t length = strlen(word);
    for (const char *at = words; length && (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

static cli_exit add_part(const cli_args *args, const cli_option *option, const char *text, cli_value *value) {
    if (value->n_list == CLI_MAX_LIST)
        return cli_fail(args, CLI_USAGE, "--%s is given more than %d times: give several at once, with commas between",
                        option->name, CLI_MAX_LIST);
    value->part[value->n_list++] = text;
    return CLI_DONE;
}

static cli_exit set_value(const cli_args *args, const cli_option *option, const char *text, cli_value *value) {
    const char *end = text;
    value->set = true;
    value->text = text;
    switch (option->type) {
    case CLI_FLAG: return CLI_DONE;
    case CLI_INT:
        if (!read_number(text, option, &value->number, &end) || *end) return bad_number(args, option, text);
        return CLI_DONE;
    case CLI_INTS:
        for (;;) {
            if (value->n_list == CLI_MAX_LIST || !read_number(end, option, &value->list[value->n_list++], &end))
                return bad_number(args, option, text);
            if (!*end) return CLI_DONE;
            if (*end++ != ',') return bad_number(args, option, text);
        }
    case CLI_CHOICE:
        if (!has_word(option->choices, text))
            return cli_fail(args, CLI_USAGE, "--%s is one of: %s; not '%s'", option->name, option->choices, text);
        return CLI_DONE;
    case CLI_LIST:
    case CLI_TEXT:
    case CLI_PATH:
        if (!*text) return cli_fail(args, CLI_USAGE, "--%s wants %s, not an empty text", option->name, option->metavar);
        return option->type == CLI_LIST ? add_part(args, option, text, value) : CLI_DONE;
    }
    return CLI_DONE;
}

/* Handles argv[*at], an option; moves *at over its value. */
static cli_exit read_option(int argc, char **argv, int *at, cli_args *args) {
    char *word = argv[*at];
    bool is_long = word[1] == '-';
    const char *text = is_long ? strchr(word, '=') : (word[2] ? word + 2 : NULL);
    size_t index, length = is_long ? (text ? (size_t)(text - word) : strlen(word)) - 2 : 1;
    if (is_long && text) text++;
    cli_option option;
    if (!(is_long ? find_long(args->verb, word + 2, length, &option, &index)
                  : find_letter(args->verb, word[1], &option, &index)))
        return unknown(args, word);
    if (option.type == CLI_FLAG) {
        if (text) return cli_fail(args, CLI_USAGE, "--%s takes no value", option.name);
    } else if (!text) {
        if (*at + 1 >= argc)
            return cli_fail(args, CLI_USAGE, "--%s wants a value: --%s %s", option.name, option.name, option.metavar);
        text = argv[++*at];
    }
    if (index < args->verb->n_options) return set_value(args, &option, text, &args->value[index]);
    if (!strcmp(option.name, "json"))
        args->json = true;
    else
        args->help = true;
    return CLI_DONE;
}

cli_exit cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *args) {
    bool only_operands = false;
    args->verb = verb;
    args->operand = argv;
    for (int i = 0; i < argc; i++) /* known before the first complaint, which is JSON too then */
        if (!strcmp(argv[i], "--json"))
            args->json = true;
        else if (!strcmp(argv[i], "--"))
            break;
    for (int i = 0; i < argc; i++) {
        if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
            argv[args->n_operand++] = argv[i];
        } else if (!strcmp(argv[i], "--")) {
            only_operands = true;
        } else {
            cli_exit code = read_option(argc, argv, &i, args);
            if (code != CLI_DONE) return code;
        }
    }
    if (args->help) return CLI_DONE;
    if (args->n_operand < verb->min_operands)
        return cli_fail(args, CLI_USAGE, "too few arguments; use: galen %s %s (more: galen %s --help)", verb->name,
                        verb->operands, verb->name);
    if (verb->max_operands >= 0 && args->n_operand > verb->max_operands)
        return cli_fail(args, CLI_USAGE, "'%s' is one argument too many; use: galen %s %s (more: galen %s --help)",
                        args->operand[verb->max_operands], verb->name, verb->operands, verb->name);
    return CLI_DONE;
}
