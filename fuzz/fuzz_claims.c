/* Fuzz target: a table of published claims. Links data. */
#include "clinic/claims/claims_audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_claim_table table;
    gal_audit audit;
    galen_error err;
    if (gal_claim_table_parse(data, size, &table, &err) != GALEN_OK) return 0;
    bool small = table.n_rows <= 64;
    for (size_t i = 0; i < table.n_rows; i++)
        for (int c = GAL_COLUMN_POSITIVES; c <= GAL_COLUMN_NEGATIVES; c++)
            small = small && table.row[i].value[c].units < 1000; /* searches take as long as there are cases */
    if (small && gal_audit_run(&table, GAL_ROUND_ANY, NULL, &audit, &err) == GALEN_OK) {
        json_decref(gal_audit_json(&audit));
        gal_audit_free(&audit);
    }
    gal_claim_table_free(&table);
    return 0;
}
