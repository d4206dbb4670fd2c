/* The build id, from the notes of the loaded object. */
#include "base/build.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool read_note(const uint8_t *at, size_t size, char *out) {
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        size_t name = (note.n_namesz + 3u) / 4 * 4, text = (note.n_descsz + 3u) / 4 * 4;
        if (name > size - sizeof note || text > size - sizeof note - name) return false;
        const uint8_t *id = at + sizeof note + name;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(id - name, "GNU", 4) == 0 &&
            note.n_descsz > 0 && 2 * note.n_descsz < GAL_BUILD_ID_HEX) {
            for (size_t i = 0; i < note.n_descsz; i++) snprintf(out + 2 * i, 3, "%02x", id[i]);
            return true;
        }
        at += sizeof note + name + text;
        size -= sizeof note + name + text;
    }
    return false;
}

static bool holds_this(const struct dl_phdr_info *object) {
    uintptr_t here = (uintptr_t)&gal_build_id;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        uintptr_t from = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        if (object->dlpi_phdr[i].p_type == PT_LOAD && here >= from && here - from < object->dlpi_phdr[i].p_memsz)
            return true;
    }
    return false;
}

static int look(struct dl_phdr_info *object, size_t size, void *out) {
    (void)size;
    if (!holds_this(object)) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        /* Notes lie in memory that the loader has mapped: the cast gives them a place in it. */
        const uint8_t *at = (const uint8_t *)(uintptr_t)(object->dlpi_addr + part->p_vaddr);
        if (part->p_type == PT_NOTE && read_note(at, part->p_memsz, out)) return 1;
    }
    return -1;
}

bool gal_build_id(char out[GAL_BUILD_ID_HEX]) {
    return dl_iterate_phdr(look, out) == 1;
}
