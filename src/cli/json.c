/* The JSON writer. */
#include "cli/json.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>

enum { JSON_TALL = 2 }; /* objects down to this depth take a line an entry, deeper ones stay on theirs */

cli_json json_start(FILE *to) {
    return (cli_json){.to = to};
}

static void put_string(FILE *to, const char *text) {
    fputc('"', to);
    for (const char *s = text; *s;) {
        size_t n = gal_utf8_length(s);
        if (n == 0)
            fputs("\\ufffd", to);
        else if (*s == '"' || *s == '\\')
            fprintf(to, "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            fprintf(to, "\\u%04x", (unsigned)*s);
        else
            fwrite(s, 1, n, to);
        s += n > 0 ? n : 1;
    }
    fputc('"', to);
}

static void line(cli_json *json, int depth) {
    fprintf(json->to, "\n%*s", 2 * depth, "");
}

static void before(cli_json *json, const char *key) {
    if (json->any[json->depth]) fputs(json->depth > JSON_TALL ? ", " : ",", json->to);
    json->any[json->depth] = true;
    if (json->depth && json->depth <= JSON_TALL) line(json, json->depth);
    if (!key) return;
    put_string(json->to, key);
    fputs(": ", json->to);
}

void json_open(cli_json *json, const char *key, char bracket) {
    before(json, key);
    fputc(bracket, json->to);
    if (json->depth + 1 < JSON_DEPTH) json->depth++;
    json->any[json->depth] = false;
}

void json_close(cli_json *json, char bracket) {
    bool any = json->any[json->depth];
    if (json->depth) json->depth--;
    if (any && json->depth < JSON_TALL) line(json, json->depth);
    fputc(bracket, json->to);
    if (!json->depth) fputc('\n', json->to);
}

void json_text(cli_json *json, const char *key, const char *text) {
    before(json, key);
    if (text)
        put_string(json->to, text);
    else
        fputs("null", json->to);
}

void json_number(cli_json *json, const char *key, double number) {
    before(json, key);
    if (isfinite(number))
        fprintf(json->to, "%.9g", number);
    else
        fputs("null", json->to);
}

void json_int(cli_json *json, const char *key, int64_t number) {
    before(json, key);
    fprintf(json->to, "%" PRId64, number);
}

void json_bool(cli_json *json, const char *key, bool value) {
    before(json, key);
    fputs(value ? "true" : "false", json->to);
}

void json_raw(cli_json *json, const char *key, const char *text) {
    before(json, key);
    fputs(text, json->to);
}
