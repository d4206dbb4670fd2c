/* Certificates for people. */
#include "cli/certificate.h"

#include "base/error.h"
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

galen_status certificate_open(const cli_args *args, const char *model_sha256, cli_certificate *out, galen_error *err) {
    const char *key_path = cli_get(args, "key")->text;
    gal_ed25519 *key = NULL;
    *out = (cli_certificate){.path = cli_get(args, "certificate")->text};
    if (!out->path && key_path)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "--key checks a certificate: name it with --certificate FILE");
    if (!out->path) return GALEN_OK;
    GAL_TRY(gal_certificate_load(out->path, &out->json, err));
    if (key_path) GAL_TRY(gal_ed25519_public(key_path, &key, err));
    galen_status status = gal_certificate_check_model(out->json, model_sha256, key, &out->check, err);
    gal_ed25519_free(key);
    return status;
}

void certificate_close(cli_certificate *certificate) {
    json_decref(certificate->json);
    *certificate = (cli_certificate){0};
}

cli_exit certificate_exit(const cli_certificate *certificate) {
    return certificate->json && !certificate->check.valid ? CLI_NO : CLI_DONE;
}

/* ---- text ---- */

static const char *text_at(const json_t *object, const char *member, const char *key) {
    const char *text = json_string_value(json_object_get(json_object_get(object, member), key));
    return text ? text : "-";
}

static void put(const char *title, const char *text) {
    printf("%-11s", title);
    cli_put_text(stdout, text);
    puts("");
}

static void print_signature(const cli_certificate *c) {
    static const char *const says[] = {"none", "wrong", "by the key that the certificate names; give --key to be sure",
                                       "by the given key"};
    printf("signature  %s", says[c->check.signature]);
    if (c->check.signature != GAL_UNSIGNED) printf(" (Ed25519 %.16s)", text_at(c->json, "signature", "public_key"));
    puts("");
}

static const char *scalar(const json_t *gate, const char *key) {
    const char *text = json_string_value(json_object_get(gate, key));
    return text ? text : "";
}

static const char *number(char out[TABLE_NUMBER], const json_t *gate, const char *key) {
    const char *text = json_string_value(json_object_get(gate, key));
    if (text)
        (void)snprintf(out, TABLE_NUMBER, "%.4f", strtod(text, NULL));
    else
        (void)snprintf(out, TABLE_NUMBER, "-");
    return out;
}

static void print_gates(const json_t *gates) {
    static const char *const heads[] = {"gate", "figure", "of", "value", "bound", "at least", "verdict", NULL};
    char text[TABLE_NUMBER];
    cli_table table;
    size_t i;
    json_t *gate;
    putchar('\n');
    table_start(&table, heads, "lllrrrl");
    json_array_foreach(gates, i, gate) {
        table_cell(&table, "%.40s", scalar(gate, "gate"));
        table_cell(&table, "%.40s", scalar(gate, "figure"));
        table_cell(&table, "%.40s", scalar(gate, "of"));
        table_cell(&table, "%s", number(text, gate, "value"));
        table_cell(&table, "%s", number(text, gate, "low"));
        table_cell(&table, "%s", number(text, gate, "at_least"));
        table_cell(&table, "%.40s", scalar(gate, "verdict"));
    }
    table_end(&table, stdout);
}

void certificate_print(const cli_certificate *c) {
    static const char *const side[] = {"the reference", "the candidate"};
    const json_t *data = json_object_get(c->json, "data");
    if (!c->json) return;
    puts("\nCertificate");
    put("file", c->path);
    printf("holds      %s%s\n", c->check.valid ? "yes" : "no: ", c->check.valid ? "" : c->check.why);
    put("issued", scalar(c->json, "created"));
    printf("this model %s\n", c->check.side < 0 ? "is not named in it" : side[c->check.side]);
    for (int i = 0; i < GAL_SIDES; i++) {
        const char *name = i == GAL_REFERENCE ? "reference" : "candidate";
        printf("%-11ssha256 %.12s, ", name, text_at(c->json, name, "sha256"));
        cli_put_text(stdout, text_at(c->json, name, "precision"));
        puts("");
    }
    printf("data       sha256 %.12s, %lld cases\n", text_at(c->json, "data", "sha256"),
           (long long)json_integer_value(json_object_get(data, "cases")));
    fputs("policy     ", stdout);
    cli_put_text(stdout, text_at(c->json, "policy", "name"));
    printf(", sha256 %.12s\n", text_at(c->json, "policy", "sha256"));
    print_signature(c);
    print_gates(json_object_get(c->json, "gates"));
}

/* ---- JSON ---- */

void certificate_json(cli_json *json, const cli_certificate *c) {
    static const char *const side[] = {"reference", "candidate"};
    static const char *const signature[] = {"none", "wrong", "of the named key", "of the given key"};
    if (!c->json) return;
    char *content = json_dumps(c->json, JSON_COMPACT);
    json_open(json, "certificate", '{');
    json_text(json, "file", c->path);
    json_bool(json, "valid", c->check.valid);
    json_text(json, "why", c->check.why);
    json_text(json, "role", c->check.side < 0 ? NULL : side[c->check.side]);
    json_text(json, "signature", signature[c->check.signature]);
    json_raw(json, "content", content ? content : "null");
    json_close(json, '}');
    free(content);
}
