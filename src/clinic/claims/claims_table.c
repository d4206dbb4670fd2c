/* What the cells of a table of claims mean. */
#include "clinic/claims/claims_table.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "clinic/claims/claims_grid.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_ARENA = 256 << 20, MAX_NAME = 64, IGNORED = -1, TARGET = 1000 };

/* Column names without blanks and signs. */
static const struct {
    const char *name;
    int column;
} known[] = {
    {"sensitivity", GAL_CLAIM_SENSITIVITY},
    {"recall", GAL_CLAIM_SENSITIVITY},
    {"tpr", GAL_CLAIM_SENSITIVITY},
    {"truepositiverate", GAL_CLAIM_SENSITIVITY},
    {"specificity", GAL_CLAIM_SPECIFICITY},
    {"tnr", GAL_CLAIM_SPECIFICITY},
    {"truenegativerate", GAL_CLAIM_SPECIFICITY},
    {"accuracy", GAL_CLAIM_ACCURACY},
    {"acc", GAL_CLAIM_ACCURACY},
    {"balancedaccuracy", GAL_CLAIM_BALANCED_ACCURACY},
    {"precision", GAL_CLAIM_PPV},
    {"ppv", GAL_CLAIM_PPV},
    {"positivepredictivevalue", GAL_CLAIM_PPV},
    {"npv", GAL_CLAIM_NPV},
    {"negativepredictivevalue", GAL_CLAIM_NPV},
    {"f1", GAL_CLAIM_F1},
    {"f1score", GAL_CLAIM_F1},
    {"auc", GAL_CLAIM_AUC},
    {"auroc", GAL_CLAIM_AUC},
    {"rocauc", GAL_CLAIM_AUC},
    {"aucroc", GAL_CLAIM_AUC},
    {"npositive", GAL_COLUMN_POSITIVES},
    {"npositives", GAL_COLUMN_POSITIVES},
    {"npos", GAL_COLUMN_POSITIVES},
    {"positives", GAL_COLUMN_POSITIVES},
    {"nnegative", GAL_COLUMN_NEGATIVES},
    {"nnegatives", GAL_COLUMN_NEGATIVES},
    {"nneg", GAL_COLUMN_NEGATIVES},
    {"negatives", GAL_COLUMN_NEGATIVES},
    {"batch", GAL_COLUMN_BATCH},
    {"batchsize", GAL_COLUMN_BATCH},
    {"concurrency", GAL_COLUMN_CONCURRENCY},
    {"streams", GAL_COLUMN_CONCURRENCY},
    {"instances", GAL_COLUMN_CONCURRENCY},
    {"latency", GAL_COLUMN_LATENCY},
    {"latencys", GAL_COLUMN_LATENCY},
    {"latencyms", GAL_COLUMN_LATENCY},
    {"latencyus", GAL_COLUMN_LATENCY},
    {"throughput", GAL_COLUMN_THROUGHPUT},
    {"throughputimagess", GAL_COLUMN_THROUGHPUT},
    {"imagespersecond", GAL_COLUMN_THROUGHPUT},
    {"imagess", GAL_COLUMN_THROUGHPUT},
    {"samplespersecond", GAL_COLUMN_THROUGHPUT},
    {"fps", GAL_COLUMN_THROUGHPUT},
    {"speedup", GAL_COLUMN_SPEEDUP},
    {"total", GAL_COLUMN_TOTAL},
    {"totalcost", GAL_COLUMN_TOTAL},
    {"cost", GAL_COLUMN_COST},
    {"amount", GAL_COLUMN_COST},
    {"quantity", GAL_COLUMN_QUANTITY},
    {"unitprice", GAL_COLUMN_UNIT_PRICE},
    {"unitcost", GAL_COLUMN_UNIT_PRICE},
    {"source", GAL_COLUMN_SOURCE},
    {"paper", GAL_COLUMN_SOURCE},
    {"study", GAL_COLUMN_SOURCE},
    {"row", GAL_COLUMN_NAME},
    {"name", GAL_COLUMN_NAME},
    {"model", GAL_COLUMN_NAME},
    {"method", GAL_COLUMN_NAME},
    {"variant", GAL_COLUMN_NAME},
    {"item", GAL_COLUMN_NAME},
    {"hardware", GAL_COLUMN_HARDWARE},
    {"device", GAL_COLUMN_HARDWARE},
    {"baseline", GAL_COLUMN_BASELINE},
};

typedef struct reader {
    gal_grid grid;
    int meaning[GAL_GRID_MAX_COLUMNS]; /* a gal_column, TARGET + measure, or IGNORED */
    bool percent[GAL_GRID_MAX_COLUMNS];
    bool part[GAL_GRID_MAX_COLUMNS];
    gal_claim_table *out;
    galen_error *err;
} reader;

