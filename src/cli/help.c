/* The texts made from the verbs' tables: overview, --help, man pages and bash completion. */
#include "cli/cli.h"

#include <galen/version.h>
#include <string.h>

enum { HELP_COLUMN = 26, HELP_WIDTH = 96, HELP_MAX = 512 };

/* Wraps `text` at words, each line after `indent` blanks; `column` is where the cursor stands now. */
static void put_wrapped(FILE *to, const char *text, int indent, int column) {
    while (*text) {
        if (*text == '\n') {
            bool paragraph = text[1] == '\n';
            fputs(paragraph ? "\n\n" : "\n", to);
            text += paragraph ? 2 : 1;
            column = 0;
            continue;
        }
        int length = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + length > HELP_WIDTH) {
            fputc('\n', to);
            column = 0;
        }
        if (column < indent)
            column += fprintf(to, "%*s", indent - column, "");
        else if (column > indent)
            column += fprintf(to, " ");
        column += fprintf(to, "%.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

/* The title in front of an option, or NULL. Where there are titles the common options are under one of their own. */
static const char *heading_of(const cli_verb *verb, size_t index, const cli_option *option) {
    if (verb->n_headings > 0 && index == verb->n_options) return "Output";
    for (size_t i = 0; i < verb->n_headings && index < verb->n_options; i++)
        if (strcmp(verb->headings[i].option, option->name) == 0) return verb->headings[i].title;
    return NULL;
}

/* What it is, its choices between the two texts, and its default. */
static void describe(const cli_option *option, const char *before, const char *behind, char out[HELP_MAX]) {
    bool listed = option->choices != NULL, known = option->initial != NULL && option->type != CLI_FLAG;
    snprintf(out, HELP_MAX, "%s%s%s%s%s%s%s", option->help, listed ? before : "", listed ? option->choices : "",
             listed ? behind : "", known ? " (default " : "", known ? option->initial : "", known ? ")" : "");
}

static void put_option(FILE *to, const cli_option *option) {
    char help[HELP_MAX];
    int column = fprintf(to, "  ");
    if (option->letter) column += fprintf(to, "-%c, ", option->letter);
    column += fprintf(to, "--%s", option->name);
    if (option->metavar) column += fprintf(to, " %s", option->metavar);
    if (column > HELP_COLUMN - 2) {
        fputc('\n', to);
        column = 0;
    }
    describe(option, "\none of: ", "", help);
    put_wrapped(to, help, HELP_COLUMN, column);
}

static void put_example(FILE *to, const char *example) {
    while (*example) {
        int command = (int)strcspn(example, "\t"), meaning = (int)strcspn(example + command + 1, "\n");
        fprintf(to, "  %.*s\n      %.*s\n", command, example, meaning, example + command + 1);
        example += command + 1 + meaning;
        if (*example) example++;
    }
}

void cli_print_help(FILE *to, const cli_verb *verb) {
    fprintf(to, "galen %s: %s\n\nUse: galen %s [options]%s%s\n\n", verb->name, verb->summary, verb->name,
            *verb->operands ? " " : "", verb->operands);
    put_wrapped(to, verb->text, 0, 0);
    fputs("\nOptions:\n", to);
    cli_option option;
    for (size_t i = 0; cli_option_at(verb, i, &option); i++) {
        const char *heading = heading_of(verb, i, &option);
        if (heading != NULL) fprintf(to, "\n %s:\n", heading);
        put_option(to, &option);
    }
    if (verb->example) {
        fputs("\nExamples:\n", to);
        put_example(to, verb->example);
    }
    fputs("\nExit: 0 done, 1 the answer is no, 2 wrong use, 3 bad input, 4 out of memory or disk\n", to);
}

void cli_print_overview(FILE *to) {
    size_t count;
    const cli_verb *const *verbs = cli_verbs(&count);
    fprintf(
        to,
        "galen %s reads medical images with a classifier, on the hardware you have\n\nUse: galen VERB [options] ...\n\n",
        galen_version());
    for (size_t i = 0; i < count; i++)
        if (!verbs[i]->hidden) fprintf(to, "  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs(
        "\n'galen VERB --help' says more. A first try:\n\n"
        "  galen phantom --count 4 --out pictures && galen predict default pictures\n\n"
        "Environment: GALEN_CPU=reference|avx2|avx512|amx|neon caps the instruction set, GALEN_VERBOSE=info|dispatch\n"
        "explains on stderr, NO_COLOR switches colour off.\n",
        to);
}

/* Text with what roff would take for its own made plain. */
static void put_roff(FILE *to, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        bool line_start = i == 0 || text[i - 1] == '\n';
        if (line_start && (text[i] == '.' || text[i] == '\'')) fputs("\\&", to);
        if (text[i] == '\n' && i + 1 < length && text[i + 1] == '\n')
            fputs("\n.PP", to);
        else if (text[i] == '\n' && i && text[i - 1] != '\n')
            fputs("\n.br\n", to);
        else if (text[i] == '\\')
            fputs("\\e", to);
        else if (text[i] == '-')
            fputs("\\-", to);
        else
            fputc(text[i], to);
    }
}

static void put_roff_text(FILE *to, const char *text) {
    put_roff(to, text, strlen(text));
}

static void man_option(FILE *to, const cli_option *option) {
    char help[HELP_MAX];
    describe(option, " (one of: ", ")", help);
    fputs(".TP\n", to);
    if (option->letter) fprintf(to, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", to);
    put_roff_text(to, option->name);
    fputs("\\fR", to);
    if (option->metavar) fprintf(to, " \\fI%s\\fR", option->metavar);
    fputc('\n', to);
    put_roff_text(to, help);
    fputc('\n', to);
}

static void man_tail(FILE *to) {
    fputs(
        ".SH EXIT STATUS\n0 done, 1 the answer is no, 2 wrong use, 3 bad input, 4 out of memory or disk.\n"
        ".SH ENVIRONMENT\n.TP\n\\fBGALEN_CPU\\fR\nThe highest instruction set to use: reference, avx2, avx512, amx or (on aarch64) neon.\n"
        ".TP\n\\fBGALEN_VERBOSE\\fR\ninfo or dispatch: explains on standard error what is done and why.\n"
        ".TP\n\\fBNO_COLOR\\fR\nNo colour, whatever its value.\n",
        to);
}

static void man_overview(FILE *to) {
    size_t count;
    const cli_verb *const *verbs = cli_verbs(&count);
    fprintf(to,
            ".TH GALEN 1 \"\" \"Galen %s\" \"Galen\"\n.SH NAME\ngalen \\- reads medical images with a classifier\n"
            ".SH SYNOPSIS\n\\fBgalen\\fR \\fIVERB\\fR [\\fIoptions\\fR] ...\n.SH VERBS\n",
            galen_version());
    for (size_t i = 0; i < count; i++) {
        if (verbs[i]->hidden) continue;
        fprintf(to, ".TP\n\\fB%s\\fR\n", verbs[i]->name);
        put_roff_text(to, verbs[i]->summary);
        fprintf(to, "; see galen\\-%s(1)\n", verbs[i]->name);
    }
    man_tail(to);
}

void cli_print_man(FILE *to, const cli_verb *verb) {
    if (!verb) {
        man_overview(to);
        return;
    }
    fprintf(to, ".TH \"galen\\-%s\" 1 \"\" \"Galen %s\" \"Galen\"\n.SH NAME\ngalen\\-%s \\- ", verb->name,
            galen_version(), verb->name);
    put_roff_text(to, verb->summary);
    fprintf(to, "\n.SH SYNOPSIS\n\\fBgalen %s\\fR [\\fIoptions\\fR] ", verb->name);
    put_roff_text(to, verb->operands);
    fputs("\n.SH DESCRIPTION\n", to);
    put_roff_text(to, verb->text);
    fputs("\n.SH OPTIONS\n", to);
    cli_option option;
    for (size_t i = 0; cli_option_at(verb, i, &option); i++) {
        const char *heading = heading_of(verb, i, &option);
        if (heading != NULL) fprintf(to, ".SS %s\n", heading);
        man_option(to, &option);
    }
    if (verb->example) fputs(".SH EXAMPLES\n", to);
    for (const char *at = verb->example; at && *at;) {
        size_t command = strcspn(at, "\t"), meaning = strcspn(at + command + 1, "\n");
        fputs(".TP\n\\fB", to);
        put_roff(to, at, command);
        fputs("\\fR\n", to);
        put_roff(to, at + command + 1, meaning);
        fputc('\n', to);
        at += command + 1 + meaning;
        if (*at) at++;
    }
    man_tail(to);
}

static void print_verbs(FILE *to) {
    size_t count;
    const cli_verb *const *verbs = cli_verbs(&count);
    const char *between = "";
    for (size_t i = 0; i < count; i++) {
        if (verbs[i]->hidden) continue;
        fprintf(to, "%s%s", between, verbs[i]->name);
        between = " ";
    }
}

static void bash_verb(FILE *to, const cli_verb *verb) {
    cli_option option;
    fprintf(to, "    %s)\n        case $previous in\n", verb->name);
    for (size_t i = 0; cli_option_at(verb, i, &option); i++) {
        if (option.type == CLI_FLAG) continue;
        fprintf(to, "        --%s", option.name);
        if (option.letter) fprintf(to, " | -%c", option.letter);
        if (option.choices)
            fprintf(to, ") COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", option.choices);
        else if (option.type == CLI_PATH)
            fputs(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", to);
        else
            fputs(") COMPREPLY=(); return ;;\n", to);
    }
    fputs("        esac\n        options='", to);
    for (size_t i = 0; cli_option_at(verb, i, &option); i++) fprintf(to, "%s--%s", i ? " " : "", option.name);
    fputs("'\n        words='", to);
    if (verb->operand_verbs)
        print_verbs(to);
    else if (verb->operand_words)
        fputs(verb->operand_words, to);
    fputs("'\n        ;;\n", to);
}

void cli_print_bash(FILE *to) {
    size_t count;
    const cli_verb *const *verbs = cli_verbs(&count);
    fputs("# bash completion for galen, made by 'galen completion bash'\n_galen() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options= words=\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n        COMPREPLY=($(compgen -W '",
          to);
    print_verbs(to);
    fputs(" --help --version' -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", to);
    for (size_t i = 0; i < count; i++)
        if (!verbs[i]->hidden) bash_verb(to, verbs[i]);
    fputs("    esac\n    case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
          "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\")) ;;\n    esac\n}\n"
          "complete -o filenames -F _galen galen\n",
          to);
}
