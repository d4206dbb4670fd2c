/* JSON on a stream as the results come: no document in memory, and a file name that is not UTF-8 still gives valid
 * JSON. */
#ifndef GAL_CLI_JSON_H
#define GAL_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH = 16 };

typedef struct cli_json {
    FILE *to;
    int depth;
    bool any[JSON_DEPTH]; /* something stands at that depth already */
} cli_json;

cli_json json_start(FILE *to);
/* `key` is NULL inside arrays and for the outermost object. bracket: '{' or '['. */
void json_open(cli_json *json, const char *key, char bracket);
/* bracket: '}' or ']'. The last one ends the line. */
void json_close(cli_json *json, char bracket);
void json_text(cli_json *json, const char *key, const char *text); /* NULL text: null */
void json_number(cli_json *json, const char *key, double number);  /* 9 significant digits; NaN and infinity: null */
void json_int(cli_json *json, const char *key, int64_t number);
void json_bool(cli_json *json, const char *key, bool value);
/* `text` is JSON already. */
void json_raw(cli_json *json, const char *key, const char *text);

#endif