static const char *cell_at(const reader *r, size_t row, int column) {
    return r->grid.cell[row * (size_t)r->grid.columns + (size_t)column];
}

/* ---- columns ---- */

/* Letters and digits alone, in small letters. */
static void plain_name(const char *header, char out[MAX_NAME]) {
    size_t n = 0;
    for (; *header && n + 1 < MAX_NAME; header++)
        if (isalnum((unsigned char)*header)) out[n++] = (char)tolower((unsigned char)*header);
    out[n] = 0;
}

static bool cut_end(char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    if (n <= m || strcmp(name + n - m, end) != 0) return false;
    name[n - m] = 0;
    return true;
}

static int look_up(const char *name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name)) return known[i].column;
    return IGNORED;
}

static int meaning_of(const char *header, bool *percent) {
    char name[MAX_NAME];
    if (!strcasecmp(header, "n+")) return GAL_COLUMN_POSITIVES;
    if (!strcasecmp(header, "n-")) return GAL_COLUMN_NEGATIVES;
    plain_name(header, name);
    *percent = strchr(header, '%') != NULL;
    *percent = cut_end(name, "percent") || cut_end(name, "pct") || *percent;
    bool target = cut_end(name, "target") || !strncmp(name, "target", 6);
    int found = look_up(!strncmp(name, "target", 6) ? name + 6 : name);
    if (!target) return found;
    return found >= 0 && found < GAL_N_CLAIMS ? TARGET + found : IGNORED;
}

static double unit_of(const char *header) {
    char name[MAX_NAME];
    plain_name(header, name);
    return cut_end(name, "ms") ? 1e-3 : cut_end(name, "us") ? 1e-6 : 1;
}

static galen_status find_meanings(reader *r) {
    bool seen[TARGET + GAL_N_CLAIMS] = {false};
    for (int c = 0; c < r->grid.columns; c++) {
        const char *header = r->grid.header[c];
        int meaning = r->meaning[c] = meaning_of(header, &r->percent[c]);
        if (meaning == IGNORED) continue;
        if (seen[meaning])
            return gal_fail(r->err, GALEN_ERR_FORMAT, "two columns mean the same, the second is '%.60s': remove one",
                            header);
        seen[meaning] = true;
        if (meaning < GAL_N_COLUMNS) r->out->present[meaning] = true;
        if (meaning == GAL_COLUMN_LATENCY) r->out->latency_unit = unit_of(header);
    }
    for (int c = 0; c < GAL_N_NUMBERS; c++)
        if (seen[c]) return GALEN_OK;
    return gal_fail(r->err, GALEN_ERR_FORMAT,
                    "no column is known: name them accuracy, sensitivity, specificity, auc, n_positive, n_negative, "
                    "throughput, latency_ms, batch, total");
}

/* ---- cells ---- */

/* "1,234": a thousand or a little more than one? */
static bool is_doubtful(const char *text) {
    const char *comma = strchr(text, ',');
    return comma && comma > text && comma - text <= 3 && *text != '0' && strspn(comma + 1, "0123456789") == 3 &&
           !isdigit((unsigned char)comma[4]);
}

/* Currency in front, "x" or a multiplication sign behind. */
static galen_status read_number(const reader *r, size_t row, int column, gal_decimal *out) {
    static const char *const before[] = {"$", "\xe2\x82\xac", "\xc2\xa3"}, *const behind[] = {"x", "X", "\xc3\x97"};
    const char *text = cell_at(r, row, column);
    char copy[MAX_NAME];
    size_t n = strlen(text);
    bool share = r->meaning[column] >= TARGET || (r->meaning[column] >= 0 && r->meaning[column] < GAL_N_CLAIMS);
    if (n < sizeof copy) {
        for (size_t i = 0; i < 3; i++) {
            size_t m = strlen(before[i]);
            if (!share && !strncmp(text, before[i], m)) text += m, n -= m;
        }
        memcpy(copy, text, n + 1);
        for (size_t i = 0; i < 3 && r->meaning[column] == GAL_COLUMN_SPEEDUP; i++)
            if (cut_end(copy, behind[i])) break;
        bool doubtful = !share && is_doubtful(copy);
        if (!doubtful && gal_decimal_read(copy, out)) return GALEN_OK;
        if (doubtful)
            return gal_fail(r->err, GALEN_ERR_FORMAT,
                            "row %zu: %.60s '%.40s' may mean thousands or a decimal comma: write it without the comma",
                            r->grid.number[row], r->grid.header[column], text);
    }
    return gal_fail(r->err, GALEN_ERR_FORMAT,
                    "row %zu: %.60s '%.40s' is not a number: write digits with one point, or leave it empty",
                    r->grid.number[row], r->grid.header[column], text);
}

