/* What the files that show evidence share. */
#ifndef GAL_CLI_EVAL_SHOW_PARTS_H
#define GAL_CLI_EVAL_SHOW_PARTS_H

#include <jansson.h>
#include <stdio.h>

enum { SHOW_CELL = 96, SHOW_NUMBER = 40 };

/* Members of an object: NULL, 0 and NaN where there is none. */
const char *show_text_of(const json_t *object, const char *key);
long long show_whole_of(const json_t *object, const char *key);
double show_number_of(const json_t *object, const char *key);

/* "0.8433", "-" of NaN; "0.8133 to 0.8717". */
const char *show_number(char out[SHOW_NUMBER], double value);
const char *show_interval(char out[SHOW_CELL], double low, double high);

/* A title and a line of text. */
void show_line(FILE *to, const char *title, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Parts of results. `figures`: {NAME: estimate, ...}; `classes`: of a multi-class or multi-label evaluation. */
void show_figures(FILE *to, const json_t *figures, double level);
void show_classes(FILE *to, const json_t *classes, double level);
void show_groups(FILE *to, const json_t *subgroups);
void show_curve(FILE *to, const json_t *decision_curve);

#endif
