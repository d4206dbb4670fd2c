/* Who the DICOM pictures of a data set are of. */
#include "base/error.h"
#include "base/file.h"
#include "data/dataset_build.h"
#include "dicom/identity.h"

#include <galen/dicom.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* JPEG and PNG by name are not opened: a folder may hold a million. */
static bool may_be_dicom(const char *path) {
    static const char *const others[] = {".jpg", ".jpeg", ".png"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof others / sizeof *others; i++)
        if (!strcasecmp(dot, others[i])) return false;
    return true;
}

static galen_status read_header(const char *path, gal_dicom_identity *out, bool *dicom, galen_error *err) {
    gal_file file;
    GAL_TRY(gal_file_map(path, (size_t)galen_image_default_limits().max_file_bytes, &file, err));
    *dicom = galen_dicom_probe(file.data, file.size);
    galen_status status = *dicom ? gal_dicom_identify(file.data, file.size, out, err) : GALEN_OK;
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

/* A patient and a study whose texts are the same are two. */
static galen_status number_of(gal_texts *known, const gal_dicom_identity *who, size_t *number, galen_error *err) {
    char key[sizeof who->patient + 1];
    const char *text = who->patient[0] ? who->patient : who->study;
    int n = snprintf(key, sizeof key, "%c%s", text == who->patient ? 'p' : 's', text);
    return gal_texts_add(known, key, (size_t)n, number, NULL, err);
}

static galen_status set_group(gal_dataset_build *build, gal_texts *known, const gal_dicom_identity *who,
                              gal_sample *sample, galen_error *err) {
    size_t number = 0;
    if (!who->patient[0] && !who->study[0]) {
        build->set->dicom.unknown++;
        return GALEN_OK;
    }
    GAL_TRY(number_of(known, who, &number, err));
    sample->group = gal_arena_printf(&build->set->arena, "patient %zu", number + 1);
    return sample->group ? GALEN_OK : gal_fail_memory(err, "groups", 32);
}

static galen_status ask(gal_dataset_build *build, gal_texts *known, galen_error *err) {
    gal_sample *sample = (gal_sample *)(void *)build->sample.data;
    gal_dicom_counts *counts = &build->set->dicom;
    bool grouped = build->own_groups || build->options.group_rule;
    for (size_t i = 0; i < build->set->count; i++) {
        gal_dicom_identity who;
        bool dicom = false;
        if (!sample[i].path || !may_be_dicom(sample[i].path)) continue;
        GAL_TRY(read_header(sample[i].path, &who, &dicom, err));
        if (!dicom) continue;
        counts->files++;
        counts->several += who.frames > 1;
        if (!grouped) GAL_TRY(set_group(build, known, &who, &sample[i], err));
    }
    counts->patients = known->count;
    return GALEN_OK;
}

galen_status gal_dataset_ask_headers(gal_dataset_build *build, galen_error *err) {
    gal_arena names; /* of patients: they do not outlive this function */
    gal_texts known;
    gal_arena_init(&names, PTRDIFF_MAX);
    gal_texts_init(&known, &names);
    galen_status status = ask(build, &known, err);
    gal_texts_free(&known);
    gal_arena_free(&names);
    return status;
}