/* A column nobody knows holds parts of the total when there is one and all it holds are numbers. */
static void find_parts(reader *r) {
    gal_decimal ignored;
    for (int c = 0; c < r->grid.columns && r->out->present[GAL_COLUMN_TOTAL]; c++) {
        bool any = false, all = true;
        galen_error unused, *err = r->err;
        if (r->meaning[c] != IGNORED) continue;
        r->err = &unused;
        for (size_t i = 0; i < r->grid.rows && all; i++) {
            all = read_number(r, i, c, &ignored) == GALEN_OK;
            any = any || (all && ignored.given);
        }
        r->err = err;
        r->part[c] = any && all;
        r->out->n_parts += any && all;
    }
}

static galen_status check_whole(const reader *r, size_t row, int column, const gal_decimal *number) {
    if (!number->given || (number->decimals == 0 && number->units > 0 && !number->percent)) return GALEN_OK;
    return gal_fail(r->err, GALEN_ERR_FORMAT, "row %zu: %.60s '%.40s' is not a whole number above 0",
                    r->grid.number[row], r->grid.header[column], cell_at(r, row, column));
}

static galen_status check_positive(const reader *r, size_t row, int column, const gal_decimal *number) {
    if (!number->given || number->units > 0) return GALEN_OK;
    return gal_fail(r->err, GALEN_ERR_FORMAT, "row %zu: %.60s '%.40s' must be above 0", r->grid.number[row],
                    r->grid.header[column], cell_at(r, row, column));
}

static galen_status read_cell(const reader *r, size_t row, int column, gal_claim_row *out, int *part) {
    int meaning = r->meaning[column];
    const char *text = cell_at(r, row, column);
    if (r->part[column]) return read_number(r, row, column, &out->part[(*part)++]);
    if (meaning >= TARGET) {
        gal_decimal target;
        GAL_TRY(read_number(r, row, column, &target));
        bool percent = target.percent || r->percent[column] || gal_decimal_value(target) > 1;
        if (target.given) out->target[meaning - TARGET] = gal_decimal_value(target) / (percent ? 100 : 1);
        return GALEN_OK;
    }
    switch (meaning) {
    case IGNORED: return GALEN_OK;
    case GAL_COLUMN_SOURCE: out->source = text; return GALEN_OK;
    case GAL_COLUMN_NAME: out->name = text; return GALEN_OK;
    case GAL_COLUMN_HARDWARE: out->hardware = text; return GALEN_OK;
    case GAL_COLUMN_BASELINE: out->baseline = text; return GALEN_OK;
    default: break;
    }
    GAL_TRY(read_number(r, row, column, &out->value[meaning]));
    if (meaning >= GAL_COLUMN_POSITIVES && meaning <= GAL_COLUMN_CONCURRENCY)
        return check_whole(r, row, column, &out->value[meaning]);
    if (meaning >= GAL_COLUMN_LATENCY && meaning <= GAL_COLUMN_SPEEDUP)
        return check_positive(r, row, column, &out->value[meaning]);
    return GALEN_OK;
}

/* All that tells one row from another: texts, counts, batch, and what nobody knows. */
static const char *key_of(const reader *r, size_t row) {
    gal_buf key;
    gal_buf_init(&key, GAL_GRID_MAX_BYTES);
    for (int c = 0; c < r->grid.columns; c++) {
        int m = r->meaning[c];
        bool tells = (m == IGNORED && !r->part[c]) || (m >= GAL_N_NUMBERS && m < GAL_N_COLUMNS) ||
                     (m >= GAL_COLUMN_POSITIVES && m <= GAL_COLUMN_CONCURRENCY);
        if (tells) gal_buf_text(&key, cell_at(r, row, c));
        gal_buf_text(&key, "\n");
    }
    char *kept = key.failed ? NULL : gal_arena_text(&r->out->arena, (const char *)key.data, key.size);
    gal_buf_free(&key);
    return kept;
}

static galen_status read_rows(reader *r) {
    gal_claim_table *t = r->out;
    t->row = gal_arena_alloc(&t->arena, r->grid.rows, sizeof *t->row);
    if (!t->row) return gal_fail_memory(r->err, "a table of claims", r->grid.rows * sizeof *t->row);
    t->n_rows = r->grid.rows;
    for (size_t i = 0; i < t->n_rows; i++) {
        gal_claim_row *row = &t->row[i];
        int part = 0;
        *row = (gal_claim_row){.number = r->grid.number[i], .source = "", .name = "", .hardware = "", .baseline = ""};
        for (int m = 0; m < GAL_N_CLAIMS; m++) row->target[m] = NAN;
        row->part = gal_arena_alloc(&t->arena, (size_t)t->n_parts + 1, sizeof *row->part);
        row->key = key_of(r, i);
        if (!row->part || !row->key) return gal_fail_memory(r->err, "a table of claims", r->grid.rows);
        for (int c = 0; c < r->grid.columns; c++) GAL_TRY(read_cell(r, i, c, row, &part));
    }
    return GALEN_OK;
}

