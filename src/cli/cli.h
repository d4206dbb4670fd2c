/*
 * The command's own interface: verbs, options and exit codes. One table a verb says everything; parsing, --help, man
 * pages and shell completion are all made from it.
 */
#ifndef GAL_CLI_H
#define GAL_CLI_H

#include "cpu/isa.h"

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum cli_exit {
    CLI_DONE = 0,
    CLI_NO = 1,       /* the answer is no */
    CLI_USAGE = 2,    /* wrong use */
    CLI_INPUT = 3,    /* bad input */
    CLI_RESOURCES = 4 /* out of memory, disk full */
} cli_exit;

typedef enum cli_type {
    CLI_FLAG,
    CLI_INT,
    CLI_INTS, /* numbers separated by commas; given again, it adds to them */
    CLI_LIST, /* texts likewise; cli_join has them all */
    CLI_TEXT,
    CLI_PATH,
    CLI_CHOICE
} cli_type;

enum { CLI_MAX_LIST = 16, CLI_MAX_OPTIONS = 64 };

/* Options of several verbs; option_rows.c has a row for each. */
typedef enum cli_shared {
    CLI_OWN, /* of one verb */
    CLI_BATCH,
    CLI_CERTIFICATE,
    CLI_CHANNELS,
    CLI_CLASSES,
    CLI_FRAME,
    CLI_GROUPS,
    CLI_HASH_IDS,
    CLI_INTEGRITY,
    CLI_LEVEL,
    CLI_OUT,
    CLI_OUTPUT,
    CLI_PATIENT,
    CLI_POSITIVE,
    CLI_PRECISION,
    CLI_SEED,
    CLI_SIZE,
    CLI_SKIP_UNREADABLE,
    CLI_SPLIT,
    CLI_SUBGROUP,
    CLI_THREADS
} cli_shared;

typedef struct cli_option {
    cli_shared shared; /* else a verb's row may give letter, choices, high, and help with initial, instead of its own */
    const char *name;  /* without the dashes */
    char letter;       /* 0: none */
    cli_type type;
    const char *metavar; /* NULL for flags */
    const char *help;
    long long low, high; /* CLI_INT and CLI_INTS */
    const char *choices; /* CLI_CHOICE: words separated by spaces */
    const char *initial; /* what counts when it is not given, for the help; NULL: `help` says */
} cli_option;

/* A title in the help, in front of an option. */
typedef struct cli_heading {
    const char *option, *title;
} cli_heading;

typedef struct cli_value {
    bool set;
    long long number; /* CLI_INT */
    const char *text; /* CLI_TEXT, CLI_PATH, CLI_CHOICE, CLI_LIST: as given last */
    long long list[CLI_MAX_LIST];
    const char *part[CLI_MAX_LIST]; /* CLI_LIST: as given each time */
    int n_list;                     /* of CLI_INTS numbers, of CLI_LIST times */
} cli_value;

typedef struct cli_args cli_args;

typedef struct cli_verb {
    const char *name;
    const char *operands; /* "MODEL FILES|FOLDERS..." */
    int min_operands, max_operands;
    const char *summary; /* one line */
    const char *text;    /* paragraphs separated by blank lines */
    const char *example; /* lines of "command\tmeaning" */
    const cli_option *options;
    size_t n_options;
    const cli_heading *headings; /* of a long list of options; NULL: none */
    size_t n_headings;
    cli_exit (*run)(const cli_args *args);
    bool hidden;
    const char *operand_words; /* completion of operands: words, or NULL for files */
    bool operand_verbs;        /* the verbs' names instead */
} cli_verb;

struct cli_args {
    const cli_verb *verb;
    cli_value value[CLI_MAX_OPTIONS];
    char **operand;
    int n_operand;
    bool json, help;
    bool colour;           /* of stdout */
    bool progress;         /* stderr is a terminal */
    gal_isa isa;           /* detected, capped by GALEN_CPU */
    const char *isa_asked; /* GALEN_CPU, NULL if unset */
};

/* All verbs, the hidden ones too. */
const cli_verb *const *cli_verbs(size_t *count);
const cli_verb *cli_verb_find(const char *name);

/* Runs one command line; what main returns. */
int cli_main(int argc, char **argv);

/* Reads argv after the verb into *args (operands are moved to the front of argv). Prints what is wrong. */
cli_exit cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *args);
/* The value of an option of the verb's table. */
const cli_value *cli_get(const cli_args *args, const char *option);
long long cli_number(const cli_args *args, const char *option, long long otherwise);
/* All that a CLI_LIST was given, with commas between, into out[size], "" if nothing; false where that has no
 * room. */
bool cli_join(const cli_value *value, char *out, size_t size);
/* The word of `words` (NULL-terminated) nearest to `text`, or NULL when none is near. */
const char *cli_nearest(const char *text, const char *const *words);

/* Option `index` of the verb, those of all verbs (json, help) after its own; false behind the last. */
bool cli_option_at(const cli_verb *verb, size_t index, cli_option *out);

/* Texts from the tables. */
void cli_print_overview(FILE *to);
void cli_print_help(FILE *to, const cli_verb *verb);
void cli_print_man(FILE *to, const cli_verb *verb); /* NULL: galen(1) */
void cli_print_bash(FILE *to);

/* One line on stderr, "galen VERB: message" (and in --json mode an object on stdout); returns `code`. */
__attribute__((format(printf, 3, 4))) cli_exit cli_fail(const cli_args *args, cli_exit code, const char *format, ...);
/* The same for an error of the library. */
cli_exit cli_fail_error(const cli_args *args, const galen_error *err);
cli_exit cli_exit_of(galen_status status);

/* Prints text with control characters made harmless. */
void cli_put_text(FILE *to, const char *text);

/* The path of a file that ships with Galen ("models/x.onnx"), beside the program or in share/galen; valid until the
 * next call. */
galen_status cli_shipped(const char *file, const char **path, galen_error *err);
/* The path of the model that MODEL names: "default" is the one that ships. */
galen_status cli_model_path(const char *name, const char **path, galen_error *err);

/* The path of a policy: "minimal", "balanced", "aggressive" and "medical-critical" ship; others are files. As
 * cli_shipped. */
galen_status cli_policy_path(const char *name, const char **path, galen_error *err);

struct gal_model;
struct gal_weights;
/*
 * Loads MODEL: a file, "default", or "zoo:NAME" built with the options size, channels and classes. `weights` fill a zoo
 * model, NULL: random ones (enough for cost and speed). The caller destroys *out.
 */
galen_status cli_load(const cli_args *args, const char *name, const struct gal_weights *weights, struct gal_model **out,
                      galen_error *err);

extern const cli_verb cli_audit, cli_bench, cli_compare, cli_completion, cli_convert, cli_doctor, cli_eval, cli_guard,
    cli_help, cli_info, cli_man, cli_phantom, cli_predict, cli_profile, cli_report, cli_train;

#endif
