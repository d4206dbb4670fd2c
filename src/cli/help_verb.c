/* galen help, galen completion and the hidden galen man: texts made from the verbs' tables. */
#include "cli/cli.h"
#include "cli/json.h"

#include <galen/version.h>
#include <string.h>

static const char *type_name(const cli_option *option) {
    static const char *const names[] = {
        [CLI_FLAG] = "flag", [CLI_INT] = "integer", [CLI_INTS] = "integers", [CLI_LIST] = "texts",
        [CLI_TEXT] = "text", [CLI_PATH] = "path",   [CLI_CHOICE] = "choice"};
    return names[option->type];
}

static void json_verb(cli_json *json, const cli_verb *verb) {
    cli_option option;
    json_open(json, NULL, '{');
    json_text(json, "name", verb->name);
    json_text(json, "operands", verb->operands);
    json_text(json, "summary", verb->summary);
    json_open(json, "options", '[');
    for (size_t i = 0; cli_option_at(verb, i, &option); i++) {
        json_open(json, NULL, '{');
        json_text(json, "name", option.name);
        json_text(json, "type", type_name(&option));
        json_text(json, "help", option.help);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void json_help(const cli_verb *only) {
    size_t count;
    const cli_verb *const *verbs = cli_verbs(&count);
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "version", galen_version());
    json_open(&json, "verbs", '[');
    for (size_t i = 0; i < count; i++)
        if (only ? verbs[i] == only : !verbs[i]->hidden) json_verb(&json, verbs[i]);
    json_close(&json, ']');
    json_close(&json, '}');
}

static cli_exit wanted_verb(const cli_args *args, const cli_verb **verb) {
    *verb = NULL;
    if (!args->n_operand) return CLI_DONE;
    *verb = cli_verb_find(args->operand[0]);
    return *verb ? CLI_DONE
                 : cli_fail(args, CLI_USAGE, "there is no verb '%s'; 'galen help' lists them", args->operand[0]);
}

static cli_exit run_help(const cli_args *args) {
    const cli_verb *verb;
    cli_exit code = wanted_verb(args, &verb);
    if (code != CLI_DONE) return code;
    if (args->json)
        json_help(verb);
    else if (verb)
        cli_print_help(stdout, verb);
    else
        cli_print_overview(stdout);
    return CLI_DONE;
}

const cli_verb cli_help = {
    .name = "help",
    .operands = "[VERB]",
    .max_operands = 1,
    .summary = "list the verbs, or explain one",
    .text = "Without VERB, lists all verbs. 'galen VERB --help' is the same as 'galen help VERB'.",
    .run = run_help,
    .operand_verbs = true,
};

static cli_exit run_man(const cli_args *args) {
    const cli_verb *verb;
    cli_exit code = wanted_verb(args, &verb);
    if (code == CLI_DONE) cli_print_man(stdout, verb);
    return code;
}

const cli_verb cli_man = {
    .name = "man",
    .operands = "[VERB]",
    .max_operands = 1,
    .summary = "print a manual page in roff",
    .text = "Prints galen(1), or the page of VERB, for the build to install.",
    .run = run_man,
    .hidden = true,
};

static cli_exit run_completion(const cli_args *args) {
    const char *shell = args->operand[0];
    bool zsh = !strcmp(shell, "zsh");
    if (!zsh && strcmp(shell, "bash") != 0)
        return cli_fail(args, CLI_USAGE, "'%s' is no shell Galen knows; use bash or zsh", shell);
    if (args->json) {
        cli_json json = json_start(stdout);
        json_open(&json, NULL, '{');
        json_text(&json, "shell", shell);
        json_text(&json, "use", zsh ? "source <(galen completion zsh)" : "source <(galen completion bash)");
        json_close(&json, '}');
        return CLI_DONE;
    }
    if (zsh) puts("autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit");
    cli_print_bash(stdout);
    return CLI_DONE;
}

const cli_verb cli_completion = {
    .name = "completion",
    .operands = "bash|zsh",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print a completion script for a shell",
    .text = "Prints a script that completes verbs, options and their values.",
    .example = "source <(galen completion bash)\tin ~/.bashrc",
    .run = run_completion,
    .operand_words = "bash zsh",
};