static galen_status name_columns(reader *r) {
    gal_claim_table *t = r->out;
    t->part = gal_arena_alloc(&t->arena, (size_t)r->grid.columns, sizeof *t->part);
    t->ignored = gal_arena_alloc(&t->arena, (size_t)r->grid.columns, sizeof *t->ignored);
    if (!t->part || !t->ignored) return gal_fail_memory(r->err, "a table of claims", sizeof *t->part);
    int part = 0;
    for (int c = 0; c < r->grid.columns; c++) {
        if (r->part[c])
            t->part[part++] = r->grid.header[c];
        else if (r->meaning[c] == IGNORED)
            t->ignored[t->n_ignored++] = r->grid.header[c];
    }
    return GALEN_OK;
}

/* ---- shares or percent ---- */

static galen_status find_percent(reader *r, int column) {
    gal_claim_measure m = (gal_claim_measure)r->meaning[column];
    size_t above = 0, below = 0;
    bool sign = r->percent[column];
    for (size_t i = 0; i < r->out->n_rows; i++) {
        const gal_decimal *claim = &r->out->row[i].value[m];
        double value = gal_decimal_value(*claim);
        sign = sign || claim->percent;
        if (claim->given && value > 1) above = r->grid.number[i];
        if (claim->given && value <= 1 && value > 0) below = r->grid.number[i];
    }
    if (!sign && above > 0 && below > 0)
        return gal_fail(r->err, GALEN_ERR_FORMAT,
                        "%.60s is above 1 in row %zu and not in row %zu: write all as shares, or all with %%",
                        r->grid.header[column], above, below);
    r->out->percent[m] = sign || above > 0;
    return GALEN_OK;
}

static galen_status read_table(reader *r) {
    GAL_TRY(find_meanings(r));
    find_parts(r);
    GAL_TRY(read_rows(r));
    GAL_TRY(name_columns(r));
    for (int c = 0; c < r->grid.columns; c++)
        if (r->meaning[c] >= 0 && r->meaning[c] < GAL_N_CLAIMS) GAL_TRY(find_percent(r, c));
    return GALEN_OK;
}

galen_status gal_claim_table_parse(const void *bytes, size_t size, gal_claim_table *out, galen_error *err) {
    reader r = {.out = out, .err = err};
    *out = (gal_claim_table){.latency_unit = 1};
    gal_arena_init(&out->arena, MAX_ARENA);
    galen_status status = gal_grid_read(bytes, size, &out->arena, &r.grid, err);
    if (status == GALEN_OK) status = read_table(&r);
    if (status != GALEN_OK) gal_claim_table_free(out);
    return status;
}

galen_status gal_claim_table_load(const char *path, gal_claim_table *out, galen_error *err) {
    gal_file file;
    *out = (gal_claim_table){0};
    GAL_TRY(gal_file_map(path, GAL_GRID_MAX_BYTES, &file, err));
    galen_status status = gal_claim_table_parse(file.data, file.size, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? GALEN_OK : gal_fail_in(err, status, path);
}

void gal_claim_table_free(gal_claim_table *table) {
    gal_arena_free(&table->arena);
    *table = (gal_claim_table){0};
}

gal_claim_set gal_claim_row_set(const gal_claim_table *table, const gal_claim_row *row) {
    gal_claim_set set = {.positives = row->value[GAL_COLUMN_POSITIVES].units,
                         .negatives = row->value[GAL_COLUMN_NEGATIVES].units};
    memcpy(set.claim, row->value, sizeof set.claim);
    memcpy(set.percent, table->percent, sizeof set.percent);
    return set;
}

galen_status gal_claim_targets(const char *text, double out[GAL_N_CLAIMS], galen_error *err) {
    for (int m = 0; m < GAL_N_CLAIMS; m++) out[m] = NAN;
    while (*text) {
        char part[MAX_NAME], name[MAX_NAME];
        size_t n = strcspn(text, ",");
        gal_decimal number = {0};
        snprintf(part, sizeof part, "%.*s", (int)(n < MAX_NAME ? n : MAX_NAME - 1), text);
        char *value = strchr(part, '=');
        if (value) *value++ = 0;
        plain_name(part, name);
        int measure = look_up(name);
        if (!value || measure < 0 || measure >= GAL_N_CLAIMS || !gal_decimal_read(value, &number) || !number.given)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "'%.*s' is no target: write sensitivity=0.95, auc=97%% and so on",
                            (int)(n < MAX_NAME ? n : MAX_NAME - 1), text);
        out[measure] = gal_decimal_value(number) / (number.percent || gal_decimal_value(number) > 1 ? 100 : 1);
        text += n;
        if (*text == ',') text++;
    }
    return GALEN_OK;
}
